"""Thirty thousand messages wait for Flyte: memory stays flat, and they drain beside new work (1, 2, 3, 4)."""

import asyncio
import itertools
from pathlib import Path

import pytest
from account import impatient
from harness import EVENTS, World, eventually, world
from test_overload import MEGABYTE, flood, resident, waiting

from flyte_slack.sandbox.workspace import Channel
from flyte_slack.store import Store

ALL = 30_000
WRITTEN = 24_000
"""So many are put into the store by its own API, before the start; the rest comes over Slack's sockets."""

CHANNELS = 50


async def fill(w: World, channels: list[Channel], first: int, last: int) -> None:
    """Put messages into the store as the pack does, so many that Slack's emulator would take minutes."""
    async with await Store.open(w.pack.environment["FLYTE_SLACK_STORE"]) as store:
        for start in range(first, last, 500):
            await asyncio.gather(
                *(
                    add(w, store, channels[n % CHANNELS], f"{n:05} " + "x" * 500)
                    for n in range(start, start + 500)
                )
            )


async def add(w: World, store: Store, channel: Channel, text: str) -> None:
    """Put one message into the store."""
    ts = w.workspace.new_ts()
    event = {"type": "message", "user": "U0ALICE", "text": text, "ts": ts, "channel": channel.id}
    await store.inbox.add(
        f"{channel.id}:{ts}",
        channel.id,
        {"team_id": "T0SANDBOX", "event": event},
        float(ts),
        kind="MessageSent",
    )


@pytest.mark.timeout(900)
async def test_thirty_thousand_messages(tmp_path: Path) -> None:
    """30,000 messages wait and drain: flat memory, each once, in order; new ones and actions go on beside."""
    async with world(tmp_path, socket_mode=impatient, FLYTE_SLACK_CONNECTIONS="1", LOGLEVEL="warning") as w:
        channels = [w.fresh() for _ in range(CHANNELS)]
        tenth = ALL // 10
        await fill(w, channels, 0, tenth)
        down = w.faults.answer("POST", EVENTS, 503)
        await w.pack.start()
        await eventually(lambda: waiting(w, tenth), f"{tenth} wait")
        before = resident(w.pack)
        assert await w.pack.stop() == 0

        await fill(w, channels, tenth, WRITTEN)
        await w.pack.start()
        await flood(w, channels, WRITTEN, ALL)
        await eventually(lambda: waiting(w, ALL), f"{ALL} wait", timeout=60)
        assert resident(w.pack) - before < 40 * MEGABYTE
        status = (await w.pack.health())["Store"]["status"]
        assert float(status.split(" MB")[0]) >= 15
        assert any(" MB; waiting: " in line["store"] for line in w.pack.logged("events pile up in the store"))

        down.remove()
        await eventually(lambda: len(w.flyte.seen) > 100, "they drain")
        place = w.fresh()
        actions = []
        for number in range(5):
            await flood(w, channels, ALL + 100 * number, ALL + 100 * (number + 1))
            actions.append(w.flyte.command(channelId=place.id, message=f"post {number}"))
        acknowledged_at = len(w.flyte.seen)
        await w.done(*actions)
        answered_at = len(w.flyte.seen)
        assert acknowledged_at <= answered_at < ALL, "acknowledged and answered while the backlog drains"
        assert resident(w.pack) - before < 40 * MEGABYTE
        await w.delivered(ALL + 500, timeout=750)
        assert resident(w.pack) - before < 40 * MEGABYTE
        await eventually(lambda: waiting(w, 0), "none waits")

        numbers = [int(event.payload["message"][:5]) for event in w.flyte.seen]
        lost, doubled = set(range(ALL + 500)) - set(numbers), len(numbers) - len(set(numbers))
        assert (len(lost), doubled) == (0, 0)
        for channel in channels:
            own = [int(text[:5]) for text in w.flyte.texts(channel)]
            assert all(one < two for one, two in itertools.pairwise(own))
        posts = [post["text"] for post in w.posts(place)]
        assert posts == [f"post {number}" for number in range(5)]
