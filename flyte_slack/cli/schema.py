"""The command `schema`: JSON Schema of every command's input and every event's payload, from the models."""

import argparse
import json
from typing import Any

from ..pack import FATAL
from ..slack.offer import COMMANDS, EVENTS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}


async def command(arguments: argparse.Namespace) -> int:
    """Print the schemas, or with `--flow-file` the schema of a flow file for editors."""
    if arguments.flow_file:
        from .flows.schema import flow_file

        print(json.dumps(flow_file(document()), indent=2))
    else:
        print(json.dumps(document(), indent=2))
    return 0


def document() -> dict[str, Any]:
    """Return `{"commands": {name: {"input", "events"}}, "events": {name: schema}}` of all that is offered."""
    events = {kind.name: _schema(kind.payload.model_json_schema(mode="serialization")) for kind in EVENTS}
    commands = {}
    for each in COMMANDS:
        for name, payload in each.succeeds.items():
            events.setdefault(name, _schema(payload.model_json_schema(mode="serialization")))
        events[each.fails] = failure(*each.echoes)
        commands[each.name] = {
            "input": _schema(lenient(each.input.model_json_schema())),
            "events": [*each.succeeds, each.fails, FATAL],
        }
    events[FATAL] = _object("error", "command")
    return {"commands": dict(sorted(commands.items())), "events": dict(sorted(events.items()))}


_ALSO = {
    "string": {"type": ["string", "number", "boolean"]},
    "boolean": {"enum": [True, False, "true", "false", "True", "False", ""]},
    "integer": {"type": ["integer", "number", "string"]},
    "number": {"type": ["number", "string"]},
    "array": {"type": ["array", "object", "string"]},
    "object": {"type": ["object", "string"]},
}
"""What is read for what is meant: templates make texts of everything (contract, section 4)."""


def lenient(schema: dict[str, Any]) -> dict[str, Any]:
    """Return an input's schema that accepts all that is read, whatever the template language made of it."""
    required = schema.get("required", [])
    properties = {}
    for name, one in schema.get("properties", {}).items():
        forms = one.get("anyOf", [one])
        also = [_ALSO[kind] for form in forms if (kind := form.get("type")) in _ALSO]
        also += [{"type": ["object", "string"]} for form in forms if "$ref" in form]
        if not also:  # anything goes
            properties[name] = one
            continue
        empty = [] if name in required else [{"enum": ["", None]}]
        about = {key: one[key] for key in ("description", "default") if key in one}
        properties[name] = {**about, "anyOf": [*also, *empty]}
    return {**schema, "properties": properties}


def failure(*echoes: str) -> dict[str, Any]:
    """Return the schema of a failure's payload: what it echoes, and what is wrong."""
    return _object(*echoes, "error", "code", "kind")


def _object(*keys: str) -> dict[str, Any]:
    properties = dict.fromkeys(keys, _TEXT)
    return _schema({"type": "object", "properties": properties, "required": list(keys)})


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": _DIALECT, **schema}
