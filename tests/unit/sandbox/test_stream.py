"""What a page hears over the stream of server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from sandbox_parts import Peer, Person, plain
from slack_sdk.web.async_client import AsyncWebClient

from flyte_slack.sandbox.chat import stream as stream_module
from flyte_slack.sandbox.server import Sandbox
from flyte_slack.sandbox.workspace import Workspace

pytest_plugins = ["sandbox_fixtures"]

Heard = AsyncIterator[tuple[str, dict[str, Any]]]


async def frames(response: aiohttp.ClientResponse) -> Heard:
    """Read the events of a stream."""
    event = ""
    while raw := await response.content.readuntil(b"\n"):
        field, _, value = raw.decode().rstrip("\n").partition(": ")
        if field == "event":
            event = value
        elif field == "data":
            yield event, json.loads(value)


@asynccontextmanager
async def listening(session: aiohttp.ClientSession, query: str = "") -> AsyncIterator[Heard]:
    """Listen to the stream."""
    async with session.get(f"/api/stream{query}") as response, asyncio.timeout(10):
        yield frames(response)


async def test_reactions_and_replies_show_on_their_message(
    session: aiohttp.ClientSession, alice: Person, bob: Person
) -> None:
    """A message comes again as it is now: with its reaction, and with its reply counted."""
    ts = await alice.says("look")
    async with listening(session) as heard:
        await bob.does("reactions", channel="general", ts=ts, reaction="eyes")
        _, reacted = await anext(heard)
        await bob.says("hm", thread_ts=ts)
        (_, reply), (_, root) = [await anext(heard) for _ in range(2)]
    assert (reacted["ts"], reacted["reactions"][0]["users"]) == (ts, ["bob"])
    assert (reply["thread_ts"], root["ts"]) == (ts, ts)
    assert (root["reply_count"], root["reply_users"]) == (1, ["bob"])


async def test_modals_come_and_go(
    session: aiohttp.ClientSession, alice: Person, peer: Peer, slack: AsyncWebClient
) -> None:
    """Whose they are, and all that are open for that person."""
    await alice.does("shortcuts", callback_id="c")
    trigger = (await peer.taken("interactive"))["trigger_id"]
    async with listening(session) as heard:
        view = {"type": "modal", "title": plain("Reason"), "blocks": []}
        opened = (await slack.views_open(trigger_id=trigger, view=view))["view"]
        kind, shown = await anext(heard)
        await alice.does(f"modals/{opened['id']}", inputs={})
        _, gone = await anext(heard)
    assert (kind, shown["user"], shown["modals"][0]["view_id"]) == ("modals", "alice", opened["id"])
    assert gone == {"user": "alice", "modals": []}


async def test_channels_and_people_come_as_the_directory(
    session: aiohttp.ClientSession, alice: Person
) -> None:
    """A new person and a new channel are in it."""
    async with listening(session) as heard:
        await alice.does("people", name="dave")
        kind, people = await anext(heard)
        await alice.does("channels", name="release")
        _, channels = await anext(heard)
    assert kind == "directory"
    assert people["users"][-1]["name"] == "dave"
    assert channels["channels"][-1]["name"] == "release"


async def test_a_page_that_loads_gets_everything_once(
    session: aiohttp.ClientSession, alice: Person, bob: Person, slack: AsyncWebClient
) -> None:
    """Directory, messages in order and modals, and only then what is new."""
    for number in range(3):
        await alice.says(f"{number}")
    channel = (await slack.conversations_list())["channels"][0]["id"]
    await slack.chat_postEphemeral(channel=channel, user="U0ALICE", text="psst")
    await alice.says("last")
    async with listening(session, "?history=1") as heard:
        before = [await anext(heard) for _ in range(7)]
        await bob.says("new")
        after = await anext(heard)
    assert [kind for kind, _ in before] == ["directory", *["message"] * 5, "settled"]
    assert [message["text"] for _, message in before[1:6]] == ["0", "1", "2", "psst", "last"]
    assert after[1]["text"] == "new"


async def test_loading_is_one_answer(session: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """3,000 messages of a channel and 300 replies arrive, each once."""
    general = sandbox.workspace.channel("general")
    root = sandbox.workspace.say(general, "alice", "root")["ts"]
    for number in range(3_000):
        sandbox.workspace.say(general, "alice", str(number), root if number % 10 == 0 else "")
    async with listening(session, "?history=1") as heard:
        seen = [message["ts"] async for kind, message in until_settled(heard) if kind == "message"]
    assert len(seen) == len(set(seen)) == 3_001


async def until_settled(heard: Heard) -> Heard:
    """Yield what comes before `settled`."""
    while True:
        kind, data = await anext(heard)
        if kind == "settled":
            return
        yield kind, data


async def test_a_page_that_does_not_read_is_let_go(
    session: aiohttp.ClientSession, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its backlog is bounded: the stream ends, and a new one has everything."""
    monkeypatch.setattr(stream_module, "BACKLOG", 10)
    general = sandbox.workspace.channel("general")
    async with session.get("/api/stream") as response, asyncio.timeout(10):
        await response.content.readuntil(b"\n\n")
        for number in range(30):  # at once: nothing is written meanwhile
            sandbox.workspace.say(general, "alice", str(number))
        assert b"29" not in await response.content.read()


def test_a_channel_forgets_its_oldest_messages() -> None:
    """What is remembered of a channel is bounded."""
    workspace = Workspace(keep=5)
    general = workspace.channel("general")
    said = [workspace.say(general, "alice", str(number))["ts"] for number in range(8)]
    assert [message["ts"] for message in general.messages] == said[3:]
    assert workspace.find(general, said[0]) is None
    assert workspace.find(general, said[3]) is general.messages[0]
