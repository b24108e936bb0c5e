"""The command `flows test`: runs test files, several at once, each in a process of its own."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement

from ... import logs
from .expectations import is_test, load
from .run import Outcome, run
from .source import Unreadable, files

_ONE = "FLYTE_SLACK_FLOWS_TEST_ONE"  # in a child's environment: run one file, and print its outcome


async def command(arguments: argparse.Namespace) -> int:
    """Run the tests; return 0 if all pass, 1 if one fails, 2 for a path or a test that cannot be read."""
    try:
        if os.environ.pop(_ONE, None):
            logs.configure("error", "console")
            print(json.dumps(asdict(await run(arguments.path[0]))))
            return 0
        tests = [path for path in files(arguments.path) if is_test(path)]
        for test in tests:
            load(test)
    except Unreadable as error:
        print(f"flyte-slack: {error}", file=sys.stderr)
        return 2
    if not tests:
        print("flyte-slack: no test: a test is a file with given, beside the flows", file=sys.stderr)
        return 2
    outcomes = await _all(tests)
    _report(outcomes)
    if arguments.junit:
        _junit(outcomes, arguments.junit)
    return int(any(outcome.problems for outcome in outcomes))


async def _all(tests: Sequence[Path]) -> list[Outcome]:
    free = asyncio.Semaphore(os.cpu_count() or 1)
    done = 0

    async def one(path: Path) -> Outcome:
        nonlocal done
        async with free:
            outcome = await _child(path)
        done += 1
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done} of {len(tests)} tests" + ("\n" if done == len(tests) else ""))
            sys.stderr.flush()
        return outcome

    return list(await asyncio.gather(*map(one, tests)))


async def _child(path: Path) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "flyte_slack", "flows", "test", str(path)),
        env={**os.environ, _ONE: "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode == 0:
        return Outcome(**json.loads(out))
    return Outcome(str(path), load(path).name, [err.decode().strip() or "the test stopped without a word"])


def _report(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        print(f"{'FAILED' if outcome.problems else 'passed'}  {outcome.file}: {outcome.name}")
        for problem in outcome.problems:
            for line in problem.splitlines():
                print(f"        {line}")
    failed = sum(bool(outcome.problems) for outcome in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")


def _junit(outcomes: Sequence[Outcome], path: Path) -> None:
    suite = Element(
        "testsuite",
        name="flows",
        tests=str(len(outcomes)),
        failures=str(sum(bool(outcome.problems) for outcome in outcomes)),
        time=f"{sum(outcome.seconds for outcome in outcomes):.3f}",
    )
    for outcome in outcomes:
        case = SubElement(
            suite, "testcase", classname=outcome.file, name=outcome.name, time=f"{outcome.seconds:.3f}"
        )
        if outcome.problems:
            failure = SubElement(case, "failure", message=outcome.problems[0])
            failure.text = "\n".join(outcome.problems)
    ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
