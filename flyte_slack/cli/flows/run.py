"""Runs one test file, and says what came instead of what was expected."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .expectations import TestFile, is_test, load
from .source import SUFFIXES, Unreadable
from .world import Unmet, World, read_flow, world

_LOOK_EVERY = 0.05


@dataclass(slots=True)
class Outcome:
    """What came of one test file.

    Attributes:
        file: its path.
        name: as it names itself.
        problems: what is wrong, a paragraph each; none if it has passed.
        seconds: how long it took.
    """

    file: str
    name: str
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


async def run(path: Path, pack: str = "Slack") -> Outcome:
    """Run a test file.

    Raises:
        Unreadable: it is no test, or names flows that are not there.
    """
    test = load(path)
    flows = [read_flow(each) for each in _flows(path, test)]
    others = {
        str(part.get("packName"))
        for flow in flows
        for step in flow.get("steps") or ()
        for part in (step.get("event") or {}, step.get("command") or {})
        if part.get("packName") not in (None, pack)
    }
    begun = time.monotonic()
    outcome = Outcome(str(path), test.name)
    async with world(flows, others, test.within) as it:
        try:
            for number, given in enumerate(test.given, 1):
                try:
                    await it.do(given)
                except Unmet as error:
                    raise Unmet(f"step {number} of given cannot be done: {error}") from None
            outcome.problems += await _problems(it, test)
        except Unmet as error:
            outcome.problems.append(str(error))
        if outcome.problems:
            outcome.problems.append(await _instead(it))
    outcome.seconds = time.monotonic() - begun
    return outcome


async def _problems(it: World, test: TestFile) -> list[str]:
    """Return what did not come in time, and what came that never should."""
    end = time.monotonic() + test.within
    while (missing := await it.unmet(test.expect, ordered=test.ordered)) and time.monotonic() < end:
        await asyncio.sleep(_LOOK_EVERY)
    if not missing:
        await it.settled()
    problems = [f"expected, and did not come within {test.within:g} s: {each}" for each in missing]
    for each in test.never:
        if not await it.unmet([each]):
            problems.append(f"was never to come, and came: {each}")
    return problems


async def _instead(it: World) -> str:
    """Return what can be told of why: criteria that were false, templates that failed, what was posted."""
    lines = []
    entries = await it.trace()
    for entry in entries:
        where = f"{entry['flow']} / {entry['step'] or 'a step'}"
        if entry["kind"] == "criteria" and not entry["detail"]["true"]:
            lines.append(f"{where}: the criteria was false: {_criteria(entry['detail'])}")
        elif entry["kind"] == "error":
            lines.append(f"{where}: {_told(entry['detail'])}")
    posted = [f"posted in {each['channel']}: {each['text']!r}" for each in it.posted()]
    if not any(entry["kind"] == "criteria" for entry in entries):
        lines.append("no step of the flows waits for what happened")
    return "\n".join([*lines, *(posted or ["nothing was posted"])])


def _criteria(detail: Any) -> str:
    values = ", ".join(f"{path} was {value!r}" for path, value in (detail.get("values") or {}).items())
    return f"{detail.get('template')} ({values})" if values else str(detail.get("template"))


def _told(detail: Any) -> str:
    if not _is_object(detail):
        return str(detail)
    return ", ".join(f"{key} {value!r}" for key, value in detail.items())


def _is_object(detail: Any) -> bool:
    return isinstance(detail, Mapping)


def _flows(path: Path, test: TestFile) -> Sequence[Path]:
    """Return the flow files that a test is of: those it names, or all of its folder."""
    folder = path.parent
    if test.flows is None:
        candidates = sorted(each for each in folder.iterdir() if each.suffix in SUFFIXES)
        found = [each for each in candidates if not is_test(each)]
    else:
        found = [folder / name for name in test.flows]
    for each in found:
        if not each.is_file():
            raise Unreadable(f"{path}: the flow {each.name} is not in its folder")
    if not found:
        raise Unreadable(f"{path}: there is no flow in its folder")
    return found
