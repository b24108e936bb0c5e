"""Go's `fmt.Sprintf` for one value, which is the filter `stringformat`."""

import re
from dataclasses import dataclass
from decimal import Decimal

from .budget import Budget
from .values import List, Map, Struct, Value, go_type, text

_VERB = re.compile(r"%([#0+\- ]*)(\d*)(?:(\.)(\d*))?(.?)", re.DOTALL)

_LARGEST = 1_000_000
"""A width or precision above this is none to Go."""

_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


@dataclass(frozen=True, slots=True)
class _Style:
    verb: str
    flags: str
    width: int
    precision: int | None

    def padded(self, shown: str, number: bool = False) -> str:
        if "-" in self.flags:
            return shown.ljust(self.width)
        if "0" not in self.flags:
            return shown.rjust(self.width)
        if number and shown[:1] in ("+", "-", " "):
            return shown[0] + shown[1:].rjust(self.width - 1, "0")
        return shown.rjust(self.width, "0")

    def signed(self, shown: str) -> str:
        if shown.startswith(("-", "+")):
            return shown
        return ("+" if "+" in self.flags else " " if " " in self.flags else "") + shown


def formatted(pattern: str, value: Value, budget: Budget) -> str:
    """Return the value in a pattern such as `%.2f` or `%05d`; misuse is printed, as Go does."""
    used = False

    def one(found: re.Match[str]) -> str:
        nonlocal used
        flags, width, point, precision, verb = found.groups()
        style = _Style(verb, flags, int(width[:9] or 0), int(precision[:9] or 0) if point else None)
        budget.step()
        if style.width > _LARGEST:
            return f"%!(BADWIDTH){verb}"
        if (style.precision or 0) > _LARGEST:
            return f"%!(BADPREC){verb}"
        budget.text(style.width + (style.precision or 0))
        if not verb:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        if used:
            return f"%!{verb}(MISSING)"
        used = True
        return _shown(style, value, budget)

    result = _VERB.sub(one, pattern)
    if used:
        return result
    plain = _Style("v", "", 0, None)
    extra = "<nil>" if value is None else f"{go_type(value)}={_shown(plain, value, budget)}"
    return f"{result}%!(EXTRA {extra})"


def _shown(style: _Style, value: Value, budget: Budget) -> str:
    budget.step()
    if style.verb == "T":
        return style.padded(go_type(value))
    match value:
        case None:
            return style.padded("<nil>") if style.verb == "v" else f"%!{style.verb}(<nil>)"
        case bool():
            if style.verb in "tv":
                return style.padded("true" if value else "false")
        case int():
            if (shown := _integer(style, value)) is not None:
                return style.padded(style.signed(shown), number=True)
        case float():
            if (shown := _float(style, value)) is not None:
                return style.padded(style.signed(shown), number=True)
        case str():
            if (shown := _text(style, value)) is not None:
                return style.padded(shown)
        case List(items):
            return "[" + " ".join(_shown(style, item, budget) for item in items) + "]"
        case Map(items):
            key_style = _Style(style.verb, "", 0, None)
            pairs = (
                f"{_shown(key_style, key, budget)}:{_shown(style, items[key], budget)}"
                for key in sorted(items)
            )
            return "map[" + " ".join(pairs) + "]"
        case Struct():
            return style.padded(text(value))
        case _:
            return style.padded(text(value))
    plain = _Style("v", "", 0, None)
    return f"%!{style.verb}({go_type(value)}={_shown(plain, value, budget)})"


def _integer(style: _Style, value: int) -> str | None:
    match style.verb:
        case "d" | "v":
            shown = str(value)
        case "b" | "o" | "x" | "X":
            prefix = {"o": "0", "x": "0x", "X": "0X"}.get(style.verb, "") if "#" in style.flags else ""
            shown = f"{'-' if value < 0 else ''}{prefix}{abs(value):{style.verb}}"
        case "c":
            return chr(value) if 0 <= value < 0x110000 and not 0xD800 <= value < 0xE000 else "\ufffd"
        case "q":
            return (
                "'" + chr(value) + "'"
                if 0 <= value < 0x110000 and not 0xD800 <= value < 0xE000
                else "'\ufffd'"
            )
        case "U":
            return f"U+{value:04X}"
        case _:
            return None
    if style.precision is not None:
        sign, digits = ("-", shown[1:]) if value < 0 else ("", shown)
        shown = sign + digits.rjust(style.precision, "0")
    return shown


def _float(style: _Style, value: float) -> str | None:
    verb = {"F": "f", "v": "g"}.get(style.verb, style.verb)
    if verb not in ("e", "E", "f", "g", "G"):
        return None
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if verb in ("g", "G") and style.precision is None:
        shortest = _shortest(value)
        return shortest.upper() if verb == "G" else shortest
    return f"{value:.{6 if style.precision is None else style.precision}{verb}}"


def _shortest(value: float) -> str:
    """Write a float with as few digits as tell it from any other, with an exponent from a million on."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    written = "".join(map(str, digits))
    point = len(written) + int(exponent)
    written = written.rstrip("0") or "0"
    if written == "0":
        return "-0" if sign else "0"
    minus = "-" if sign else ""
    if not -4 <= point - 1 < 6:
        mantissa = written[0] + ("." + written[1:] if len(written) > 1 else "")
        return f"{minus}{mantissa}e{'-' if point < 1 else '+'}{abs(point - 1):02}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{written}"
    if point >= len(written):
        return minus + written.ljust(point, "0")
    return f"{minus}{written[:point]}.{written[point:]}"


def _text(style: _Style, value: str) -> str | None:
    if style.verb in ("x", "X"):
        octets = value.encode("utf-8", "surrogateescape")
        shown = octets[: style.precision].hex(" ") if " " in style.flags else octets[: style.precision].hex()
        return shown.upper() if style.verb == "X" else shown
    cut = value if style.precision is None else value[: style.precision]
    if style.verb in ("s", "v"):
        return cut
    if style.verb == "q":
        return '"' + "".join(map(_quoted, cut)) + '"'
    return None


def _quoted(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
