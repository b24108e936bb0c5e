"""What the templates of these tests are given."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flyte_slack.sandbox.templates import GoTime, Struct, TemplateError, Value, from_json, render, text_map

DATA = Path(__file__).parents[3] / "data"
RECEIVED = datetime(2026, 11, 23, 8, 41, 51, 297886, UTC)

PAYLOAD: dict[str, Any] = {
    "text": "deploy web",
    "n": 3,
    "f": 1.5,
    "list": ["c", "a", "b"],
    "objects": [{"n": "x", "v": 1}, {"n": "y", "v": 2}],
    "object": {"k": "v"},
    "uni": "üé",
    "null": None,
    "spaces": "  a   b\tc ",
    "html": "<b>&'\"</b>",
    "a.b": "dotted",
    "true_": True,
}


def recorded(name: str) -> Any:
    """A recording of the real server."""
    return json.loads((DATA / name).read_text("utf-8"))


def variables(payload: Any, context: dict[str, Any] | None = None) -> dict[str, Any]:
    """`Event` and `Context`, as the engine makes them."""
    pack = Struct("execution.Pack", {"Id": "T", "Name": "T", "Labels": text_map({"env": "prod"})})
    received = GoTime(RECEIVED, nanosecond=297_886_697)
    fields: dict[str, Value] = {
        "Name": "E1",
        "Pack": pack,
        "Payload": from_json(payload, shared=True),
        "ReceivedAt": received,
    }
    return {"Event": Struct("execution.Event", fields), "Context": from_json(context or {})}


GIVEN = {**variables(PAYLOAD, {"Channel": "C1"}), "P": PAYLOAD}


def refused(template: str, context: dict[str, Any] | None = None) -> TemplateError:
    """The error of a template that has one."""
    with pytest.raises(TemplateError) as caught:
        render(template, GIVEN if context is None else context)
    return caught.value
