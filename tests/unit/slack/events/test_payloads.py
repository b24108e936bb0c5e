"""Every recorded payload of Slack's becomes exactly the events that its file says (contract, section 9)."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from event_parts import Bench, bench, knows, only_strings
from scripted_slack import ScriptedSlack

from flyte_slack.slack.events.slack_event import SlackEvent
from flyte_slack.slack.offer import EVENT_NAMES, EVENTS

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAYLOADS = {path.stem: path for path in sorted((Path(__file__).parents[3] / "payloads").glob("*.json"))}
CHOSEN = ("all", "pin_added", "emoji_changed")
ARRIVED = {"ModalSubmitted", "ModalClosed", "SlashCommandUsed"}
"""Events whose payload has no time: they have that of their arrival."""


def recording(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a payload as Slack sends it, and the events that flows see."""
    content = json.loads(PAYLOADS[name].read_text())
    return content["slack"], content["flyte"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack().serve() as served:
        served.judge = knows
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def everything(slack: ScriptedSlack) -> AsyncIterator[Bench]:
    async with bench(slack, *CHOSEN, hears=["B0ALERTS"]) as made:
        made.workspace.directory.met({"id": "C0OPS", "name": "ops"})
        yield made


@pytest.mark.parametrize("name", PAYLOADS)
async def test_payload_becomes_its_events(everything: Bench, name: str) -> None:
    """What flows see is exact, and valid by the kind's own model; the rest becomes nothing."""
    body, expected = recording(name)
    events = [event.wire() for event in await everything.events(body)]
    for event in events:
        only_strings(event["payload"])
        kind = everything.kinds[event["event"]]
        assert kind.payload.model_validate(event["payload"]).wire() == event["payload"]
        if event["event"] in ARRIVED:
            event["createdAt"] = "arrival"
    assert events == expected


@pytest.mark.parametrize("name", PAYLOADS)
async def test_payload_twice_is_one(everything: Bench, name: str) -> None:
    """The same payload has the same key each time, whichever connection brings it."""
    body, _ = recording(name)
    keys = [[row.key for row in everything.rows(json.loads(json.dumps(body)))] for _ in range(2)]
    assert keys[0] == keys[1]


async def test_token_is_not_kept(everything: Bench) -> None:
    """Slack's verification token is in no row."""
    for name in PAYLOADS:
        body, _ = recording(name)
        assert not [row for row in everything.rows(body) if "token" in row.body]


async def test_only_messages_fill_gaps(everything: Bench) -> None:
    """History brings back messages only, so that only they move the mark from which gaps are read."""
    readings = [each for name in PAYLOADS for each in everything.kinds.read(recording(name)[0])]
    assert {kind.name for kind, received in readings if received.fills_gaps} == {"MessageSent"}
    assert {kind.name for kind, _ in readings} == set(EVENT_NAMES), "there is a recording of every kind"


async def test_no_two_recordings_are_confused(everything: Bench) -> None:
    """Keys of different kinds never meet: a reaction, an edit or a click never hides a message."""
    kinds: dict[str, set[str]] = {}
    for name in PAYLOADS:
        for row in everything.rows(recording(name)[0]):
            kinds.setdefault(row.key, set()).add(row.kind)
    assert [found for found in kinds.values() if len(found) > 1] == []


@pytest.mark.parametrize("kind", EVENTS, ids=EVENT_NAMES)
async def test_kind_explains_itself(kind: type[SlackEvent]) -> None:
    """Each kind says in sentences what it is, and what each key of its payload is."""
    assert kind.__doc__ or kind.payload.__doc__
    assert kind.criteria.startswith("{{ Event.Payload.")
    for name, field in kind.payload.model_fields.items():
        assert field.description, f"{kind.name}.{name} has no description"


@pytest.mark.parametrize(
    "change",
    [
        {"event_id": "Ev0002"},
        {"event_id": None, "event": {"event_ts": "1700000071.000400"}},
    ],
)
async def test_added_removed_added_again_are_three(everything: Bench, change: dict[str, Any]) -> None:
    """The same reaction is another event when Slack gives it another id, or another time."""
    body, _ = recording("reaction")
    again = {**body, **change, "event": {**body["event"], **change.get("event", {})}}
    removed, _ = recording("reaction-removed")
    keys = {row.key for each in (body, removed, again) for row in everything.rows(each)}
    assert len(keys) == 3


@pytest.mark.parametrize(
    "change", [{"trigger_id": "1.2.3"}, {"trigger_id": None, "action_ts": "5.5"}, {"user": {"id": "U0ALICE"}}]
)
async def test_two_clicks_are_two(everything: Bench, change: dict[str, Any]) -> None:
    """Two clicks on one button differ by their trigger, their time or who clicked."""
    body, _ = recording("button")
    keys = {row.key for each in (body, {**body, **change}) for row in everything.rows(each)}
    assert len(keys) == 2


async def test_renamed_channel_is_remembered_for_the_row(everything: Bench) -> None:
    """The name before is kept in the row: later it could not be told any more."""
    (row,) = everything.rows(recording("channel-renamed")[0])
    assert row.body["previous_name"] == "ops"
