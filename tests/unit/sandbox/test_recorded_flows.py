"""Flows played against what the real server made of them (tests/data/flyte-flows.json)."""

import json
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from flyte_slack.sandbox.flows import Action, Event, FlowEngine, Pack, parse_flow
from flyte_slack.sandbox.flyte_wire import encode

RECORDED = json.loads((Path(__file__).parents[2] / "data" / "flyte-flows.json").read_text("utf-8"))
PACK = Pack(RECORDED["pack"], RECORDED["pack"])


def played(row: dict[str, Any]) -> list[Action]:
    """Play a flow: each action is completed with the event that the recording says."""
    engine = FlowEngine([parse_flow(json.dumps({"name": row["name"], "steps": row["steps"]}), "json")])
    made: list[Action] = []
    waiting: deque[Action] = deque()
    for number, given in enumerate(row["events"]):
        new = engine.handle_event(Event(given["event"], PACK, given["payload"]))
        waiting += new
        made += new
        while waiting:
            action = waiting.popleft()
            undeclared = row["results"].startswith("RZ") and action.name == "A"
            payload = {"from": action.name, "n": number + 1, "in": action.input}
            result = Event("RZ" if undeclared else f"R{action.name}", PACK, payload)
            action.take()
            action.complete(result)
            new = engine.handle_event(result, action)
            waiting += new
            made += new
    return made


@pytest.mark.parametrize("row", RECORDED["rows"], ids=lambda row: row["name"])
def test_recorded_flows(row: dict[str, Any]) -> None:
    """A flow makes the actions it made on the real server, with their inputs."""
    made = json.loads(encode([[action.name, action.input] for action in played(row)]))
    assert sorted(made, key=_text) == sorted(row["actions"], key=_text)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
