"""Several replicas on one PostgreSQL: each message and each action once, whoever of them dies."""

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from faults import When, holding
from harness import EVENTS, POST, RESULT, Pack, World, each, eventually, free_port, world
from postgres import Postgres, postgres_server
from replicas import replicas

from flyte_slack.sandbox.flows import Action
from flyte_slack.sandbox.socket_mode import SocketMode
from flyte_slack.sandbox.workspace import Channel, Workspace

MOMENTS: tuple[When, ...] = ("before", "after")

TAKEN_OVER = 60
"""Seconds within which the work of a dead replica is surely taken over and done, on a slow machine."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """One server for these tests, a database for each."""
    with postgres_server(free_port()) as server:
        yield server


def impatient(workspace: Workspace) -> SocketMode:
    """Slack that redelivers soon and often what a stopped replica does not acknowledge."""
    return SocketMode(workspace, redelivery=(1.0,) * 60)


@contextlib.asynccontextmanager
async def several(
    folder: Path, postgres: Postgres, number: int, expected: tuple[str, ...] = ()
) -> AsyncIterator[tuple[World, list[Pack]]]:
    """Set up a world with so many packs on one database, none of them started."""
    store = postgres.new_database()
    async with (
        world(folder, socket_mode=impatient, expected=expected, FLYTE_SLACK_STORE=store) as w,
        replicas(w, *(f"replica-{n}" for n in range(1, number)), expected=expected) as others,
    ):
        yield w, [w.pack, *others]


def texts_of(channels: list[Channel], number: int, what: str) -> list[tuple[Channel, str]]:
    """Return numbered texts, each with its channel, in turn."""
    return [(channels[n % len(channels)], f"{what} {n:03}.") for n in range(number)]


def command(w: World, channel: Channel, text: str) -> Action:
    """Make an action that sends a text to a channel."""
    return w.flyte.command(channelId=channel.id, message=text)


def assert_posted_once(w: World, *actions: Action) -> None:
    """Hold the posts of actions, and the one result of each, against each other."""
    posts = Counter(post["text"] for post in w.posts())
    assert {text: n for text, n in posts.items() if n > 1} == {}
    ts = {post["text"]: post["ts"] for post in w.posts()}
    results = {action.input["message"]: w.flyte.results_of(action) for action in actions}
    assert {text: [(r.name, r.payload.get("timestamp")) for r in rs] for text, rs in results.items()} == {
        text: [("MessageSent", ts.get(text))] for text in results
    }


def assert_seen_once(w: World, texts: list[tuple[Channel, str]], in_order: bool = True) -> None:
    """Hold what Flyte got of each channel against what was written."""
    for channel in {channel.id: channel for channel, _ in texts}.values():
        seen = [text for text in w.flyte.texts(channel) if not text.startswith("marker")]
        written = [text for place, text in texts if place is channel]
        assert sorted(seen) == sorted(written)
        assert seen == written or not in_order


async def test_side_by_side(tmp_path: Path, postgres: Postgres) -> None:
    """Two and three share 200 messages and 200 actions over 10 channels: each once, in order per channel."""

    async def case(folder: Path, number: int) -> None:
        await shared_work(folder, postgres, number)

    await each(case, tmp_path, 2, 3)


async def shared_work(folder: Path, postgres: Postgres, number: int) -> None:
    """Let so many replicas work side by side."""
    async with several(folder, postgres, number) as (w, packs):
        await asyncio.gather(*(pack.start() for pack in packs))
        channels = [w.fresh() for _ in range(10)]
        texts, orders = texts_of(channels, 200, "message"), texts_of(channels, 200, "action")
        actions: list[Action] = []
        for first in range(0, 200, 10):  # a round: one of each for every channel
            for channel, text in texts[first : first + 10]:
                w.say(channel, text)
            actions += [command(w, channel, text) for channel, text in orders[first : first + 10]]
            # two that reach two replicas at the same moment have no order
            await w.acknowledged(len(actions))
            await w.taken(*actions)
            await eventually(partial(all_stored, w, postgres, len(actions)), "all of them are on disk")
        await w.done(*actions, timeout=80)
        await w.marked(*channels)
        assert_seen_once(w, texts)
        assert_posted_once(w, *actions)
        assert len(w.posts()) == 200
        for channel in channels:
            posted = [post["text"] for post in w.posts(channel)]
            assert posted == [order for target, order in orders if target is channel]
        shares = [len(pack.logged("action finished")) for pack in packs]
        assert sum(shares) == 200
        assert all(shares), f"one of them did nothing: {shares}"


def all_stored(w: World, postgres: Postgres, number: int) -> bool:
    """Whether so many actions are on disk: another replica's take says nothing of the last one."""
    count = "SELECT count(*) FROM actions"
    return int(postgres.query(w.pack.environment["FLYTE_SLACK_STORE"], count)) == number


