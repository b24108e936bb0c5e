"""Values as the server's Go code has them: a pure tree, without any way to Python's attributes.

`None`, `bool`, `str`, `float` (every number of JSON) and `int` (integer literals, lengths) stand for Go's
own. What the server prints and compares by its Go type is a class here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .errors import Panic

Value: TypeAlias = "bool | int | float | str | List | Map | Struct | Function | None"

ANY_LIST, TEXT_LIST, INT_LIST = "[]interface {}", "[]string", "[]int"
ANY_MAP, TEXT_MAP = "map[string]interface {}", "map[string]string"


class SafeText(str):
    """A text that `{% autoescape on %}` leaves as it is."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class List:
    """A Go slice."""

    items: tuple[Value, ...]
    type_name: str = ANY_LIST


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """A Go map. `shared` is one of the event: what changed it would be saved with the event."""

    items: Mapping[str, Value]
    type_name: str = ANY_MAP
    shared: bool = False


class Struct:
    """A Go struct: fields by exact name, and no keys.

    Args:
        type_name: What the server prints for it, unless it has a text of its own.
        fields: Its fields.
    """

    comparable = False

    def __init__(self, type_name: str, fields: Mapping[str, Value]) -> None:
        self.type_name = type_name
        self.fields = fields

    def member(self, name: str) -> Value:
        """Return a field or method, `None` if there is none."""
        return self.fields.get(name)

    def has_field(self, name: str) -> bool:
        """Whether there is a field of that name."""
        return name in self.fields

    def text(self) -> str:
        """Return what is printed."""
        return f"<{self.type_name} Value>"

    def same(self, other: "Struct") -> bool:
        """Whether Go's `==` holds for two structs of one type."""
        raise Panic(f"values of type {self.type_name} cannot be compared")


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A Go function a template can call.

    `parameters` are the Go types of its parameters, `None` for a macro, which takes any number; `*Value`
    takes whatever it is given. `call` gets the rendering under way and the arguments.
    """

    type_name: str
    parameters: tuple[str, ...] | None
    call: Callable[[Any, tuple[Value, ...]], Value] = field(repr=False)


def from_json(value: Any, shared: bool = False) -> Value:
    """Return a JSON value as Go decodes it; what is a Go value already stays as it is.

    Args:
        value: A tree of what `json.loads` makes.
        shared: Whether objects are part of the event.
    """
    match value:
        case bool() | None | List() | Map() | Struct() | Function():
            return value
        case str():
            return valid_text(value)
        case int():
            try:
                return float(value)
            except OverflowError:
                return float("inf") if value > 0 else float("-inf")
        case float():
            return value
        case Mapping():
            return Map({valid_text(str(k)): from_json(v, shared) for k, v in value.items()}, shared=shared)
        case list() | tuple():
            return List(tuple(from_json(item, shared) for item in value))
    raise TypeError(f"{type(value).__name__} is no JSON")


def text_map(items: Mapping[str, str]) -> Map:
    """Return a Go map from strings to strings, such as a pack's labels."""
    return Map(dict(items), TEXT_MAP)


def valid_text(text: str) -> str:
    """Replace halves of surrogate pairs, which Go's texts cannot hold, by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def joined_bytes(text: str) -> str:
    """Put characters together that a loop over a text took apart into bytes (lone surrogates here)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text


def go_type(value: Value) -> str:
    """Return the name of a value's Go type, as error messages have it."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case str():
            return "string"
        case _:
            return value.type_name


def kind(value: Value) -> str:
    """Return the name of a value's Go kind."""
    match value:
        case None:
            return "invalid"
        case List():
            return "slice"
        case Map():
            return "map"
        case Struct():
            return "struct"
        case Function():
            return "func"
        case _:
            return go_type(value)


def is_integer(value: Value) -> bool:
    """Whether it is a Go integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Value) -> bool:
    """Whether it is a Go integer or float."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def can_slice(value: Value) -> bool:
    """Whether it has items or characters by number."""
    return isinstance(value, str | List)


