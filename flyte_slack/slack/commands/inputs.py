"""Reading a command's input leniently, if the meaning is clear.

Flyte's templates make every value a string, and YAML makes `0001` a number (contract, section 4).
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from ...errors import InvalidInput

_IN_PERMALINK = re.compile(r"(?:.*/)?p(\d{10})(\d{6})(?:\?.*)?")
_MICROSECONDS = Decimal(10) ** 14  # a larger number is a timestamp without its point
_LATEST = Decimal(10) ** 11  # in seconds

_MEANT = {
    "conversation": "channelId",
    "emoji": "reaction",
    "text": "message",
    "channel": "channelId",
    "thread": "threadTimestamp",
    "threadts": "threadTimestamp",
    "ts": "timestamp",
}
"""What fields are often called elsewhere, without underscores and in small letters."""


def as_text(value: object) -> object:
    """A number stands for its digits; a float that is whole lost nothing but its type."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def as_timestamp(value: object) -> object:
    """Return a `ts` as Slack writes it; what is none is returned as it is.

    It may be a number, lack zeros at its end or its point, or be the end of a permalink.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    text = str(value).strip()
    if found := _IN_PERMALINK.fullmatch(text):
        return ".".join(found.groups())
    try:
        number = Decimal(text)
        if number >= _MICROSECONDS:
            number /= 1_000_000
        return f"{number:.6f}" if 0 <= number < _LATEST else value
    except InvalidOperation:
        return value


def _timestamp(value: object) -> object:
    read = as_timestamp(value)
    if not isinstance(read, str) or not re.fullmatch(r"\d+\.\d{6}", read):
        raise ValueError("must be the timestamp of a message, such as 1602251441.001700")
    return read


def _boolean(value: object) -> object:
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def _from_json(value: object, otherwise: str) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(otherwise) from None


def _objects(name: str) -> BeforeValidator:
    """Read a list of objects: as it is, one of them alone, or the object that holds the list by its name."""
    expected = "must be a list of objects, or a string that holds one as JSON"

    def read(value: object) -> object:
        value = _from_json(value, expected)
        if isinstance(value, Mapping):
            value = value.get(name, [value])
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise ValueError(expected)
        return value

    return BeforeValidator(read)


def _object(value: object) -> object:
    expected = "must be an object, or a string that holds one as JSON"
    value = _from_json(value, expected)
    if not isinstance(value, Mapping):
        raise ValueError(expected)
    return value


def _names(value: object) -> object:
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _from_json(value, "must be a list, or texts with commas between them")
    if isinstance(value, str | int):
        value = str(value).split(",")
    if not isinstance(value, list):
        raise ValueError("must be a list, or texts with commas between them")
    return [name for item in value if (name := str(as_text(item)).strip())]


def _instant(value: object) -> object:
    """Read a time: seconds since the epoch, or RFC 3339."""
    expected = "must be a time: seconds since the epoch, or such as 2026-12-24T18:00:00Z"
    if isinstance(value, bool):
        raise ValueError(expected)
    text = str(value).strip()
    try:
        return datetime.fromtimestamp(int(Decimal(text)), UTC)
    except (InvalidOperation, ValueError, OverflowError, OSError):
        pass
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(expected) from None
    if read.tzinfo is None:
        raise ValueError(f"{expected}, with its time zone")
    return read.astimezone(UTC)


_STRIPPED = StringConstraints(strip_whitespace=True, min_length=1)

Text = Annotated[str, BeforeValidator(as_text)]
Word = Annotated[str, BeforeValidator(as_text), _STRIPPED]
Timestamp = Annotated[str, BeforeValidator(_timestamp)]
ChannelReference = Word
Boolean = Annotated[bool, BeforeValidator(_boolean)]
Blocks = Annotated[list[dict[str, Any]], _objects("blocks")]
Attachments = Annotated[list[dict[str, Any]], _objects("attachments")]
Object = Annotated[dict[str, Any], BeforeValidator(_object)]
Words = Annotated[list[str], BeforeValidator(_names)]
Instant = Annotated[datetime, BeforeValidator(_instant)]


class Input(BaseModel):
    """Input of a command: fields in camelCase."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=False,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


Model = TypeVar("Model", bound=Input)


def read_input(model: type[Model], input_: Mapping[str, Any]) -> Model:
    """Read a command's input; `""` and null count as absent.

    Raises:
        InvalidInput: names every field that is not known or cannot be read, and what would be right.
    """
    known = [str(field.alias) for field in model.model_fields.values()]
    problems = [unknown_field(name, known) for name in input_ if name not in known]
    given = {name: value for name, value in input_.items() if name in known and value not in ("", None)}
    try:
        read = model.model_validate(given)
    except ValidationError as error:
        problems += [_sentence(dict(detail)) for detail in error.errors()]
    if problems:
        raise InvalidInput("; ".join(problems))
    return read


def unknown_field(name: str, known: Iterable[str]) -> str:
    """Say that a field is not known, and which one may be meant."""
    plain = {_plain(field): field for field in known}
    meant = _MEANT.get(_plain(name))
    near = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    nearest = meant if meant in plain.values() else plain[near[0]] if near else ""
    return f"there is no field {name}" + (f": did you mean {nearest}?" if nearest else "")


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _sentence(detail: dict[str, Any]) -> str:
    field = ".".join(map(str, detail["loc"]))
    if detail["type"] == "missing":
        return f"{field} is required"
    if detail["type"] == "extra_forbidden":
        *of, name = detail["loc"]
        return f"{'.'.join(map(str, of))}: there is no field {name}"
    if detail["type"] in {"string_type", "string_too_short"}:
        return f"{field} must be a text"
    message = str(detail.get("ctx", {}).get("error") or detail["msg"])
    return f"{field} {message}" if field else message
