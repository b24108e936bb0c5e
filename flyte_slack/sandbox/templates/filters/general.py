"""Filters for numbers, lists, times and any value."""

import secrets

from .. import values
from ..budget import Budget
from ..errors import Failure
from ..goprint import formatted
from ..gotime import GoTime
from ..numbers import as_float, as_integer, int64, is_multiple, truncated
from ..values import TEXT_LIST, List, Value, text


def _add(value: Value, argument: Value, budget: Budget) -> Value:
    if values.is_number(value) and values.is_number(argument):
        if isinstance(value, float) or isinstance(argument, float):
            return as_float(value) + as_float(argument)
        return int64(as_integer(value) + as_integer(argument))
    left, right = text(value), text(argument)
    budget.text(len(left) + len(right))
    return left + right


def _default(value: Value, argument: Value, budget: Budget) -> Value:
    return value if values.truth(value) else argument


def _default_if_none(value: Value, argument: Value, budget: Budget) -> Value:
    return argument if value is None else value


def _divisibleby(value: Value, argument: Value, budget: Budget) -> Value:
    return is_multiple(as_integer(value), as_integer(argument))


def _date(value: Value, argument: Value, budget: Budget) -> Value:
    if not isinstance(value, GoTime):
        raise Failure("only a time such as Event.ReceivedAt has a date, no text")
    return value.formatted(text(argument))


def _first(value: Value, argument: Value, budget: Budget) -> Value:
    return values.index(value, 0) if values.can_slice(value) and values.length(value) else ""


def _last(value: Value, argument: Value, budget: Budget) -> Value:
    count = values.length(value)
    return values.index(value, count - 1) if values.can_slice(value) and count else ""


def _random(value: Value, argument: Value, budget: Budget) -> Value:
    count = values.length(value)
    return values.index(value, secrets.randbelow(count)) if values.can_slice(value) and count else value


def _floatformat(value: Value, argument: Value, budget: Budget) -> Value:
    number = as_float(value)
    decimals = -1 if argument is None else as_integer(argument)
    trims = not values.is_number(argument)
    if decimals <= 0:
        decimals, trims = -decimals, True
    if trims and float(truncated(number)) == number:
        return as_integer(value)
    budget.text(decimals)
    return values.float_text(number, decimals)


def _float(value: Value, argument: Value, budget: Budget) -> Value:
    return as_float(value)


def _integer(value: Value, argument: Value, budget: Budget) -> Value:
    return as_integer(value)


def _get_digit(value: Value, argument: Value, budget: Budget) -> Value:
    octets = text(value).encode("utf-8", "surrogateescape")
    number = as_integer(argument)
    if not 0 < number <= len(octets):
        return value
    return (octets[-number] - ord("0")) % 256


def _join(value: Value, argument: Value, budget: Budget) -> Value:
    if not values.can_slice(value):
        return value
    items = value.items if isinstance(value, List) else tuple(text(value))
    budget.step(len(items))
    parts = [text(item) for item in items]
    budget.text(sum(map(len, parts)) + len(text(argument)) * len(parts))
    return text(argument).join(parts)


def _length(value: Value, argument: Value, budget: Budget) -> Value:
    return values.length(value)


def _length_is(value: Value, argument: Value, budget: Budget) -> Value:
    return values.length(value) == as_integer(argument)


def _make_list(value: Value, argument: Value, budget: Budget) -> Value:
    characters = text(value)
    budget.step(len(characters))
    return List(tuple(characters), TEXT_LIST)


def _pluralize(value: Value, argument: Value, budget: Budget) -> Value:
    if not values.is_number(value):
        raise Failure("only a number has a plural")
    one = as_integer(value) == 1
    if not values.length(argument):
        return "" if one else "s"
    endings = text(argument).split(",")
    if len(endings) > 2:
        raise Failure("pluralize takes one ending or two")
    if len(endings) == 1:
        return "" if one else endings[0]
    return endings[0] if one else endings[1]


def _slice(value: Value, argument: Value, budget: Budget) -> Value:
    bounds = text(argument).split(":")
    if len(bounds) != 2:
        raise Failure(
            "the argument of slice must be like '2:5': either number can be left out, the colon not"
        )
    if not values.can_slice(value):
        return value
    count = values.length(value)
    start = min(as_integer(bounds[0]), count)
    stop = as_integer(bounds[1])
    return values.sliced(value, start, stop if start <= stop <= count else count)


def _split(value: Value, argument: Value, budget: Budget) -> Value:
    whole, separator = text(value), text(argument)
    budget.step(whole.count(separator))
    parts = whole.split(separator) if separator else list(whole)
    return List(tuple(parts), TEXT_LIST)


def _stringformat(value: Value, argument: Value, budget: Budget) -> Value:
    return formatted(text(argument), value, budget)


def _yesno(value: Value, argument: Value, budget: Budget) -> Value:
    words = text(argument)
    choices = ["yes", "no", "maybe"]
    if words:
        given = words.split(",")
        if not 2 <= len(given) <= 3:
            raise Failure("yesno takes two words or three")
        choices[: len(given)] = given
    if value is None:
        return choices[2]
    return choices[0] if values.truth(value) else choices[1]


FILTERS = {
    "add": _add,
    "date": _date,
    "default": _default,
    "default_if_none": _default_if_none,
    "divisibleby": _divisibleby,
    "first": _first,
    "float": _float,
    "floatformat": _floatformat,
    "get_digit": _get_digit,
    "integer": _integer,
    "join": _join,
    "last": _last,
    "length": _length,
    "length_is": _length_is,
    "make_list": _make_list,
    "pluralize": _pluralize,
    "random": _random,
    "slice": _slice,
    "split": _split,
    "stringformat": _stringformat,
    "time": _date,
    "yesno": _yesno,
}
