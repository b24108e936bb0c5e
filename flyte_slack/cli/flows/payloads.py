"""Paths into payloads, looked up in their JSON Schema."""

from collections.abc import Mapping, Sequence
from typing import Any


def missing_key(schema: Mapping[str, Any], path: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return the first key of a path that a payload does not have, and those it has; None if all are there.

    Args:
        schema: JSON Schema of the payload.
        path: keys and list indexes, such as `("files", "0", "name")`.
    """
    definitions = schema.get("$defs", {})
    here: Mapping[str, Any] = schema
    for key in path:
        here = _resolved(here, definitions)
        if here.get("type") == "array":
            if not key.isdigit():
                return key, ["0"]
            here = here.get("items", {})
            continue
        properties = here.get("properties")
        if properties is None:
            if here.get("type") == "string":
                return key, []
            return None  # whatever Slack puts there
        if key not in properties:
            return key, list(properties)
        here = properties[key]
    return None


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = str(schema.get("$ref", ""))
    found: Mapping[str, Any] = definitions.get(reference.rpartition("/")[2], schema) if reference else schema
    return found