def text(value: Value) -> str:
    """Return what `{{ value }}` prints."""
    match value:
        case None:
            return ""
        case bool():
            return "True" if value else "False"
        case str():
            return value
        case int():
            return str(value)
        case float():
            return float_text(value, 6)
        case Struct():
            return value.text()
        case _:
            return f"<{value.type_name} Value>"


def float_text(value: float, decimals: int) -> str:
    """Print a float with so many decimals, as Go does: `+Inf`, `NaN`."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.{decimals}f}"


def truth(value: Value) -> bool:
    """Whether `{% if value %}` takes its branch."""
    match value:
        case None | Function():
            return False
        case List() | Map():
            return bool(value.items)
        case Struct():
            return True
        case _:
            return bool(value)


def negated(value: Value) -> Value:
    """Return what `not value` is; a number stays a number."""
    if is_integer(value):
        return 0 if value else 1
    if isinstance(value, float):
        return 0.0 if value else 1.1
    return not truth(value)


def length(value: Value) -> int:
    """Return the number of items, entries or characters; 0 for what has none."""
    match value:
        case List() | Map():
            return len(value.items)
        case str():
            return len(value)
        case _:
            return 0


def index(value: Value, number: int) -> Value:
    """Return an item or a character; past the end `None` or no text."""
    if isinstance(value, str | List) and number < 0:
        raise Panic(f"index {number} is out of range")
    match value:
        case List(items):
            return items[number] if number < len(items) else None
        case str():
            return value[number : number + 1]
        case _:
            return List((), INT_LIST)


def sliced(value: Value, start: int, stop: int) -> Value:
    """Return a part of a list or text."""
    if not can_slice(value):
        return List((), INT_LIST)
    if not 0 <= start <= stop <= length(value):
        raise Panic(f"slice bounds {start}:{stop} are out of range")
    if isinstance(value, List):
        return List(value.items[start:stop], value.type_name)
    return text(value)[start:stop]


def equal(left: Value, right: Value) -> bool:
    """Whether Go's `==` holds: never between two types, and not asked of objects and lists."""
    if type(left) is not type(right) and not (isinstance(left, str) and isinstance(right, str)):
        return False
    if isinstance(left, List | Map | Struct | Function):
        assert isinstance(right, List | Map | Struct | Function)  # noqa: S101 - of the same class, see above
        if left.type_name != right.type_name:
            return False
        if isinstance(left, Struct) and isinstance(right, Struct):
            return left.same(right)
        raise Panic(f"values of type {left.type_name} cannot be compared")
    return left == right


def contains(container: Value, wanted: Value) -> bool:
    """Whether `wanted in container` holds."""
    match container:
        case Struct():
            return container.has_field(text(wanted))
        case Map(items):
            if is_integer(wanted):
                raise Panic("an object has no numbers as keys")
            return isinstance(wanted, str) and wanted in items
        case str():
            return text(wanted) in container
        case List(items):
            return any(equal(wanted, item) for item in items)
        case _:
            return False


Round: TypeAlias = tuple[int, int, Value, Value, bool]
"""Of a loop: number, count, item or key, value, and whether there is a value."""


def rounds(value: Value, backwards: bool, in_order: bool) -> Iterator[Round]:
    """Yield the rounds of `{% for %}` over a value, none if there is nothing to go through."""
    match value:
        case Map(items):
            # Go has no order here, save for `sorted`.
            for number, key in enumerate(sorted(items, reverse=in_order and backwards)):
                yield number, len(items), key, items[key], True
        case List(items):
            listed = list(items)
            # Lists of anything are never sorted: Go compares what it prints for "anything".
            if in_order and value.type_name == TEXT_LIST:
                listed.sort(key=lambda item: text(item).encode("utf-8", "surrogateescape"), reverse=backwards)
            elif backwards and not in_order:
                listed.reverse()
            for number, item in enumerate(listed):
                yield number, len(listed), item, None, False
        case str():
            if in_order:
                raise Panic("a text cannot be gone through in order")
            octets = value.encode("utf-8", "surrogateescape")
            numbers = range(len(octets))
            for number in reversed(numbers) if backwards else numbers:
                octet = octets[number : number + 1].decode("utf-8", "surrogateescape")
                yield number, len(octets), octet, None, False
