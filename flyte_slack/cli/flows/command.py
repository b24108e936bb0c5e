"""The command `flows check`: problems as `file:line: problem`."""

import argparse
import json
import sys

from ..schema import document
from .check import Checker
from .source import Problem, Unreadable, files


async def check(arguments: argparse.Namespace) -> int:
    """Print what is wrong; return 1 if there is any problem, 0 if there is none, 2 for an unreadable path."""
    checker = Checker(document(), arguments.pack_name)
    try:
        problems = [problem for path in files(arguments.path) for problem in checker.check(path)]
    except Unreadable as error:
        print(f"flyte-slack: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps({"problems": [problem.wire() for problem in problems]}, indent=2))
    else:
        for problem in problems:
            print(problem)
    return int(any(_counts(problem, strict=arguments.strict) for problem in problems))


def _counts(problem: Problem, *, strict: bool) -> bool:
    return strict or problem.severity == "error"
