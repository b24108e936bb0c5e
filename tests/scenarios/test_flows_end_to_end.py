"""A message leads through a flow to a reply, all the way: Slack, pack, Flyte, pack, Slack."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from harness import World, eventually, world

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def w(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One running pack for the tests that neither stop it nor change its settings."""
    async with world(tmp_path_factory.mktemp("shared")) as running:
        await running.pack.start()
        yield running


NOTIFY = """
name: notify
steps:
  - id: ask
    event: {packName: Slack, name: MessageSent}
    criteria: "{{ Event.Payload.origin == 'channel' and Event.Payload.message == 'who am I' }}"
    command:
      packName: Slack
      name: sendMessage
      input:
        channelId: "{{ Event.Payload.user.id }}"
        message: "{{ Event.Payload.user.name }}, {{ Event.Payload.user.title }}"
  - id: failed
    event: {packName: Slack, name: MessageSendFailure}
    command:
      packName: Slack
      name: sendMessage
      input:
        channelId: "#ops"
        message: "{{ Event.Payload.code }} in {{ Event.Payload.channelId }}"
"""


async def write(w: World, channel: str, text: str, **more: str) -> str:
    """Write a message through the sandbox's own interface, and return its ts."""
    body = {"channel": channel, "user": "alice", "text": text, **more}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{w.sandbox.url}/api/messages", json=body) as answer,
    ):
        assert answer.status == 201
        return str((await answer.json())["ts"])


async def read(w: World, channel: str) -> list[dict[str, Any]]:
    """Read a channel through the sandbox's own interface."""
    url = f"{w.sandbox.url}/api/messages"
    async with aiohttp.ClientSession() as session, session.get(url, params={"channel": channel}) as answer:
        return list((await answer.json())["messages"])


async def test_echo(w: World) -> None:
    """`echo hello` is answered with hello in the same channel, once; in a thread, in the thread."""
    channel = w.fresh()
    ts = await write(w, channel.name, "echo hello")
    await eventually(lambda: len(w.posts(channel)) == 1)
    assert [message["text"] for message in await read(w, channel.name)] == ["echo hello", "hello"]
    await write(w, channel.name, "echo deeper", thread_ts=ts)
    await eventually(lambda: len(w.posts(channel)) == 2)
    reply = (await read(w, channel.name))[-1]
    assert (reply["text"], reply["thread_ts"]) == ("deeper", ts)


async def test_no_flow_answers_itself(w: World) -> None:
    """`echo echo …` is answered once: the result's origin tells it from a message."""
    channel = w.fresh()
    await write(w, channel.name, "echo echo hello")
    await eventually(lambda: len(w.posts(channel)) == 1)
    await eventually(lambda: all(action.completed for action in w.flyte.api.actions.values()))
    await w.marked(channel)
    await w.done(w.flyte.command(channelId=w.fresh().id, message="following"))
    assert [post["text"] for post in w.posts(channel)] == ["echo hello"]


async def test_two_steps(w: World) -> None:
    """A second step waits for the first one's result and answers in the thread of the request."""
    channel = w.fresh()
    ts = await write(w, channel.name, "deploy web")
    await eventually(lambda: len(w.posts(channel)) == 2)
    first, second = w.posts(channel)
    assert (first["text"], first.get("thread_ts")) == ("Deploying web…", None)
    assert (second["text"], second["thread_ts"]) == ("web is deployed.", ts)


async def test_flow_over_http_with_user_and_failure(w: World) -> None:
    """A flow reads the user of a message, and another step answers a failure."""
    headers = {"Content-Type": "application/x-yaml"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{w.flyte.url}/v1/flows", data=NOTIFY, headers=headers) as answer,
    ):
        assert answer.status == 201
    direct, ops = w.workspace.open_direct("U0ALICE"), w.channel("ops")
    await write(w, "general", "who am I")
    await w.done(w.flyte.command(channelId="C0NOWHERE", message="x"))
    await eventually(lambda: len(w.posts(direct)) == len(w.posts(ops)) == 1)
    assert w.posts(direct)[0]["text"] == "alice, Developer"
    assert w.posts(ops)[0]["text"] == "channel_not_found in C0NOWHERE"


async def test_labelled_pack_takes_its_own_actions(tmp_path: Path) -> None:
    """A labelled pack executes the actions of flows for its labels, and those without."""
    async with world(tmp_path, FLYTE_LABELS="env=prod") as w:
        await w.pack.start()
        api = w.flyte.api
        input_ = {"channelId": w.channel("general").id, "message": "x"}
        own = api.actions[api.create_action("Slack", "sendMessage", input_, {"env": "prod"})]
        any_ = api.actions[api.create_action("Slack", "sendMessage", input_)]
        other = api.actions[api.create_action("Slack", "sendMessage", input_, {"env": "test"})]
        await w.done(own, any_)
        assert other.state == "NEW"
