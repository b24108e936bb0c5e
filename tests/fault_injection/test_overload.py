"""More than fits, for a while: a flood while Flyte is down, and a full disk (promises 1, 2 and 3)."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import EVENTS, Pack, World, eventually, world

from flyte_slack.sandbox.socket_mode import SocketMode
from flyte_slack.sandbox.workspace import Channel, Workspace

MEGABYTE = 1024


def resident(pack: Pack) -> int:
    """Return the kilobytes of memory that the process holds."""
    status = Path(f"/proc/{pack.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def patient(workspace: Workspace) -> SocketMode:
    """Slack that redelivers soon and often."""
    return SocketMode(workspace, redelivery=(1.0,) * 60)


async def flood(w: World, channels: list[Channel], first: int, last: int) -> None:
    """Write numbered messages to channels in turn, a hundred at once, as fast as they are acknowledged."""
    for start in range(first, last, 100):
        for number in range(start, start + 100):
            w.say(channels[number % len(channels)], f"{number:05} " + "x" * 500)
        await eventually(lambda: not w.socket_mode.unacknowledged, "all are acknowledged")


async def waiting(w: World, number: int) -> bool:
    """Whether the store's health tells of so many waiting events."""
    return f"waiting: {number} events" in (await w.pack.health())["Store"]["status"]


async def test_flyte_is_down_for_three_thousand_messages(tmp_path: Path) -> None:
    """3,000 messages wait: memory stays flat, health and log tell of them; they drain beside new ones."""
    async with world(tmp_path, socket_mode=patient) as w:
        await w.pack.start()
        channels = [w.fresh() for _ in range(50)]
        await w.flyte.stop()
        await flood(w, channels, 0, 500)
        await eventually(lambda: waiting(w, 500))
        before = resident(w.pack)
        await flood(w, channels, 500, 3000)
        await eventually(lambda: waiting(w, 3000))
        grown = resident(w.pack) - before
        assert grown < 40 * MEGABYTE
        status = (await w.pack.health())["Store"]["status"]
        assert float(status.split(" MB")[0]) >= 1.5
        warnings = w.pack.logged("events pile up in the store")
        assert warnings
        assert len(warnings) <= 4, "not a line for each look"
        assert " MB; waiting: " in warnings[-1]["store"]

        await w.flyte.start()
        await eventually(lambda: len(w.flyte.seen) > 100, "they drain")
        drained = len(w.flyte.seen)
        await flood(w, channels, 3000, 3500)  # acknowledged while they drain
        assert drained < 3000
        await w.delivered(3500, timeout=60)
        await w.marked(channels[0], channels[-1])
        numbers = [int(event.payload["message"][:5]) for event in w.flyte.seen[:3500]]
        assert sorted(numbers) == list(range(3500))
        for at in range(50):
            own = [number for number in numbers if number % 50 == at]
            assert own == sorted(own)
        assert (await w.pack.health())["Store"]["healthy"]


@contextmanager
def full_disk(pack: Pack) -> Iterator[None]:
    """Let the process write no file beyond the size that its largest has now; then again."""
    size = max(path.stat().st_size for path in pack.folder.iterdir() if path.name.startswith("store.db"))
    _, hard = resource.prlimit(pack.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pack.process.pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pack.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


async def test_the_disk_is_full(tmp_path: Path) -> None:
    """A full disk: nothing is acknowledged or taken, unhealthy; with room again, all of it arrives once."""
    async with world(tmp_path, socket_mode=patient, expected=("Traceback",)) as w:
        await w.pack.start()
        channel = w.channel("general")
        w.say(channel, "before")
        await w.marked(channel)
        refused = w.faults.answer("POST", EVENTS, 503)
        texts = [f"{number:03} " + "x" * 2000 for number in range(40)]
        with full_disk(w.pack):
            for text in texts:
                w.say(channel, text)

            async def unhealthy() -> bool:
                return not (await w.pack.health())["Store"]["healthy"]

            await eventually(unhealthy, "the store is unhealthy")
            assert w.socket_mode.unacknowledged
            assert await w.pack.status("/health/ready") == 503
            assert await w.pack.status("/health/live") == 200
            assert "nothing is acknowledged" in (await w.pack.health())["Store"]["status"]
            action = w.flyte.command(channelId=channel.id, message="hello")
        refused.remove()

        async def healthy() -> bool:
            return bool((await w.pack.health())["Store"]["healthy"])

        await eventually(healthy, "the store is healthy again")
        await w.pack.ready()
        await w.done(action)
        await w.marked(channel)
        seen = [text for text in w.flyte.texts(channel) if not text.startswith("marker")]
        assert sorted(seen) == sorted(["before", *texts])
        assert [post["text"] for post in w.posts(channel)] == ["hello"]