async def test_burst(tmp_path: Path, postgres: Postgres) -> None:
    """400 messages at once over 4 channels and two replicas: each once, in order per channel."""
    async with several(tmp_path, postgres, 2) as (w, packs):
        await asyncio.gather(*(pack.start() for pack in packs))
        channels = [w.fresh() for _ in range(4)]
        await eventually(lambda: w.socket_mode.connections == 4)
        texts = texts_of(channels, 400, "message")
        for channel, text in texts:
            w.say(channel, text)
        await w.acknowledged(400)
        await w.delivered(400, timeout=60)
        await w.marked(*channels)
        assert_seen_once(w, texts)
        shares = [len(pack.logged("event stored")) for pack in packs]
        assert all(shares), f"one of them received nothing: {shares}"


async def test_one_is_killed(tmp_path: Path, postgres: Postgres) -> None:
    """kill -9 of a replica amid events, posts and results: the other takes its work over, all of it once."""
    async with several(tmp_path, postgres, 2) as (w, (doomed, other)):
        await doomed.start()
        cases: dict[When, list[Action]] = {"before": [], "after": []}
        held = []
        for when in MOMENTS:
            held.append(w.faults.hang("POST", POST, where=holding(f"{when} post"), when=when, cut=True))
            for n in range(3):
                channel = w.fresh()
                cases[when] += [
                    command(w, channel, f"{when} post {n}"),
                    command(w, channel, f"behind {when} {n}"),
                ]
        await eventually(lambda: [rule.hits for rule in held] == [3, 3], "six posts hang")
        lost = w.faults.hang("POST", RESULT, cut=True)
        finished = [command(w, w.fresh(), f"finished {n}") for n in range(3)]
        await eventually(lambda: lost.hits >= 3, "three results hang")
        stuck = w.faults.hang("POST", EVENTS, cut=True)
        channels = [w.fresh() for _ in range(3)]
        texts = texts_of(channels, 12, "message")
        for channel, text in texts:
            w.say(channel, text)
        await w.acknowledged(12)
        await eventually(lambda: stuck.hits >= 3, "three events hang")
        actions = [*cases["before"], *cases["after"], *finished]
        await w.taken(*actions)
        await other.start()
        doomed.kill()
        for rule in (*held, lost, stuck):
            rule.remove()
        await w.done(*actions, timeout=TAKEN_OVER)
        await w.delivered(12, timeout=TAKEN_OVER)
        await w.marked(*channels)
        assert_seen_once(w, texts)
        assert_posted_once(w, *actions)
        assert len(w.posts()) == len(actions)


async def test_one_is_killed_under_load(tmp_path: Path, postgres: Postgres) -> None:
    """kill -9 of one of three at each step under load; what was stored is done once by the others."""
    async with several(tmp_path, postgres, 3, expected=("Traceback",)) as (w, packs):
        await asyncio.gather(*(pack.start() for pack in packs))
        channels = [w.fresh() for _ in range(10)]
        texts, actions = texts_of(channels, 90, "message"), list[Action]()
        victims = iter([*packs[:2], packs[2]])
        for round_ in range(3):
            for channel, text in texts[30 * round_ : 30 * round_ + 30]:
                w.say(channel, text)
                actions.append(command(w, channel, text.replace("message", "action")))
            await eventually(lambda: len(w.posts()) > 5 + 20 * round_)  # noqa: B023
            victim = next(victims)
            victim.kill()
            await victim.start()
        # Flyte's take is destructive: a kill can lose the one action that is on its way to the disk
        store = w.pack.environment["FLYTE_SLACK_STORE"]
        await w.taken(*actions)
        on_disk = postgres.query(store, "SELECT reference FROM actions")
        kept = [action for action in actions if action.id in on_disk]
        assert len(kept) >= len(actions) - 3
        await w.done(*kept, timeout=TAKEN_OVER)
        await w.delivered(90, timeout=TAKEN_OVER)
        await w.marked(*channels)
        seen = Counter(text for text in w.flyte.texts() if text.startswith("message"))
        assert set(seen) == {text for _, text in texts}
        # where Flyte's answer was lost in a kill, it is posted again: one a channel and kill, at most
        for channel in channels:
            assert sum(seen[text] - 1 for place, text in texts if place is channel) <= 3
        assert_posted_once(w, *kept)


