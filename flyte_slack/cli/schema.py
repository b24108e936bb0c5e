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
            "input": _schema(each.input.model_json_schema()),
            "events": [*each.succeeds, each.fails, FATAL],
        }
    events[FATAL] = _object("error", "command")
    return {"commands": dict(sorted(commands.items())), "events": dict(sorted(events.items()))}


def failure(*echoes: str) -> dict[str, Any]:
    """Return the schema of a failure's payload: what it echoes, and what is wrong."""
    return _object(*echoes, "error", "code", "kind")


def _object(*keys: str) -> dict[str, Any]:
    properties = dict.fromkeys(keys, _TEXT)
    return _schema({"type": "object", "properties": properties, "required": list(keys)})


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": _DIALECT, **schema}
