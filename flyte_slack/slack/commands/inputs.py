"""Reading a command's input leniently, where the meaning is clear.

Flyte's templates make every value a string, and YAML makes `0001` a number (contract, section 4).
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from ... import logs
from ...errors import InvalidInput

log = logs.get(__name__)


_LATEST = 1e12  # a larger number is no time


def as_text(value: object) -> object:
    """A number stands for its digits; a float that is whole lost nothing but its type."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def as_timestamp(value: object) -> object:
    """A `ts` has six digits behind the point, which a float does not keep."""
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _LATEST:
        return value
    return f"{value:.6f}"


def _boolean(value: object) -> object:
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


def _json_list(value: object) -> object:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("must be a list, or a string that holds one as JSON") from None
    if not isinstance(value, list):
        raise ValueError("must be a list, or a string that holds one as JSON")
    return value


Text = Annotated[str, BeforeValidator(as_text)]
Timestamp = Annotated[str, BeforeValidator(as_timestamp)]
ChannelReference = Annotated[
    str, BeforeValidator(as_text), StringConstraints(strip_whitespace=True, min_length=1)
]
Boolean = Annotated[bool, BeforeValidator(_boolean)]
JsonList = Annotated[list[Any], BeforeValidator(_json_list)]


class Input(BaseModel):
    """Input of a command: fields in camelCase, unknown ones passed over."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


Model = TypeVar("Model", bound=Input)


def read_input(model: type[Model], input_: Mapping[str, Any]) -> Model:
    """Read a command's input.

    `""` and null count as absent. Unknown fields are named in a debug log line.

    Raises:
        InvalidInput: names every field that cannot be read, and what would be right.
    """
    known = {field.alias for field in model.model_fields.values()}
    if unknown := sorted(set(input_) - known):
        log.debug("unknown input fields are ignored", fields=unknown)
    given = {name: value for name, value in input_.items() if name in known and value not in ("", None)}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise InvalidInput("; ".join(_sentence(dict(detail)) for detail in error.errors())) from None


def _sentence(detail: dict[str, Any]) -> str:
    field = detail["loc"][0] if detail["loc"] else ""
    if detail["type"] == "missing":
        return f"{field} is required"
    if detail["type"] == "string_type":
        return f"{field} must be a text"
    message = str(detail.get("ctx", {}).get("error") or detail["msg"])
    return f"{field} {message}" if field else message
