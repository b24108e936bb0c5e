"""Regular expressions as Go has them: RE2's, whose time grows with the text and no faster."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

_PATTERN_LIMIT = 10_000


class BadPattern(ValueError):
    """Not a regular expression."""


class Pattern:
    """A compiled regular expression over texts that may hold broken bytes."""

    def __init__(self, pattern: Any) -> None:
        self._pattern = pattern

    def found(self, text: str) -> tuple[str | None, ...] | None:
        """Return the first match and its groups, `None` for a group without part in it."""
        match = self._pattern.search(_octets(text))
        if match is None:
            return None
        return tuple(None if each is None else _text(each) for each in (match[0], *match.groups()))

    def sub(self, replacement: str | Callable[[tuple[str, ...]], str], text: str) -> str:
        """Return a text with every match replaced; a function gets the match and its groups."""

        def replaced(match: Any) -> bytes:
            if isinstance(replacement, str):
                return _octets(replacement)
            return _octets(replacement(tuple(_text(each or b"") for each in (match[0], *match.groups()))))

        return _text(self._pattern.sub(replaced, _octets(text)))


@lru_cache(256)
def compiled(pattern: str) -> Pattern:
    """Compile a regular expression; `BadPattern` says what is wrong with it."""
    if len(pattern) > _PATTERN_LIMIT:
        raise BadPattern("it is too long")
    options = re2.Options()
    options.log_errors = False
    try:
        return Pattern(re2.compile(_octets(pattern), options))
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        raise BadPattern(
            reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        ) from None


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")
