"""Numbers as Go converts and calculates them."""

import math
import re
from collections.abc import Callable

from .errors import Panic
from .values import Value

_LEAST = -(2**63)

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_HEXADECIMAL = re.compile(r"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+", re.ASCII)
_SPECIAL = re.compile(r"[+-]?inf(inity)?|nan", re.IGNORECASE)


def int64(number: int) -> int:
    """Let an integer overflow as Go's does."""
    return (number - _LEAST) % 2**64 + _LEAST


def truncated(number: float) -> int:
    """Convert a float to an integer; what has no place in one becomes the least."""
    return int(number) if -(2.0**63) <= number < 2.0**63 else _LEAST


def parsed(text: str) -> float | None:
    """Read a number as `strconv.ParseFloat` does, `None` if it is none or too big."""
    if _SPECIAL.fullmatch(text):
        return float(text)
    if len(text) > 2000:
        return None
    if _DECIMAL.fullmatch(text):
        number = float(text)
    elif _HEXADECIMAL.fullmatch(text):
        try:
            number = float.fromhex(text)
        except OverflowError:
            return None
    else:
        return None
    return None if math.isinf(number) else number


def as_integer(value: Value) -> int:
    """Return a value as an integer, 0 if it is none."""
    match value:
        case bool():
            return 0
        case int():
            return value
        case float():
            return truncated(value)
        case str():
            return truncated(parsed(value) or 0.0)
        case _:
            return 0


def as_float(value: Value) -> float:
    """Return a value as a float, 0 if it is none."""
    match value:
        case bool():
            return 0.0
        case int() | float():
            return float(value)
        case str():
            return parsed(value) or 0.0
        case _:
            return 0.0


def is_multiple(number: int, of: int) -> bool:
    """Whether one integer divides the other; 0 divides none."""
    return of != 0 and number % of == 0


def _divided(left: float, right: float) -> float:
    if right:
        return left / right
    if not left or left != left:
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def power(base: float, exponent: float) -> float:
    """Raise to a power, without Python's exceptions."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:
        if base == 0:
            odd = exponent % 2 == 1
            return math.copysign(math.inf, base) if odd else math.inf
        return math.nan


def _multiplied(left: float, right: float) -> float:
    return left * right


def _quotient(left: int, right: int) -> int:
    if not right:
        raise Panic("division by zero")
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


_FLOATS: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": _multiplied,
    "/": _divided,
}
_INTEGERS: dict[str, Callable[[int, int], int]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _quotient,
    "%": lambda left, right: left - right * _quotient(left, right),
}


def calculated(operator: str, left: Value, right: Value) -> Value:
    """Calculate: with floats if one is a float, else with whatever integers the two are or hold."""
    if operator != "%" and (isinstance(left, float) or isinstance(right, float)):
        return _FLOATS[operator](as_float(left), as_float(right))
    return int64(_INTEGERS[operator](as_integer(left), as_integer(right)))


def less(left: Value, right: Value) -> bool:
    """Whether one number is less than the other."""
    if isinstance(left, float) or isinstance(right, float):
        return as_float(left) < as_float(right)
    return as_integer(left) < as_integer(right)


def at_most(left: Value, right: Value) -> bool:
    """Whether one number is less than the other or equal to it."""
    if isinstance(left, float) or isinstance(right, float):
        return as_float(left) <= as_float(right)
    return as_integer(left) <= as_integer(right)
