"""What was written while nobody listened is read from Slack's history (promise 11)."""

import signal
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from harness import EVENTS, World, each, eventually, world

from flyte_slack.sandbox.socket_mode import SocketMode
from flyte_slack.sandbox.workspace import Channel, Workspace

HISTORY = r"/conversations\.history$"
REPLIES = r"/conversations\.replies$"
FILLED = "history was read for missed messages"

LOST_ACKS = ("Failed to run a request listener",)
"""How the SDK logs an acknowledgement that a dropped connection did not take."""


def forgetful(workspace: Workspace) -> SocketMode:
    """Slack at its worst: what happens while no connection is open is told to nobody, ever."""
    return SocketMode(workspace, keep_events_while_disconnected=False, redelivery=(1.0,) * 60)


async def settled(w: World) -> None:
    """Wait until the pack has noted that Flyte has everything: a kill before that doubles an event."""
    await eventually(lambda: not w.stored("SELECT key FROM inbox WHERE state <> 'delivered'"))


async def filled(w: World, times: int = 1) -> None:
    """Wait until gaps were filled so often, over all starts of the pack."""
    await eventually(lambda: len(w.pack.logged(FILLED)) >= times, f"{times} gaps filled")


def talk(w: World, channels: Iterable[Channel], what: str, number: int) -> None:
    """Write numbered messages to each channel."""
    for n in range(number):
        for channel in channels:
            w.say(channel, f"{what} {n:03}")


def written(channel: Channel) -> list[str]:
    """Return what people wrote in a channel, replies included, in the order written."""
    return [message["text"] for message in channel.messages if not message.get("bot_id")]


def assert_each_once_in_order(w: World, channels: Iterable[Channel]) -> None:
    """Hold what Flyte got of each channel against all that was written there."""
    for channel in channels:
        assert w.flyte.texts(channel) == written(channel)


async def test_stopped_or_killed(tmp_path: Path) -> None:
    """What was written while the pack was stopped or dead is forwarded once, in order, threads included."""
    await each(away, tmp_path, signal.SIGTERM, signal.SIGKILL)


async def away(tmp_path: Path, number: signal.Signals) -> None:
    """Be away for a while, twice."""
    async with world(tmp_path, socket_mode=forgetful) as w:
        await w.pack.start()
        private = w.channel("secret", kind="group")
        direct = w.workspace.open_direct("U0ALICE")
        channels = [w.fresh(), w.fresh(), private, direct]
        old_roots = [w.say(channel, "an old root") for channel in channels]
        talk(w, channels, "before", 3)
        await w.delivered(4 * len(channels))
        await w.acknowledged(4 * len(channels))
        for absence in ("first", "second"):
            await settled(w)
            await w.pack.stop(number)
            await eventually(lambda: not w.socket_mode.connections)
            talk(w, channels, f"{absence} absence", 5)
            for channel, root in zip(channels, old_roots, strict=True):
                w.say(channel, f"{absence} reply to an old root", thread_ts=root["ts"])
                new_root = w.say(channel, f"{absence} new root")
                w.say(channel, f"{absence} reply to a new root", thread_ts=new_root["ts"])
            talk(w, channels, f"{absence} absence, later", 3)
            await w.pack.start()
            await filled(w, 1 if absence == "first" else 2)
            talk(w, channels, f"back after the {absence}", 2)
            expected = sum(len(written(channel)) for channel in channels)
            await w.delivered(expected)
        await w.marked(*channels)
        assert_each_once_in_order(w, channels)


async def test_several_pages(tmp_path: Path) -> None:
    """More than a page of messages, and of replies, is read to its end: once, in order."""
    async with world(tmp_path, socket_mode=forgetful) as w:
        await w.pack.start()
        channel = w.fresh()
        root = w.say(channel, "root")
        await w.marked(channel)
        assert await w.pack.stop() == 0
        for number in range(450):
            w.say(channel, f"message {number}")
            w.say(channel, f"reply {number}", thread_ts=root["ts"])
        await w.pack.start()
        await w.delivered(902)
        await w.marked(channel)
        assert_each_once_in_order(w, [channel])
        assert w.faults.count("GET", HISTORY) >= 3