async def test_one_is_stopped_for_a_while(tmp_path: Path, postgres: Postgres) -> None:
    """A replica that freezes long enough to lose its lanes, and wakes up: nothing is posted twice."""
    async with several(tmp_path, postgres, 2) as (w, (frozen, other)):
        await frozen.start()
        held = {
            when: w.faults.hang("POST", POST, where=holding(f"{when} it"), when=when, cut=when == "before")
            for when in MOMENTS
        }
        actions = []
        for when in MOMENTS:
            channel = w.fresh()
            actions += [command(w, channel, f"{when} it was handled"), command(w, channel, f"behind {when}")]
        await eventually(lambda: all(rule.hits for rule in held.values()), "two posts hang")
        paced = w.fresh()  # its lane has work for longer than the freeze is noticed
        actions += [command(w, paced, f"paced {number}") for number in range(8)]
        await w.taken(*actions)
        await eventually(lambda: len(w.posts(paced)) >= 3)
        stuck = w.faults.hang("POST", EVENTS, cut=True)
        channels = [w.fresh() for _ in range(2)]
        texts = texts_of(channels, 8, "message")
        for place, text in texts:
            w.say(place, text)
        await w.acknowledged(8)
        await eventually(lambda: stuck.hits >= 2, "two events hang")
        await other.start()
        frozen.send(signal.SIGSTOP)
        for rule in (*held.values(), stuck):
            rule.remove()
        await w.done(*actions, timeout=TAKEN_OVER)
        await w.delivered(8, timeout=TAKEN_OVER)
        frozen.send(signal.SIGCONT)
        await eventually(lambda: frozen.logged("a lease was lost"), "the frozen one notices")
        await frozen.ready()
        following = [command(w, w.fresh(), f"following {number}") for number in range(5)]
        await w.done(*following)
        await w.marked(*channels)
        await w.taken(*following)
        assert_seen_once(w, texts)
        assert_posted_once(w, *actions, *following)
        assert [post["text"] for post in w.posts(paced)] == [f"paced {number}" for number in range(8)]
        assert len(w.posts()) == len(actions) + len(following)


async def test_one_is_told_to_stop_under_load(tmp_path: Path, postgres: Postgres) -> None:
    """SIGTERM while messages go on coming: it finishes what it has in hand, though others go on; all once."""
    async with several(tmp_path, postgres, 2) as (w, packs):
        for pack in packs:
            await pack.start(FLYTE_SLACK_SHUTDOWN_GRACE="300")
        stopping, channels, texts = packs[0], [w.fresh() for _ in range(4)], list[tuple[Channel, str]]()

        async def people() -> None:
            while stopping.running:
                texts.append((channels[len(texts) % 4], f"message {len(texts):05}."))
                w.say(*texts[-1])
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            group.create_task(people())
            await w.delivered(40)
            assert await stopping.stop() == 0
        await w.marked(*channels)
        assert_seen_once(w, texts, in_order=False)


async def test_the_database_goes_away(tmp_path: Path, postgres: Postgres) -> None:
    """PostgreSQL away: nothing is acknowledged, unhealthy; back: healthy, and all of it once."""
    async with several(tmp_path, postgres, 2, expected=("Traceback",)) as (w, packs):
        await asyncio.gather(*(pack.start() for pack in packs))
        channels = [w.fresh() for _ in range(4)]
        before = texts_of(channels, 8, "before")
        slow = w.faults.hang("POST", POST)
        actions = [command(w, w.fresh(), f"action {number}") for number in range(4)]
        await eventually(lambda: slow.hits == 4, "four posts hang")
        refused = w.faults.answer("POST", EVENTS, 503)
        for channel, text in before:
            w.say(channel, text)
        await w.acknowledged(8)
        await w.taken(*actions)
        postgres.stop("immediate")
        try:
            slow.remove()  # Slack confirms what cannot be noted
            refused.remove()
            during = texts_of(channels, 8, "during")
            for channel, text in during:
                w.say(channel, text)
            actions += [command(w, w.fresh(), f"late {number}") for number in range(4)]
            for pack in packs:
                await eventually(partial(store_is, pack, False), "the store is unhealthy")
                assert await pack.status("/health/ready") == 503
                assert await pack.status("/health/live") == 200
            assert len(w.socket_mode.unacknowledged) == 8
            assert not [text for text in w.flyte.texts() if text.startswith("during")]
        finally:
            postgres.start()
        await w.done(*actions, timeout=TAKEN_OVER)
        await w.delivered(16, timeout=TAKEN_OVER)
        for pack in packs:
            await eventually(partial(store_is, pack, True), "the store is healthy")
            await pack.ready()
        await w.marked(*channels)
        # what Flyte got as its acceptance could not be noted any more comes again
        assert_at_least_once(w, [*before, *during])
        assert_posted_once(w, *actions)
        assert len(w.posts()) == len(actions)


def assert_at_least_once(w: World, texts: list[tuple[Channel, str]]) -> None:
    """Hold what Flyte got against what was written, where its answers could not be noted."""
    assert {text for text in w.flyte.texts() if not text.startswith("marker")} == {text for _, text in texts}


async def store_is(pack: Pack, healthy: bool) -> bool:
    """Whether the pack says so of its store."""
    return bool((await pack.health()).get("Store", {}).get("healthy") is healthy)


async def test_two_on_one_file(tmp_path: Path) -> None:
    """A second process on one SQLite file ends with status 1 and a sentence; the first goes on."""
    async with world(tmp_path) as w, replicas(w, "second") as (second,):
        await w.pack.start()
        second.launch()
        assert await second.exit_status() == 1
        (line,) = second.stderr.splitlines()
        assert "is used by another process" in line
        assert "PostgreSQL" in line
        channel = w.channel("general")
        w.say(channel, "hello")
        await w.marked(channel)
        assert w.flyte.texts(channel)[:-1] == ["hello"]
