"""The store cannot be written: nothing is acknowledged that is not on disk (promise 1)."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from harness import POST, RESULT, TAKE, Pack, eventually, world

from flyte_slack.sandbox.socket_mode import SocketMode
from flyte_slack.sandbox.workspace import Workspace


@contextlib.contextmanager
def locked(store: Path) -> Iterator[None]:
    """Hold the store so that nobody else can write it."""
    connection = sqlite3.connect(store, isolation_level=None, timeout=30)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        yield
    finally:
        connection.close()


def patient(workspace: Workspace) -> SocketMode:
    """Slack that redelivers soon and often."""
    return SocketMode(workspace, redelivery=(1.0,) * 60)


async def store_healthy(pack: Pack) -> bool:
    """Whether the pack says that its store works."""
    return bool((await pack.health())["Store"]["healthy"])


async def test_locked_for_a_while(tmp_path: Path) -> None:
    """A store that cannot be written: nothing is acknowledged, taken or answered; then nothing is lost."""
    async with world(tmp_path, socket_mode=patient, expected=("Traceback",)) as w:
        await w.pack.start()
        channel = w.channel("general")
        w.say(channel, "before")
        await w.delivered(1)
        await w.acknowledged(1)
        slow = w.faults.hang("POST", POST)
        posted = w.flyte.command(channelId=w.fresh().id, message="posted")
        await eventually(lambda: slow.hits, "the post hangs")

        async def unhealthy() -> bool:
            return not await store_healthy(w.pack)

        with locked(w.pack.store):
            slow.remove()
            w.say(channel, "locked out")
            taken = w.flyte.command(channelId=w.fresh().id, message="taken")
            await eventually(lambda: taken.state == "PENDING")
            takes = w.faults.count("POST", TAKE)
            waiting = w.flyte.command(channelId=w.fresh().id, message="waiting")
            await eventually(unhealthy, "the store is unhealthy")
            assert len(w.socket_mode.unacknowledged) == 1
            assert w.flyte.texts() == ["before"]
            assert w.faults.count("POST", TAKE) == takes
            assert waiting.state == "NEW"
            assert w.faults.count("POST", RESULT) == 0
            assert [post["text"] for post in w.posts()] == ["posted"]
            assert await w.pack.status("/") == 500
            assert await w.pack.status("/health/ready") == 503
            assert await w.pack.status("/health/live") == 200
        await w.done(posted, taken, waiting)
        await eventually(lambda: store_healthy(w.pack), "the store is healthy again")
        await w.pack.ready()
        await w.marked(channel)
        assert w.flyte.texts()[:-1] == ["before", "locked out"]
        assert [post["text"] for post in w.posts()] == ["posted", "taken", "waiting"]


async def test_no_action_is_taken_meanwhile(tmp_path: Path) -> None:
    """While the store cannot be written no action is taken: it could not be kept."""
    async with world(tmp_path, socket_mode=patient, expected=("Traceback",)) as w:
        await w.pack.start()

        async def unhealthy() -> bool:
            return not await store_healthy(w.pack)

        with locked(w.pack.store):
            w.say("general", "cannot be stored")
            await eventually(unhealthy, "the store is unhealthy")
            takes = w.faults.count("POST", TAKE)
            waiting = w.flyte.command(channelId=w.fresh().id, message="waiting")
            delivery = next(iter(w.socket_mode._in_flight.values()))
            attempts = delivery.attempt
            await eventually(lambda: delivery.attempt >= attempts + 3, "3 redeliveries, a second apart")
            assert waiting.state == "NEW"
            assert w.faults.count("POST", TAKE) <= takes + 1, "one may have been in flight"
        await w.done(waiting)


async def test_killed_while_locked(tmp_path: Path) -> None:
    """kill -9 while the store is locked loses nothing: what was not acknowledged comes again."""
    async with world(tmp_path, socket_mode=patient, expected=("Traceback",)) as w:
        await w.pack.start()
        channel = w.channel("general")
        with locked(w.pack.store):
            w.say(channel, "hello")
            await eventually(lambda: w.socket_mode.unacknowledged)
            w.pack.kill()
        await w.pack.start()
        await w.acknowledged(1)
        await w.marked(channel)
        assert w.flyte.texts()[:-1] == ["hello"]


async def test_locked_at_the_start(tmp_path: Path) -> None:
    """A store that another program holds at the start is refused with a sentence, status 1."""
    async with world(tmp_path) as w:
        await w.pack.start()
        assert await w.pack.stop() == 0
        with locked(w.pack.store):
            w.pack.launch()
            assert await w.pack.exit_status() == 1
        assert "locked" in w.pack.stderr.splitlines()[-1]
