"""The functions that the server gives to every template."""

import base64
import binascii
import json
import math
import string
from collections.abc import Callable, Mapping

from .budget import TEXT_LIMIT
from .errors import Panic
from .numbers import as_integer
from .scope import Run
from .values import ANY_MAP, Function, Map, Value, from_json, text

Rendering = Callable[[str, Mapping[str, Value], Run], str]

_URL_ALPHABET = frozenset(string.ascii_letters + string.digits + "-_")


def functions(render: Rendering) -> dict[str, Function]:
    """Return the functions by name.

    Args:
        render: Renders one template within the rendering of another.
    """

    def template(run: Run, given: tuple[Value, ...]) -> Value:
        source, variables = given
        if not isinstance(variables, Map):
            raise Panic("template needs an object")
        if variables.shared:
            # The server adds its functions to that very object, and then cannot save the event it belongs to.
            raise Panic("template cannot take an object of the event: the server would make no action of it")
        return render(text(source), variables.items, run)

    known: dict[str, tuple[str, tuple[str, ...], Callable[[Run, tuple[Value, ...]], Value]]] = {
        "randomInt": ("func(int) int", ("int",), _random_int),
        "randomAlpha": ("func(int) string", ("int",), _random_alpha),
        "base64Encode": ("func(string) string", ("string",), _base64_encode),
        "base64Decode": ("func(string) string", ("string",), _base64_decode),
        "datastore": ("func(string) interface {}", ("string",), _datastore),
        "template": (f"func(*pongo2.Value, {ANY_MAP}) string", ("*Value", ANY_MAP), template),
        "unmarshalJson": (f"func(string) {ANY_MAP}", ("string",), _unmarshal_json),
    }
    return {name: Function(*each) for name, each in known.items()}


def _random_int(run: Run, given: tuple[Value, ...]) -> Value:
    bound = as_integer(given[0])
    if bound <= 0:
        raise Panic("randomInt takes a number above 0")
    return run.world.chance.randrange(bound)


def _random_alpha(run: Run, given: tuple[Value, ...]) -> Value:
    count = as_integer(given[0])
    if count < 0:
        raise Panic("randomAlpha takes no negative length")
    run.budget.text(count)
    run.budget.step(count // 8)
    return "".join(run.world.chance.choices(string.ascii_letters, k=count))


def _base64_encode(run: Run, given: tuple[Value, ...]) -> Value:
    octets = text(given[0]).encode("utf-8", "surrogateescape")
    run.budget.text(len(octets) * 2)
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _base64_decode(run: Run, given: tuple[Value, ...]) -> Value:
    # Go leaves out newlines, and refuses padding.
    encoded = text(given[0]).replace("\n", "").replace("\r", "")
    if not _URL_ALPHABET.issuperset(encoded):
        raise Panic("base64Decode takes letters, digits, - and _ only: no padding")
    try:
        octets = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except binascii.Error as error:
        raise Panic(f"base64Decode: {error}") from None
    return octets.decode("utf-8", "surrogateescape")


def _datastore(run: Run, given: tuple[Value, ...]) -> Value:
    key = text(given[0])
    try:
        return run.world.datastore(key)
    except KeyError:
        raise Panic(f"there is no item {key} in the datastore") from None
    except ValueError as error:
        raise Panic(f"the item {key} of the datastore cannot be read: {error}") from None


def _unmarshal_json(run: Run, given: tuple[Value, ...]) -> Value:
    source = text(given[0])
    run.budget.text(len(source))
    run.budget.step(len(source) // 4)
    try:
        return decoded_object(source)
    except ValueError as error:
        raise Panic(str(error)) from None


def decoded_object(source: str) -> Map:
    """Decode a JSON object, as Go does for a map.

    Raises:
        ValueError: It is not JSON, or no object.
    """
    if len(source) > TEXT_LIMIT:
        raise ValueError("the JSON is too long")
    try:
        value = json.loads(
            source, parse_constant=_no_constant, parse_int=json_number, parse_float=json_number
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise ValueError("the JSON is no object")
    decoded = from_json(value)
    assert isinstance(decoded, Map)  # noqa: S101 - a dict becomes one
    return decoded


def json_number(digits: str) -> float:
    """Read a number of JSON as Go does.

    Raises:
        ValueError: It is too big for a float.
    """
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too big")
    return number


def _no_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")