async def test_connections_dropped_for_a_while(tmp_path: Path) -> None:
    """All connections lost in one process: what was missed meanwhile is forwarded once, in order."""
    async with world(tmp_path, socket_mode=forgetful, expected=LOST_ACKS) as w:
        await w.pack.start()
        channels = [w.fresh() for _ in range(3)]
        for time in range(3):
            talk(w, channels, f"before {time}", 2)
            await w.marked(*channels)
            refused = w.faults.slack_error(r"apps\.connections\.open", "internal_error")
            w.socket_mode.drop()
            await eventually(partial(getattr, refused, "hits"), "the pack wants to connect")
            talk(w, channels, f"meanwhile {time}", 4)
            refused.remove()
            await filled(w, time + 1)
            await w.delivered(sum(len(written(channel)) for channel in channels))
        await w.marked(*channels)
        assert_each_once_in_order(w, channels)


async def test_one_of_two_connections_dropped(tmp_path: Path) -> None:
    """While one connection is open there is no gap, and no history is read."""
    async with world(tmp_path, socket_mode=forgetful, expected=LOST_ACKS) as w:
        await w.pack.start()
        channel = w.fresh()
        await eventually(lambda: w.socket_mode.connections == 2)
        await w.socket_mode.disconnect("warning")
        talk(w, [channel], "meanwhile", 5)
        await eventually(lambda: w.socket_mode.connections == 2)
        await w.marked(channel)
        assert_each_once_in_order(w, [channel])


async def test_turned_off_and_bounded(tmp_path: Path) -> None:
    """FLYTE_SLACK_CATCH_UP=0 reads nothing; a small bound reads that far back and no further."""
    await each(bounded, tmp_path, 0, 40, 3600)


async def bounded(tmp_path: Path, seconds: int) -> None:
    """Miss what was written 50 seconds ago, and what was written just now."""
    async with world(tmp_path, socket_mode=forgetful, FLYTE_SLACK_CATCH_UP=str(seconds)) as w:
        await w.pack.start()
        channel = w.fresh()
        await w.marked(channel)
        assert await w.pack.stop() == 0
        old, new = (
            [w.say(channel, f"old {n}") for n in range(3)],
            [w.say(channel, f"new {n}") for n in range(3)],
        )
        for message in old:
            at, _, micros = message["ts"].partition(".")
            message["ts"] = f"{int(at) - 50}.{micros}"
        await w.pack.start()
        if seconds:
            await filled(w)
        w.say(channel, "back")
        await w.marked(channel)
        seen = [text for text in w.flyte.texts(channel) if not text.startswith("marker")]
        missed = [*(old if seconds > 50 else ()), *(new if seconds else ())]
        assert seen == [*(message["text"] for message in missed), "back"]
        if not seconds:
            assert w.faults.count("GET", HISTORY) == 0


async def test_first_start(tmp_path: Path) -> None:
    """The very first start reads nothing: what was written before is not for it."""
    async with world(tmp_path, socket_mode=forgetful) as w:
        channel = w.channel("general")
        talk(w, [channel], "long before", 3)
        await w.pack.start()
        w.say(channel, "hello")
        await w.marked(channel)
        assert w.flyte.texts(channel)[:-1] == ["hello"]
        assert w.faults.count("GET", HISTORY) == 0


