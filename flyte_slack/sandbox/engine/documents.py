"""Flows as they are written: the JSON of the server's `/v1/flows`, or the same in YAML."""

import json
import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.alias_generators import to_camel


class FlowError(ValueError):
    """A flow that cannot be read: not YAML or JSON, or not of a flow's shape."""


class WireModel(BaseModel):
    """JSON as Go reads it: types are strict, unknown members are ignored and `null` is as good as absent."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data

    def to_json(self) -> dict[str, Any]:
        """Return the members that were given, under their JSON names."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


class StepEvent(WireModel):
    """The event a step waits for."""

    name: str = ""
    pack_name: str = ""
    pack_labels: dict[str, str] = {}


class StepCommand(WireModel):
    """The command a step has carried out; its labels and input are templates."""

    name: str = ""
    pack_name: str = ""
    pack_labels: dict[str, str] = {}
    input: JsonValue = None


class Step(WireModel):
    """One step of a flow: when that event comes and the criteria hold, an action for this command."""

    id: str = ""
    depends_on: list[str] = []
    event: StepEvent = Field(default_factory=StepEvent)
    context: dict[str, str] = {}
    criteria: str = ""
    command: StepCommand = Field(default_factory=StepCommand)


class Flow(WireModel):
    """A named list of steps."""

    name: str = Field(min_length=1)
    description: str = ""
    steps: list[Step] = []


class _YamlLoader(yaml.SafeLoader):
    """YAML for JSON's types, as the server reads it: a date stays a string, and so does `12:30`."""


_INTEGER, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"

_YamlLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":int", ":float"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_YamlLoader.add_implicit_resolver(
    _INTEGER,
    re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$", re.ASCII),
    list("-+0123456789"),
)
_YamlLoader.add_implicit_resolver(
    _FLOAT, re.compile(r"[-+]?[0-9]*\.?[0-9]+(?:[eE][-+][0-9]+)?$", re.ASCII), list("-+.0123456789")
)


def parse_flow(text: str | bytes, syntax: Literal["json", "yaml"]) -> Flow:
    """Read one flow; a context value that is not a string is refused, as is any other wrong type."""
    try:
        # SafeLoader's own types only: nothing in a flow can name a Python object.
        is_json = syntax == "json"
        document = json.loads(text) if is_json else _with_text_keys(yaml.load(text, _YamlLoader))  # noqa: S506
        return Flow.model_validate(document)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, each['loc'])) or 'flow'}: {each['msg']}" for each in error.errors())
        raise FlowError("; ".join(problems)) from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise FlowError(str(error)) from error


def _with_text_keys(value: Any) -> Any:
    """Turn the keys of YAML that are no texts into texts, as JSON has no others."""
    match value:
        case dict():
            return {_key(key): _with_text_keys(member) for key, member in value.items()}
        case list():
            return [_with_text_keys(item) for item in value]
        case _:
            return value


def _key(key: Any) -> Any:
    match key:
        case bool():
            return "true" if key else "false"
        case int() | float():
            return str(key)
        case _:
            return key


def load_flows(folder: Path) -> list[Flow]:
    """Read the flows of a folder, in the order of their file names."""
    flows = []
    for path in sorted(folder.iterdir()):
        if path.suffix in {".yaml", ".yml", ".json"}:
            try:
                flows.append(parse_flow(path.read_bytes(), "json" if path.suffix == ".json" else "yaml"))
            except (FlowError, OSError) as error:
                raise FlowError(f"{path}: {error}") from error
    return flows
