"""Flyte is away: Slack is listened to all the same, and nothing is lost (promises 1, 3 and 7)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from faults import holding
from harness import EVENTS, POST, RESULT, TAKE, World, eventually, world

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def w(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One running pack for the tests that neither stop it nor change its settings."""
    async with world(tmp_path_factory.mktemp("shared")) as running:
        await running.pack.start()
        yield running


async def test_away_from_the_start(tmp_path: Path) -> None:
    """Messages that come before Flyte does are acknowledged at once and delivered when it comes."""
    async with world(tmp_path, flyte_is_there=False) as w:
        w.pack.launch()
        await w.pack.listening()
        channel = w.channel("general")
        for number in range(5):
            w.say(channel, str(number))
            await w.acknowledged(number + 1)
        assert w.flyte.seen == []
        await w.flyte.start()
        await w.delivered(5)
        await w.marked(channel)
        assert w.flyte.texts(channel)[:-1] == ["0", "1", "2", "3", "4"]
        assert await w.pack.status("/health/ready") == 200


async def test_away_for_a_while(tmp_path: Path) -> None:
    """Flyte goes and comes back: messages meanwhile are delivered, polling and results go on."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        w.say(channel, "before")
        await w.delivered(1)
        slow = w.faults.hang("POST", POST)
        action = w.flyte.command(channelId=channel.id, message="hello")
        await eventually(lambda: slow.hits)
        await w.flyte.stop()
        slow.remove()
        w.say(channel, "meanwhile")
        await w.acknowledged(3)  # the pack's own post is the third
        assert len(w.posts(channel)) == 1
        await w.flyte.start()
        await w.done(action)
        await w.marked(channel)
        assert w.flyte.texts(channel)[:-1] == ["before", "meanwhile"]


async def test_a_hundred_messages_and_a_kill(tmp_path: Path) -> None:
    """A hundred messages over ten channels while Flyte is down, kill -9, start: all, once, in order."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channels = [w.channel(f"hundred-{number}") for number in range(10)]
        await w.flyte.stop()
        for number in range(100):
            w.say(channels[number // 10], str(number))
        await w.acknowledged(100)
        w.pack.kill()
        w.pack.launch()
        await w.pack.listening()
        await w.flyte.start()
        await w.delivered(100)
        await w.marked(*channels)
        for tens, channel in enumerate(channels):
            assert w.flyte.texts(channel)[:-1] == [f"{10 * tens + units}" for units in range(10)]


async def test_started_while_away_then_killed(tmp_path: Path) -> None:
    """Several starts and kills without Flyte lose nothing of what each of them acknowledged."""
    async with world(tmp_path, flyte_is_there=False) as w:
        channel = w.channel("general")
        for start in range(3):
            w.pack.launch()
            await w.pack.listening()
            w.say(channel, str(start))
            await w.acknowledged(start + 1)
            w.pack.kill()
        await w.flyte.start()
        await w.pack.start()
        await w.marked(channel)
        assert w.flyte.texts(channel)[:-1] == ["0", "1", "2"]


async def test_a_channel_delays_no_other(w: World) -> None:
    """A message that Flyte answers 500 waits, with its channel and no other, and then goes first."""
    stuck, free = w.fresh(), w.fresh()
    rule = w.faults.answer("POST", EVENTS, 500, where=holding(stuck.id))
    w.say(stuck, "1")
    await eventually(lambda: rule.hits)
    w.say(stuck, "2")
    for number in range(20):
        w.say(free, str(number))
    await w.arrived(free, 20)
    assert w.flyte.texts(stuck) == []
    rule.remove()
    await w.arrived(stuck, 2)
    assert w.flyte.texts(stuck) == ["1", "2"]


async def test_an_event_answered_400(tmp_path: Path) -> None:
    """An event that Flyte refuses for good is put aside, logged as an error, and blocks nobody behind it."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        rule = w.faults.answer("POST", EVENTS, 400, where=holding("poison"))
        w.say(channel, "poison")
        w.say(channel, "after")
        await w.delivered(1)
        assert rule.hits == 1
        assert [line["level"] for line in w.pack.logged("dead letter")] == ["error"]
        assert await w.pack.stop() == 0
        await w.pack.start()
        await w.marked(channel)
        assert rule.hits == 1
        assert w.flyte.texts(channel)[:1] == ["after"]
        assert w.stored("SELECT state FROM inbox WHERE reason IS NOT NULL") == [("dead",)]


async def test_reply_of_an_event_lost(w: World) -> None:
    """An event whose reply was lost is posted again, the one exception, and what follows keeps its order."""
    channel = w.fresh()
    w.faults.cut("POST", EVENTS, times=1, when="after")
    w.say(channel, "first")
    await w.arrived(channel, 2)
    w.say(channel, "second")
    await w.marked(channel)
    assert w.flyte.texts(channel)[:-1] == ["first", "first", "second"]


async def test_requests_cut_off(w: World) -> None:
    """Connections that Flyte drops without a word cost neither messages nor actions."""
    channel = w.fresh()
    for path in (EVENTS, RESULT, TAKE):
        w.faults.cut("POST", path, times=3)
    w.say(channel, "hello")
    await w.done(w.flyte.command(channelId=channel.id, message="hello"))
    await w.marked(channel)
    assert w.flyte.texts(channel)[:-1] == ["hello"]
    assert len(w.posts(channel)) == 1
