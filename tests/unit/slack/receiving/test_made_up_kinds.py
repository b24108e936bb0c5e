"""Any payload of Slack's can become an event: made-up kinds pass the way in (promises 1 to 3)."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
from scripted_slack import ScriptedSlack
from support import opened

from flyte_slack.slack.api.clock import SlackClock
from flyte_slack.slack.events.base import Body, Bot, EventKind, Payload, Received
from flyte_slack.slack.events.filter import ChannelFilter
from flyte_slack.slack.events.forwarding import Forwarding
from flyte_slack.slack.events.kinds import Kinds
from flyte_slack.slack.receiving.listener import Listener
from flyte_slack.slack.workspace.channels import ChannelNames
from flyte_slack.slack.workspace.directory import Directory
from flyte_slack.slack.workspace.history import History
from flyte_slack.slack.workspace.identity import Identity
from flyte_slack.slack.workspace.workspace import Workspace


class Told(Payload):
    """What a made-up kind tells."""

    what: str


class MadeUp(EventKind):
    """Takes every payload of one family."""

    payload = Told
    criteria = "{{ Event.Payload.what }}"
    key: ClassVar[str]
    fills_gaps: ClassVar[bool] = False

    def read(self, body: Body, bot: Bot) -> Received | None:
        return Received(f"{self.name}:1", "U1", 5.0, self.fills_gaps) if self.key in body else None

    async def event(self, body: Body, workspace: Workspace) -> Told:
        return Told(what=str(body[self.key]))


def made_up(name: str, key: str, fills_gaps: bool = False) -> MadeUp:
    """Return a kind that takes payloads with this key."""
    kind = type(name, (MadeUp,), {"name": name, "key": key, "fills_gaps": fills_gaps})
    made: MadeUp = kind()
    return made


FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "event": ("event", {"type": "event_callback", "event": {"type": "quite_new"}}),
    "interactive": ("actions", {"type": "block_actions", "actions": [1], "user": {"id": "U1"}}),
    "view": ("view", {"type": "view_stacked", "view": {"id": "V1"}}),
    "slash": ("command", {"command": "/x", "text": "y"}),
    "outer": ("minute_rate_limited", {"type": "app_rate_limited", "minute_rate_limited": 1}),
}


@pytest.mark.parametrize("family", FAMILIES)
async def test_made_up_kind_survives_a_crash(family: str, tmp_path: Path) -> None:
    """Stored once under its kind, read back by the next run, made an event by the kind the row names."""
    key, body = FAMILIES[family]
    woken: list[str] = []
    async with ScriptedSlack().serve() as slack, slack.client() as web:
        identity = Identity(SlackClock(), "UBOT", "flyte", "T1")
        identity._tried.set()
        directory = Directory(web)
        workspace = Workspace(directory, ChannelNames(History(web, SlackClock())), identity)
        kinds = Kinds([made_up("First", key), made_up("Second", key)], identity)
        async with opened(tmp_path) as store:
            listener = Listener(kinds, store.inbox, woken.append, directory, identity)
            await listener.receive(body)
            await listener.receive(body)
        assert woken == ["U1", "U1"]
        async with opened(tmp_path) as store:
            rows = await store.inbox.waiting("U1", 10)
            assert await store.inbox.newest("U1") is None, "only what fills gaps moves the mark"
        assert [(row.kind, row.key, row.position) for row in rows] == [
            ("First", "First:1", 5.0),
            ("Second", "Second:1", 5.0),
        ]
        forward = Forwarding(kinds, workspace, ChannelFilter(directory, ()))
        events = [await forward(row) for row in rows]
        assert [event and event.wire() for event in events] == [
            {"event": name, "payload": {"what": str(body[key])}, "createdAt": "1970-01-01T00:00:05.000000Z"}
            for name in ("First", "Second")
        ]


async def test_kind_that_fills_gaps_moves_the_mark(tmp_path: Path) -> None:
    """What history can bring back is remembered as the newest of its lane."""
    async with ScriptedSlack().serve() as slack, slack.client() as web, opened(tmp_path) as store:
        identity = Identity(SlackClock())
        kinds = Kinds([made_up("First", "event", fills_gaps=True)], identity)
        listener = Listener(kinds, store.inbox, lambda lane: None, Directory(web), identity)
        await listener.receive({"event": {}})
        assert await store.inbox.newest("U1") == 5.0
