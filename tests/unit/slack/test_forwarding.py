"""Which messages are forwarded, and with which names (contract, sections 1 and 3)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from scripted_slack import Answer, Call, ScriptedSlack
from support import breathe, eventually
from tenacity import wait_fixed

from flyte_slack import retries
from flyte_slack.pack import Event
from flyte_slack.slack.events.forwarding import Forwarding
from flyte_slack.slack.workspace import directory as directory_module
from flyte_slack.slack.workspace.directory import Directory
from flyte_slack.store import StoredEvent

NAMES = {"C1": "general", "C2": "ops", "G1": "secret"}


def info(call: Call) -> Answer | None:
    if call.method == "users.info":
        return {"user": {"id": "U1", "name": "bobby"}}
    channel = call.arguments["channel"]
    return {"channel": {"id": channel, "name": NAMES[channel], "is_private": channel.startswith("G")}}


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedSlack]:
    monkeypatch.setattr(retries, "SLACK_CONNECT", wait_fixed(0.01))
    monkeypatch.setattr(directory_module, "_FAILED_FOR", 0.01)
    async with ScriptedSlack().serve() as served:
        served.judge = info
        yield served


@asynccontextmanager
async def forwarding(slack: ScriptedSlack, channels: Sequence[str] = ()) -> AsyncIterator[Forwarding]:
    async with slack.client() as web:
        yield Forwarding(Directory(web), channels)


def stored(channel: str = "C1", kind: str = "channel", **more: Any) -> StoredEvent:
    event = {
        "type": "message",
        "channel": channel,
        "channel_type": kind,
        "user": "U1",
        "text": "hi",
        "ts": "1.000002",
    }
    return StoredEvent(
        1, f"{channel}:1.000002", channel, {"team_id": "T1", "event": event | more}, 0.0, 0.0, "MessageSent"
    )


async def forwarded(slack: ScriptedSlack, channels: Sequence[str], event: StoredEvent) -> Event | None:
    async with forwarding(slack, channels) as forward:
        return await asyncio.wait_for(forward(event), 10)


async def test_message_is_forwarded_with_its_names(slack: ScriptedSlack) -> None:
    """A message seen is `MessageSent` of origin `channel`, with the names of its channel and user."""
    event = await forwarded(slack, (), stored())
    assert event is not None
    assert event.name == "MessageSent"
    assert event.payload["origin"] == "channel"
    assert [event.payload[key] for key in ("channelName", "channelType", "teamId")] == [
        "general",
        "channel",
        "T1",
    ]
    assert event.payload["user"]["name"] == "bobby"


@pytest.mark.parametrize(
    ("channels", "channel", "expected"),
    [
        ((), "C1", True),
        (("C1",), "C1", True),
        (("C1",), "C2", False),
        (("C1", "C2"), "C2", True),
        (("#general",), "C1", True),
        (("#general",), "C2", False),
        (("#general", "C2"), "C2", True),
        (("#general", "C2"), "G1", False),
        (("#secret",), "G1", True),
    ],
)
async def test_channels_filter(
    slack: ScriptedSlack, channels: Sequence[str], channel: str, expected: bool
) -> None:
    """`FLYTE_SLACK_CHANNELS` names what is forwarded, by id or `#name`; without it all is."""
    kind = "group" if channel.startswith("G") else "channel"
    assert (await forwarded(slack, channels, stored(channel, kind)) is not None) is expected


@pytest.mark.parametrize("channels", [("#general",), ("C1",)])
async def test_direct_messages_are_filtered_too(slack: ScriptedSlack, channels: Sequence[str]) -> None:
    """Where channels are named, a direct message is in none of them, and nothing waits for its name."""
    assert await forwarded(slack, channels, stored("D1", "im")) is None


async def test_left_out_channel_costs_no_lookup(slack: ScriptedSlack) -> None:
    """A busy channel that is not forwarded does not use up Slack's limits."""
    assert await forwarded(slack, ("C1",), stored("C2")) is None
    assert slack.calls == []


async def test_unknown_name_waits(slack: ScriptedSlack) -> None:
    """While Slack does not tell a channel's name, a filter by name neither loses nor leaks the message."""
    down = True
    slack.judge = lambda call: (
        "internal_error" if down and call.method == "conversations.info" else info(call)
    )
    async with forwarding(slack, ("#general",)) as forward:
        waiting = asyncio.create_task(forward(stored()))
        await eventually(lambda: len(slack.of("conversations.info")) >= 3)
        await breathe()
        assert not waiting.done()
        down = False
        event = await asyncio.wait_for(waiting, 10)
    assert event is not None
    assert event.payload["channelName"] == "general"


async def test_listed_id_does_not_wait_for_a_name(slack: ScriptedSlack) -> None:
    """A channel listed by its id is forwarded though its name cannot be told."""
    slack.judge = lambda call: "missing_scope"
    event = await forwarded(slack, ("#ops", "C1"), stored())
    assert event is not None
    assert (event.payload["channelId"], event.payload["channelName"]) == ("C1", "")


async def test_failing_lookups_cost_no_message(slack: ScriptedSlack) -> None:
    """Without any lookup a message is forwarded with the ids alone."""
    slack.judge = lambda call: "missing_scope"
    event = await forwarded(slack, (), stored())
    assert event is not None
    assert (event.payload["user"]["id"], event.payload["user"]["name"]) == ("U1", "")
    assert event.payload["user"]["isBot"] == "false"


async def test_message_without_team_or_user(slack: ScriptedSlack) -> None:
    """A message with less than usual is forwarded with what there is."""
    event = StoredEvent(
        1, "k", "C1", {"event": {"channel": "C1", "ts": "1.0", "text": "hi"}}, 0.0, 0.0, "MessageSent"
    )
    made = await forwarded(slack, (), event)
    assert made is not None
    assert (made.payload["teamId"], made.payload["user"]["id"], made.payload["channelType"]) == (
        "",
        "",
        "channel",
    )
