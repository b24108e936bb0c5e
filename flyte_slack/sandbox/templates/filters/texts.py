"""Filters for plain texts."""

from urllib.parse import quote_plus

from .. import values
from ..budget import Budget
from ..errors import Panic
from ..gotext import fields, lower, title, upper
from ..numbers import as_integer
from ..values import Value, text

_UNTOUCHED_IN_IRI = frozenset("/#%[]=:;$&()+,!?*@'~")

_KEYS = ("abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz")
_PHONE = str.maketrans(
    {letter: str(n) for n, key in enumerate(_KEYS, 2) for each in key for letter in (each, each.upper())}
)

_WIDTH_LIMIT = 1_000_000
"""Above, Go does not take a number in a format for a width."""


def _addslashes(value: Value, argument: Value, budget: Budget) -> Value:
    return text(value).replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")


def _capfirst(value: Value, argument: Value, budget: Budget) -> Value:
    # What has no length, a number say, becomes nothing.
    whole = text(value) if values.length(value) else ""
    return upper(whole[:1]) + whole[1:]


def _center(value: Value, argument: Value, budget: Budget) -> Value:
    spaces = as_integer(argument) - values.length(value)
    if spaces <= 0:
        return value
    budget.text(spaces)
    return " " * (spaces - spaces // 2) + text(value) + " " * (spaces // 2)


def _ljust(value: Value, argument: Value, budget: Budget) -> Value:
    spaces = max(as_integer(argument) - values.length(value), 0)
    budget.text(spaces)
    return text(value) + " " * spaces


def _rjust(value: Value, argument: Value, budget: Budget) -> Value:
    width = as_integer(argument)
    if abs(width) > _WIDTH_LIMIT:
        return f"%!({'-' if width < 0 else ''}BADWIDTH){text(value)}"
    budget.text(abs(width))
    return text(value).rjust(width) if width >= 0 else text(value).ljust(-width)


def _cut(value: Value, argument: Value, budget: Budget) -> Value:
    return text(value).replace(text(argument), "") if text(argument) else text(value)


def _lower(value: Value, argument: Value, budget: Budget) -> Value:
    budget.step(len(text(value)) // 8)
    return lower(text(value))


def _upper(value: Value, argument: Value, budget: Budget) -> Value:
    budget.step(len(text(value)) // 8)
    return upper(text(value))


def _title(value: Value, argument: Value, budget: Budget) -> Value:
    if not isinstance(value, str):
        return ""
    budget.step(len(value) // 4)
    return title(lower(value))


def _linenumbers(value: Value, argument: Value, budget: Budget) -> Value:
    budget.step(text(value).count("\n"))
    lines = text(value).split("\n")
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _phone2numeric(value: Value, argument: Value, budget: Budget) -> Value:
    return text(value).translate(_PHONE)


def _truncatechars(value: Value, argument: Value, budget: Budget) -> Value:
    whole, count = text(value), as_integer(argument)
    if count >= len(whole):
        return whole
    if count < 0:
        raise Panic("a text cannot be cut to a negative length")
    return whole[: count - 3] + "..." if count >= 3 else whole[:count]


def _words(value: Value, budget: Budget) -> list[str]:
    budget.step(len(text(value)) // 2)
    return fields(text(value))


def _truncatewords(value: Value, argument: Value, budget: Budget) -> Value:
    words, count = _words(value, budget), as_integer(argument)
    if count <= 0:
        return ""
    return " ".join([*words[:count], *(["..."] if count < len(words) else [])])


def _wordcount(value: Value, argument: Value, budget: Budget) -> Value:
    return len(_words(value, budget))


def _wordwrap(value: Value, argument: Value, budget: Budget) -> Value:
    """Break lines after so many words; the server fails where the number of lines it takes is too big."""
    words, each = _words(value, budget), as_integer(argument)
    if each <= 0:
        return value
    count = len(words) // each + len(words) % each
    if (count - 1) * each > len(words):
        raise Panic("wordwrap does not get on with this number of words")
    return "\n".join(" ".join(words[each * line : each * (line + 1)]) for line in range(count))


def _urlencode(value: Value, argument: Value, budget: Budget) -> Value:
    return quote_plus(text(value), safe="", errors="surrogateescape")


def iri_encoded(whole: str) -> str:
    """Encode what cannot stand in an internationalised address."""
    return "".join(
        each if each in _UNTOUCHED_IN_IRI else quote_plus(each, errors="surrogateescape") for each in whole
    )


def _iriencode(value: Value, argument: Value, budget: Budget) -> Value:
    budget.step(len(text(value)) // 8)
    return iri_encoded(text(value))


FILTERS = {
    "addslashes": _addslashes,
    "capfirst": _capfirst,
    "center": _center,
    "cut": _cut,
    "iriencode": _iriencode,
    "linenumbers": _linenumbers,
    "ljust": _ljust,
    "lower": _lower,
    "phone2numeric": _phone2numeric,
    "rjust": _rjust,
    "title": _title,
    "truncatechars": _truncatechars,
    "truncatewords": _truncatewords,
    "upper": _upper,
    "urlencode": _urlencode,
    "wordcount": _wordcount,
    "wordwrap": _wordwrap,
}
