"""Slack redelivers, in every way it can; Flyte gets each message once (promise 2)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from harness import EVENTS, World, eventually, world

from flyte_slack.sandbox.socket_mode import Delivery, SocketMode
from flyte_slack.sandbox.workspace import Event, Workspace

LOST_ACKS = ("Failed to run a request listener",)
"""How the SDK logs an acknowledgement that a dropped connection did not take."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def w(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One running pack for the tests that neither stop it nor change its settings."""
    async with world(tmp_path_factory.mktemp("shared"), expected=LOST_ACKS) as running:
        await running.pack.start()
        yield running


class DeafSocketMode(SocketMode):
    """Does not hear the first acknowledgements of an event, and sends it again."""

    deaf_to = 0

    def _acknowledge(self, envelope_id: str) -> None:
        delivery = self._in_flight.get(envelope_id)
        if delivery is not None and delivery.attempt < self.deaf_to:
            return
        super()._acknowledge(envelope_id)


class RepeatingSocketMode(SocketMode):
    """Sends every envelope three times, unchanged."""

    def _send(self, delivery: "object") -> None:
        super()._send(delivery)  # type: ignore[arg-type]
        for connection in self._connections:
            frames = [connection.outbox.get_nowait() for _ in range(connection.outbox.qsize())]
            for frame in frames:
                for _ in range(3 if frame["type"] == "events_api" else 1):
                    connection.outbox.put_nowait(frame)


def inner_event(w: World, text: str, channel: str = "general") -> Event:
    """Write a message and return the event that tells of it."""
    heard: list[Event] = []
    stop = w.workspace.listen(heard.append)
    w.say(channel, text)
    stop()
    return heard[0]


async def test_the_same_envelope_again(tmp_path: Path) -> None:
    """The same envelope several times over is one event."""
    async with world(tmp_path, socket_mode=RepeatingSocketMode) as w:
        await w.pack.start()
        for number in range(5):
            w.say("general", str(number))
            await w.acknowledged(number + 1)
        await w.marked(w.channel("general"))
        assert w.flyte.texts()[:-1] == ["0", "1", "2", "3", "4"]


async def test_acknowledgement_not_heard(tmp_path: Path) -> None:
    """The same event in new envelopes, over whichever connection, is one event, acknowledged each time."""

    def deaf(workspace: Workspace) -> SocketMode:
        mode = DeafSocketMode(workspace, redelivery=(0.05, 0.05, 0.05))
        mode.deaf_to = 3
        return mode

    async with world(tmp_path, socket_mode=deaf) as w:
        await w.pack.start()
        w.say("general", "hello")
        await w.acknowledged(1)
        await w.marked(w.channel("general"))
        assert w.flyte.texts()[:-1] == ["hello"]


async def test_the_same_message_with_other_event_ids(w: World) -> None:
    """The same message under eleven event ids, over both connections, is one event."""
    channel = w.fresh()
    acknowledged, posted = len(w.socket_mode.acknowledged), w.faults.count("POST", EVENTS)
    event = inner_event(w, "hello", channel.name)
    for _ in range(10):
        w.socket_mode.deliver(event)
    await w.acknowledged(acknowledged + 11)
    await w.marked(channel)
    assert w.flyte.texts(channel)[:-1] == ["hello"]
    assert w.faults.count("POST", EVENTS) == posted + 2


async def test_again_after_restarts(tmp_path: Path) -> None:
    """A message redelivered after a stop, or after kill -9, is not posted again."""
    async with world(tmp_path) as w:
        await w.pack.start()
        event = inner_event(w, "hello")
        await w.delivered(1)
        assert await w.pack.stop() == 0
        await w.pack.start()
        w.socket_mode.deliver(event)
        await w.acknowledged(2)
        w.pack.kill()
        await w.pack.start()
        w.socket_mode.deliver(event)
        await w.acknowledged(3)
        await w.marked(w.channel("general"))
        assert w.flyte.texts()[:-1] == ["hello"]


