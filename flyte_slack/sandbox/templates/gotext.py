"""Texts as Go's `strings` and `unicode` packages treat them."""

import re

SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go takes for whitespace."""

_FIELD = re.compile(f"[^{SPACE}]+")


def fields(text: str) -> list[str]:
    """Return the words between whitespace."""
    return _FIELD.findall(text)


def trimmed(text: str) -> str:
    """Return a text without whitespace around it."""
    return text.strip(SPACE)


def upper(text: str) -> str:
    """Return a text in capitals; no character becomes two."""
    return "".join(map(_upper, text)) if not text.isascii() else text.upper()


def lower(text: str) -> str:
    """Return a text in small letters; no character becomes two."""
    return "".join(each.lower()[0] for each in text) if not text.isascii() else text.lower()


def title(text: str) -> str:
    """Return a text with each word's first letter in title case."""
    result, previous = [], " "
    for each in text:
        result.append(_title(each) if _separates(previous) else each)
        previous = each
    return "".join(result)


def _upper(character: str) -> str:
    return next((each for each in (character.upper(), character.title()) if len(each) == 1), character)


def _title(character: str) -> str:
    titled = character.title()
    return titled if len(titled) == 1 else character


def _separates(character: str) -> bool:
    if character.isascii():
        return not (character.isalnum() or character == "_")
    return character in SPACE
