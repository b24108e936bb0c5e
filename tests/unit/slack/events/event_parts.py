"""What the tests of events share: a workspace behind a scripted Slack, and a payload's way through it."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from scripted_slack import Answer, Call, ScriptedSlack

from flyte_slack.pack import Event
from flyte_slack.slack.api.clock import SlackClock
from flyte_slack.slack.events.filter import ChannelFilter
from flyte_slack.slack.events.forwarding import Forwarding
from flyte_slack.slack.events.kinds import Kinds
from flyte_slack.slack.offer import chosen_events
from flyte_slack.slack.workspace.channels import ChannelNames
from flyte_slack.slack.workspace.directory import Directory
from flyte_slack.slack.workspace.history import History
from flyte_slack.slack.workspace.identity import Identity
from flyte_slack.slack.workspace.workspace import Workspace
from flyte_slack.store import StoredEvent

USERS: dict[str, dict[str, Any]] = {
    "U0ALICE": {
        "name": "alice",
        "display_name": "Alice L",
        "email": "alice@example.com",
        "first_name": "Alice",
    },
    "U0BOBBY": {"name": "bobby", "display_name": "", "email": "bobby@example.com", "title": "SRE"},
    "U0FLYTE": {"name": "flyte", "display_name": "Flyte", "is_bot": True},
}
CHANNELS: dict[str, dict[str, Any]] = {
    "C0GENERAL": {"name": "general", "is_channel": True},
    "C0OPS": {"name": "ops", "is_channel": True},
    "G0SECRET": {"name": "secret", "is_group": True, "is_private": True},
    "G0PARTY": {"name": "mpdm-alice--bobby--flyte-1", "is_mpim": True, "is_private": True},
    "D0ALICE": {"is_im": True, "user": "U0ALICE"},
}


def knows(call: Call) -> Answer | None:
    """Answer what the workspace knows; what it does not is refused."""
    arguments = call.arguments
    if call.method == "users.info":
        if (user := USERS.get(arguments["user"])) is None:
            return "user_not_found"
        profile = {key: value for key, value in user.items() if key not in {"name", "is_bot"}}
        named = {"id": arguments["user"], "name": user["name"], "is_bot": bool(user.get("is_bot"))}
        return {"user": {**named, "profile": profile}}
    if call.method == "conversations.info":
        if (channel := CHANNELS.get(arguments["channel"])) is None:
            return "channel_not_found"
        return {"channel": {"id": arguments["channel"], **channel}}
    return "unknown_method"


class Bench:
    """The way of a payload: read, kept as a row, and made an event.

    Attributes:
        kinds: the kinds that are chosen.
        workspace: what it is described with.
    """

    def __init__(self, kinds: Kinds, workspace: Workspace, channels: ChannelFilter) -> None:
        self.kinds = kinds
        self.workspace = workspace
        self.channels = channels
        self.forward = Forwarding(kinds, workspace, channels)

    def rows(self, body: object) -> list[StoredEvent]:
        """Return the rows that a payload becomes."""
        directory = self.workspace.directory
        return [
            StoredEvent(
                1,
                received.key,
                received.lane,
                kind.keep(body, directory),  # type: ignore[arg-type]
                time.time(),
                received.position or time.time(),
                kind.name,
            )
            for kind, received in self.kinds.read(body)
        ]

    async def events(self, body: object) -> list[Event]:
        """Return the events that flows see of a payload."""
        made = [await self.forward(row) for row in self.rows(body)]
        return [event for event in made if event is not None]

    async def event(self, body: object) -> Event:
        """Return the one event that flows see of a payload."""
        (event,) = await self.events(body)
        return event

    async def payload(self, **event: Any) -> dict[str, Any]:
        """Return the payload that flows see of an event of Slack's."""
        return dict((await self.event(callback(**event))).payload)


@asynccontextmanager
async def bench(
    slack: ScriptedSlack,
    *events: str,
    hears: Sequence[str] = (),
    channels: Sequence[str] = (),
    identity: Identity | None = None,
) -> AsyncIterator[Bench]:
    """Lend a bench with these kinds of events, all by default, over a Slack that is served."""
    async with slack.client() as web:
        if identity is None:
            url = "https://acme.slack.com/"
            identity = Identity(SlackClock(), "U0FLYTE", "flyte", "T0ACME", "B0FLYTE", url)
            identity._tried.set()
        directory = Directory(web)
        kinds = Kinds(chosen_events(events or ["all"]), identity, hears)
        names = ChannelNames(History(web, SlackClock()))
        workspace = Workspace(directory, names, identity)
        yield Bench(kinds, workspace, ChannelFilter(directory, channels))


def callback(**event: Any) -> dict[str, Any]:
    """Return a payload of the Events API."""
    return {
        "token": "not-to-be-kept",
        "type": "event_callback",
        "team_id": "T0ACME",
        "api_app_id": "A0FLYTE",
        "event_id": "Ev0001",
        "event_time": 1700000000,
        "authorizations": [{"team_id": "T0ACME", "user_id": "U0FLYTE", "is_bot": True}],
        "event": event,
    }


def message(**more: Any) -> dict[str, Any]:
    """Return the event of a message that a person wrote."""
    return {
        "type": "message",
        "channel": "C0GENERAL",
        "channel_type": "channel",
        "user": "U0ALICE",
        "text": "hello",
        "ts": "1700000000.000100",
        "event_ts": "1700000000.000100",
        **more,
    }


def only_strings(value: object) -> None:
    """Hold that a value consists of strings, objects and lists, and that a database can hold its keys."""
    if isinstance(value, dict):
        for key, member in value.items():
            assert "." not in key
            assert not key.startswith("$")
            only_strings(member)
    elif isinstance(value, list):
        for member in value:
            only_strings(member)
    else:
        assert isinstance(value, str), value
