"""What an operator does with a store while a pack runs on it."""

import asyncio
import stat
from pathlib import Path

import pytest
from postgres import Postgres
from store_parts import Opener, action, allowed, finished
from support import count, eventually, opened, running

from flyte_slack.errors import StoreError
from flyte_slack.store import Key, Store
from flyte_slack.store.schema import SCHEMA_VERSION, metadata


async def test_info_says_what_a_store_is_and_holds(store: Store) -> None:
    """Schema, owner, size, and how many of what wait since when."""
    assert ((await store.info()).owner, (await store.info()).stats.events.number) == ({}, 0)
    await store.claim({"pack": "Slack"})
    await store.inbox.add("1", "C1", {}, kind="Seen")
    await finished(store, "r/1")
    await store.actions.add("r/2", "C1", "c", {})
    await store.actions.finished(await action(store), {"event": "R"}, keys=[Key("k", "C1", "a", 1)])
    await store.gaps.open(1.0)
    info = await store.info()
    assert (info.version, info.owner, info.keys, info.gaps) == (SCHEMA_VERSION, {"pack": "Slack"}, 1, 1)
    assert (info.stats.events.number, info.stats.actions.number, info.stats.results.number) == (1, 0, 2)
    assert info.stats.size > 0
    assert info.stats.events.since


async def test_vacuum_gives_room_back(tmp_path: Path) -> None:
    """A file that has forgotten much is smaller afterwards, and holds the rest."""
    async with opened(tmp_path) as store:
        texts = ({"t": "x" * 5000} for _ in range(300))
        adds = (store.inbox.add(str(number), "C1", body, kind="Seen") for number, body in enumerate(texts))
        await asyncio.gather(*adds)
        for event in (await store.inbox.waiting("C1", 1000))[:-1]:
            await store.inbox.delivered(event)
        before = (await store.info()).stats.size
        await store.vacuum()
        assert (await store.info()).stats.size < before / 5
        assert await count(store.inbox) == 1
        assert await store.inbox.add("new", "C1", {}, kind="Seen")


async def test_server_vacuums_our_tables(postgres: Postgres) -> None:
    """A database server is asked to, for the store's own tables."""
    url = postgres.new_database()
    async with await Store.open(url) as store:
        await store.vacuum()
    done = "SELECT count(*) FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL"
    await eventually(lambda: int(postgres.query(url, done)) == len(metadata.tables))


async def test_backup_under_load_is_one_moment(tmp_path: Path) -> None:
    """What was acknowledged before is in the copy, whole, and what runs is not disturbed."""
    async with opened(tmp_path) as store:
        await store.claim({"pack": "Slack"})

        async def write() -> None:
            for number in range(10_000):
                await store.inbox.add(f"later {number}", "C1", {"t": "x" * 500}, kind="Seen")

        for number in range(200):
            await store.inbox.add(f"before {number}", "C1", {"t": "x" * 500}, kind="Seen")
        async with running(write()), opened(tmp_path, shared=True) as beside:
            await beside.backup(tmp_path / "copy.db")
        assert store.problem is None
    assert stat.filemode((tmp_path / "copy.db").stat().st_mode) == "-rw-------"
    assert not list(tmp_path.glob("copy.db-*"))
    async with await Store.open(f"sqlite:///{tmp_path / 'copy.db'}") as copy:
        await copy.claim({"pack": "Slack"})
        keys = {event.key for event in await copy.inbox.waiting("C1", 100_000)}
        assert {f"before {number}" for number in range(200)} <= keys


async def test_backup_replaces_nothing(tmp_path: Path) -> None:
    """A file that is there stays; a place that cannot be written is told."""
    (tmp_path / "copy.db").write_text("precious")
    async with opened(tmp_path) as store:
        with pytest.raises(StoreError, match="exists already"):
            await store.backup(tmp_path / "copy.db")
        with pytest.raises(StoreError, match="cannot be written"):
            await store.backup(tmp_path / "no" / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"


async def test_backup_of_a_server_is_its_own_matter(postgres: Postgres, tmp_path: Path) -> None:
    """For PostgreSQL the operator is told which tool does it."""
    async with await Store.open(postgres.new_database()) as store:
        with pytest.raises(StoreError, match="pg_dump"):
            await store.backup(tmp_path / "copy.db")
    assert not list(tmp_path.iterdir())


async def test_trace_of_an_event(reopen: Opener) -> None:
    """An event's way is told in order of time, with what belongs to its key, and nothing of others."""
    async with reopen() as store:
        for key in ("C1:1.5", "C1:1.5:thumbsup", "C1:1.55"):
            await store.inbox.add(key, "C1", {}, 1.5, kind="Seen")
        assert [step.what for step in await store.trace("C1:1.55")] == [
            *("happened", "stored", "waits to be delivered")
        ]
        first, second, _ = await store.inbox.waiting("C1", 3)
        await store.inbox.delivered(first)
        await store.inbox.dead(second, "400 Bad Request")
    async with reopen() as store:
        steps = await store.trace("C1:1.5")
        assert [step.at for step in steps] == sorted(step.at or 0 for step in steps)
        told = {(step.about, step.what, step.detail) for step in steps}
        assert ("Seen C1:1.5", "delivered", "") in told
        assert ("Seen C1:1.5:thumbsup", "dead letter", "400 Bad Request") in told
        assert len(steps) == 6
        assert await store.trace("C9:1") == []


async def test_trace_of_an_action(store: Store) -> None:
    """An action's way is found by its identity and by the server's own id."""
    identity = await store.actions.add("/v1/actions/65a0_f/result", "C1", "c", {})
    assert identity
    await allowed(store, "C1")
    read = await action(store)
    await store.actions.executing(read)
    await store.actions.finished(read, {"event": "Sent"})
    steps = await store.trace(identity)
    assert steps == await store.trace("65a0_f")
    assert [(step.what, step.detail) for step in steps] == [
        ("taken", "in lane C1"),
        ("begun", ""),
        ("finished", "Sent"),
        ("waits to be delivered", ""),
    ]
    assert {step.about for step in steps} == {f"c {identity}"}
    result = await store.actions.result(identity)
    assert result is not None
    await store.actions.delivered(result)
    assert [step.what for step in await store.trace(identity)] == ["taken", "begun", "finished", "delivered"]
    assert await store.trace("65a0xf") == []
