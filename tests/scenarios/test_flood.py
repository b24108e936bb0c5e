"""Many messages at once: none lost, none doubled, in order in each channel (promises 1, 2 and 3)."""

from pathlib import Path

from harness import World, world


def flood(w: World, messages: int, channels: int) -> None:
    """Write numbered messages to channels in turn, all at once."""
    places = [w.channel(f"flood-{number}") for number in range(channels)]
    for number in range(messages):
        w.say(places[number * channels // messages], str(number))


def assert_each_once(w: World, messages: int) -> None:
    """Hold what Flyte got against what was written."""
    assert sorted(int(text) for text in w.flyte.texts()) == list(range(messages))


def assert_in_order(w: World, channels: int) -> None:
    """Hold the order in each channel against that in which the messages were written."""
    for number in range(channels):
        texts = [int(text) for text in w.flyte.texts(w.channel(f"flood-{number}"))]
        assert texts == sorted(texts)


async def test_three_hundred_over_one_connection(tmp_path: Path) -> None:
    """300 messages at once over 20 channels and one connection arrive once, in order."""
    async with world(tmp_path, FLYTE_SLACK_CONNECTIONS="1") as w:
        await w.pack.start()
        flood(w, 300, 20)
        await w.delivered(300)
        await w.acknowledged(300)
        assert_each_once(w, 300)
        assert_in_order(w, 20)


async def test_two_thousand_over_two_connections(tmp_path: Path) -> None:
    """2,000 messages at once over 20 channels and the usual two connections arrive, each once."""
    async with world(tmp_path) as w:
        await w.pack.start()
        flood(w, 2000, 20)
        await w.delivered(2000, timeout=90)
        await w.acknowledged(2000)
        assert_each_once(w, 2000)


async def test_order_of_a_flood_over_two_connections(tmp_path: Path) -> None:
    """2,000 messages at once over 20 channels and the usual two connections arrive in order (promise 3)."""
    async with world(tmp_path) as w:
        await w.pack.start()
        flood(w, 2000, 20)
        await w.delivered(2000, timeout=90)
        assert_in_order(w, 20)


async def test_order_of_two_messages(tmp_path: Path) -> None:
    """Two messages that are written one right after the other come in that order."""
    async with world(tmp_path) as w:
        await w.pack.start()
        for number in range(20):
            channel = w.channel(f"pair-{number}")
            w.say(channel, f"{2 * number}")
            w.say(channel, f"{2 * number + 1}")
            await w.delivered(2 * number + 2)
        for number in range(20):
            texts = w.flyte.texts(w.channel(f"pair-{number}"))
            assert texts == [f"{2 * number}", f"{2 * number + 1}"]