async def test_trouble_on_the_way(tmp_path: Path) -> None:
    """429 (obeyed), 5xx, cut connections while history is read: all of it once, in order."""
    async with world(tmp_path, socket_mode=forgetful) as w:
        await w.pack.start()
        channels = [w.fresh() for _ in range(3)]
        roots = [w.say(channel, "root") for channel in channels]
        await w.marked(*channels)
        assert await w.pack.stop() == 0
        talk(w, channels, "missed", 5)
        for channel, root in zip(channels, roots, strict=True):
            w.say(channel, "missed reply", thread_ts=root["ts"])
        limited = w.faults.rate_limit(r"conversations\.history", 1, times=2)
        rules = [
            limited,
            w.faults.answer("GET", HISTORY, 500, times=1),
            w.faults.cut("GET", HISTORY, times=1),
            w.faults.slack_error(r"conversations\.history", "internal_error", times=1),
            w.faults.cut("GET", REPLIES, times=1),
            w.faults.rate_limit(r"conversations\.replies", 1, times=1),
            w.faults.answer("GET", r"/users\.conversations$", 503, times=1),
        ]
        await w.pack.start()
        await filled(w)
        talk(w, channels, "back", 2)
        await w.delivered(sum(len(written(channel)) for channel in channels))
        await w.marked(*channels)
        assert_each_once_in_order(w, channels)
        assert all(rule.hits for rule in rules), [rule.hits for rule in rules]


async def test_a_channel_that_cannot_be_read(tmp_path: Path) -> None:
    """One channel's history is refused: the others' gaps are filled, and a warning names it."""
    async with world(tmp_path, socket_mode=forgetful) as w:
        await w.pack.start()
        refused, other = w.fresh(), w.fresh()
        await w.marked(refused, other)
        assert await w.pack.stop() == 0
        talk(w, [refused, other], "missed", 2)
        headers = {"Content-Type": "application/json"}
        body = '{"ok": false, "error": "not_in_channel"}'
        w.faults.answer(
            "GET",
            HISTORY,
            200,
            body=body,
            headers=headers,
            where=lambda r, _: r.query["channel"] == refused.id,
        )
        await w.pack.start()
        await filled(w)
        await w.marked(other)
        assert_each_once_in_order(w, [other])
        (warning,) = w.pack.logged("a channel's history cannot be read")
        assert (warning["channel"], warning["cause"]) == (refused.id, "not_in_channel")


async def test_killed_while_catching_up(tmp_path: Path) -> None:
    """kill -9 as history is read, at several calls, with Flyte away: nothing is lost or doubled."""
    async with world(tmp_path, socket_mode=forgetful) as w:
        await w.pack.start()
        channels = [w.fresh() for _ in range(3)]
        roots = [w.say(channel, "root") for channel in channels]
        await w.marked(*channels)
        await settled(w)
        w.pack.kill()
        talk(w, channels, "missed", 20)
        for channel, root in zip(channels, roots, strict=True):
            w.say(channel, "missed reply", thread_ts=root["ts"])
        away_ = w.faults.answer("POST", EVENTS, 503)
        for path, nth in (
            (HISTORY, 1),
            (HISTORY, len(w.workspace.channels) // 2),
            (REPLIES, 1),
            (REPLIES, 3),
        ):
            w.faults.call("GET", path, w.pack.kill, when="after", cut=True, skip=nth - 1)
            w.pack.launch()
            await eventually(lambda: not w.pack.running, f"the pack is killed at {path}")
            talk(w, channels, f"missed after {path[2:-1]} {nth}", 2)
        await w.pack.start()
        await filled(w)
        away_.remove()
        talk(w, channels, "back", 2)
        await w.delivered(sum(len(written(channel)) for channel in channels))
        await w.marked(*channels)
        assert_each_once_in_order(w, channels)


async def test_gaps_and_redelivery(tmp_path: Path) -> None:
    """A message read from history and then delivered by socket after all is forwarded once."""
    async with world(tmp_path, socket_mode=forgetful) as w:
        await w.pack.start()
        channel = w.fresh()
        await w.marked(channel)
        await settled(w)
        w.pack.kill()
        talk(w, [channel], "missed", 5)
        await w.pack.start()
        await filled(w)
        await w.arrived(channel, 6)
        for message in channel.messages:
            w.socket_mode.deliver({**message, "channel": channel.id, "channel_type": "channel"})
        await w.marked(channel)
        assert_each_once_in_order(w, [channel])
