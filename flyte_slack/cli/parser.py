"""The parser of the command line: its help, and what it says of a misspelt word."""

import argparse
import difflib
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from .. import __version__


class Parser(argparse.ArgumentParser):
    """Names the nearest command or option for one that it does not know."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and refuse what is left over with the nearest option."""
        parsed, rest = self.parse_known_args(args, namespace)
        if rest:
            unknown = next((word for word in rest if word.startswith("-")), rest[0])
            self.error(f"unknown argument {unknown!r}{nearest(unknown.partition('=')[0], self.options())}")
        return parsed

    def options(self) -> Iterator[str]:
        """Yield every option of this parser and of those below it."""
        for action in self._actions:
            yield from action.option_strings
            if isinstance(action, argparse._SubParsersAction):
                for below in action.choices.values():
                    yield from below.options()

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            what = "command" if isinstance(action, argparse._SubParsersAction) else "value"
            known = ", ".join(map(str, action.choices))
            raise argparse.ArgumentError(
                None, f"unknown {what} {value!r}{nearest(str(value), map(str, action.choices))} ({known})"
            )

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where to look."""
        self.exit(2, f"{self.prog}: {message}\ntry '{self.prog} --help'\n")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` for a misspelt word, or nothing if no known one is near."""
    found = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {found[0]}?" if found else ""


def top() -> Parser:
    """Return the parser of the program, without its commands."""
    parser = Parser(
        prog="flyte-slack",
        description="Slack pack for Flyte. Settings are environment variables, listed in docs/settings.md.",
    )
    parser.add_argument("--version", action="version", version=f"flyte-slack {__version__}")
    return parser