async def test_again_while_it_waits(tmp_path: Path) -> None:
    """A message redelivered while Flyte is away is posted once when it is back."""
    async with world(tmp_path, flyte_is_there=False) as w:
        w.pack.launch()
        await w.pack.listening()
        event = inner_event(w, "hello")
        await w.acknowledged(1)
        w.socket_mode.deliver(event)
        await w.acknowledged(2)
        await w.flyte.start()
        await w.marked(w.channel("general"))
        assert w.flyte.texts()[:-1] == ["hello"]


async def test_two_messages_alike_are_two(w: World) -> None:
    """The same words in two messages, or at one moment in two channels, are two events."""
    here, there = w.fresh(), w.fresh()
    event = inner_event(w, "hello", here.name)
    w.say(here, "hello")
    w.socket_mode.deliver({**event, "channel": there.id})
    await w.marked(here, there)
    assert w.flyte.texts(here)[:-1] == ["hello", "hello"]
    assert w.flyte.texts(there)[:-1] == ["hello"]


async def test_connections_dropped(w: World) -> None:
    """Messages over connections that are dropped or refreshed meanwhile arrive all, once."""
    channel = w.fresh()
    said = 0
    for upset in ("drop", "refresh_requested", "warning", "drop"):
        for _ in range(20):
            w.say(channel, str(said))
            said += 1
            await asyncio.sleep(0)
        if upset == "drop":
            w.socket_mode.drop()
        else:
            await w.socket_mode.disconnect(upset)
        await eventually(lambda: w.socket_mode.connections >= 1, "connected again")
    await w.arrived(channel, said)
    await w.marked(channel)
    assert sorted(int(text) for text in w.flyte.texts(channel)[:-1]) == list(range(said))
    await eventually(lambda: w.socket_mode.connections == 2, "both connections are there again")


async def test_a_refresh_leaves_no_gap(tmp_path: Path) -> None:
    """While connections are refreshed one by one, Slack always has one to deliver to; nothing is missed."""

    def forgetful(workspace: Workspace) -> SocketMode:
        return SocketMode(workspace, keep_events_while_disconnected=False, farewell=0.2)

    async with world(tmp_path, socket_mode=forgetful) as w:
        await w.pack.start()
        await eventually(lambda: w.socket_mode.connections == 2)
        channel = w.channel("general")
        for round_ in range(3):
            await w.socket_mode.disconnect("warning")
            for number in range(5):
                w.say(channel, f"{round_}-{number}")
            await w.delivered(5 * (round_ + 1))
        await w.marked(channel)
        assert len(w.flyte.texts(channel)) == 16


async def test_refused_tickets(tmp_path: Path) -> None:
    """Tickets and connections that Slack refuses for a while are asked for anew until it lets the pack in."""
    async with world(tmp_path) as w:
        refused = [
            w.faults.answer("*", r"/slack/api/apps\.connections\.open$", 500, times=2),
            w.faults.answer("GET", "/slack/socket$", 403, times=4),
        ]
        w.pack.launch()
        await w.pack.ready()
        assert refused[0].hits == 2
        await eventually(lambda: w.socket_mode.connections == 2)
        w.say("general", "hello")
        await w.delivered(1)


async def test_the_same_event_over_the_other_connection(tmp_path: Path) -> None:
    """The same event_id over each of both connections, and again after kill -9, is one event."""
    async with world(tmp_path, expected=LOST_ACKS) as w:
        await w.pack.start()
        await eventually(lambda: w.socket_mode.connections == 2)
        event = inner_event(w, "hello")
        await w.acknowledged(1)
        body = w.socket_mode._body(event)
        for start in range(2):
            before = len(w.socket_mode.acknowledged)
            for _ in range(4):  # the connections take turns
                w.socket_mode._send(Delivery({**body}))
            await w.acknowledged(before + 4)
            assert set(w.socket_mode.acknowledged[before:]) == {body["event_id"]}
            if not start:
                await eventually(lambda: not w.stored("SELECT key FROM inbox WHERE state <> 'delivered'"))
                w.pack.kill()
                await w.pack.start()
                await eventually(lambda: w.socket_mode.connections == 2)
        await w.marked(w.channel("general"))
        assert w.flyte.texts()[:-1] == ["hello"]
