"""JSON Schema of a flow file, for editors."""

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string"}
_LABELS = {"type": "object", "additionalProperties": _TEXT}


def flow_file(offered: Mapping[str, Any], pack: str = "Slack") -> dict[str, Any]:
    """Return the schema: of this pack it knows events, commands and inputs; of others it accepts all.

    Args:
        offered: as `schema` prints it.
        pack: the pack's name in flows.
    """
    commands: Mapping[str, Any] = offered["commands"]
    event = _object({"packName": _TEXT, "name": _TEXT, "packLabels": _LABELS}, "packName", "name")
    event["if"] = {"properties": {"packName": {"const": pack}}}
    event["then"] = {"properties": {"name": {"enum": list(offered["events"])}}}
    command = _object(
        {"packName": _TEXT, "name": _TEXT, "packLabels": _LABELS, "input": True}, "packName", "name"
    )
    command["if"] = {"properties": {"packName": {"const": pack}}}
    command["then"] = {
        "properties": {"name": {"enum": list(commands)}},
        "allOf": [
            {
                "if": {"properties": {"name": {"const": name}}},
                "then": {"properties": {"input": {"$ref": f"#/$defs/{name}"}}},
            }
            for name in commands
        ],
    }
    step = _object(
        {
            "id": _TEXT,
            "event": event,
            "dependsOn": {"type": "array", "items": _TEXT},
            "criteria": _TEXT,
            "context": _LABELS,
            "command": command,
        },
        "event",
        "command",
    )
    steps = {"type": "array", "minItems": 1, "items": step}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_object({"name": _TEXT, "description": _TEXT, "steps": steps}, "name", "steps"),
        "$defs": {name: _within(each["input"], name) for name, each in commands.items()},
    }


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _within(schema: Mapping[str, Any], name: str) -> Any:
    """Return a schema for use within another: what it refers to has moved along with it."""

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: each.replace("#/", f"#/$defs/{name}/") if key == "$ref" else moved(each)
                for key, each in value.items()
                if key != "$schema"
            }
        return [moved(each) for each in value] if isinstance(value, list) else value

    return moved(schema)
