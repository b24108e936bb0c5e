"""A store in trouble: a full or locked disk, a damaged file, a newer schema (SQLite)."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from support import breathe, count, eventually, full_disk, opened, running

from flyte_slack.errors import SchemaTooNew, StoreError, StoreInUse, StoreUnavailable
from flyte_slack.store import Store


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the store's write lock, as a backup or another program does."""
    other = sqlite3.connect(folder / "store.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


async def refused(store: Store, key: str = "big") -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await store.inbox.add(key, "C1", {"text": "secret text " * 5000}, kind="Seen")
    return str(caught.value)


async def test_full_disk_refuses_and_tells(tmp_path: Path) -> None:
    """What cannot be stored is refused, and why is told without the texts that were to be stored."""
    async with opened(tmp_path) as store:
        await store.inbox.add("1", "C1", {}, kind="Seen")
        with capture_logs() as logged, full_disk(tmp_path):
            said = await refused(store)
            assert store.problem is not None
            assert await count(store.inbox) == 1  # reading goes on
            assert [event.key for event in await store.inbox.waiting("C1", 9)] == ["1"]
        assert said.startswith("the store cannot be written: ")
        assert "secret text" not in said + store.problem + str(logged)
        assert [line["log_level"] for line in logged] == ["error"]


async def test_same_trouble_is_logged_once(tmp_path: Path) -> None:
    """Many refused writes are one line of the log."""
    async with opened(tmp_path) as store:
        await store.inbox.add("1", "C1", {}, kind="Seen")
        with capture_logs() as logged, full_disk(tmp_path):
            for number in range(2, 7):
                await refused(store, str(number))
        assert len(logged) == 1


async def test_store_recovers_by_itself(tmp_path: Path) -> None:
    """With room on the disk again the problem goes away without any work coming in."""
    async with opened(tmp_path) as store, running(store.run()):
        await store.inbox.add("1", "C1", {}, kind="Seen")
        with full_disk(tmp_path):
            await refused(store)
        await eventually(lambda: store.problem is None)
        await store.writable()
        assert await store.inbox.add("big", "C1", {}, kind="Seen")


async def test_writable_waits_for_the_store(tmp_path: Path) -> None:
    """Nobody is told to go on before a write went through."""
    async with opened(tmp_path) as store:
        await store.inbox.add("1", "C1", {}, kind="Seen")
        with full_disk(tmp_path):
            await refused(store)
            waiting = asyncio.create_task(store.writable())
            await asyncio.wait([waiting], timeout=0.3)
            assert not waiting.done()
        await waiting
        assert store.problem is None


async def test_progress_of_an_action_is_kept_until_the_store_takes_it(tmp_path: Path) -> None:
    """A result that is finished while the disk is full is stored as soon as there is room."""
    async with opened(tmp_path) as store:
        await store.actions.add("r/1", "C1", "c", {})
        (action,) = await store.actions.waiting("C1", 1)
        with full_disk(tmp_path):
            finishing = asyncio.create_task(store.actions.finished(action, {"event": "R" * 50_000}))
            await eventually(lambda: store.problem is not None)
            assert not finishing.done()
        await finishing
        assert await store.actions.results() == [action.identity]


async def test_many_writes_into_a_full_disk_all_learn_of_it(tmp_path: Path) -> None:
    """Of writes that share a transaction every one is refused, and none is half there."""
    async with opened(tmp_path) as store:
        await store.inbox.add("1", "C1", {}, kind="Seen")
        with full_disk(tmp_path):
            ends = await asyncio.gather(
                *(store.inbox.add(str(n), "C1", {"text": "x" * 60_000}, kind="Seen") for n in range(2, 42)),
                return_exceptions=True,
            )
        assert {type(end) for end in ends} == {StoreUnavailable}
        assert await count(store.inbox) == 1


async def test_locked_store_refuses_and_recovers(tmp_path: Path) -> None:
    """Another program's lock is waited out for some seconds, refused then, and gone when it is."""
    async with opened(tmp_path) as store:
        await store.inbox.add("1", "C1", {}, kind="Seen")
        with locked(tmp_path):
            assert "locked" in await refused(store)
            assert "locked" in str(store.problem)
        assert await store.inbox.add("2", "C1", {}, kind="Seen")
        assert store.problem is None


async def test_many_writes_meet_a_lock_together(tmp_path: Path) -> None:
    """A lock costs writes that wait together one wait, not each its own: Slack's three seconds run."""
    async with opened(tmp_path) as store:
        with locked(tmp_path):
            adds = [asyncio.create_task(store.inbox.add(str(n), "C1", {}, kind="Seen")) for n in range(20)]
            await asyncio.wait(adds, return_when=asyncio.FIRST_COMPLETED)
            await breathe()
            waiting_on = sum(not add.done() for add in adds)
        await asyncio.gather(*adds, return_exceptions=True)
        assert waiting_on == 0


async def test_closing_commits_what_waits(tmp_path: Path) -> None:
    """A write that was asked for just before the store is closed is not forgotten."""
    async with opened(tmp_path) as store:
        add = asyncio.create_task(store.inbox.add("1", "C1", {}, kind="Seen"))
        await asyncio.sleep(0)
    assert await add
    async with opened(tmp_path) as store:
        assert await count(store.inbox) == 1


async def no_connection_left() -> None:
    """Wait until the threads of closed connections have ended."""
    await eventually(
        lambda: not any("_connection_worker_thread" in thread.name for thread in threading.enumerate())
    )


async def refuses_to_open(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        await Store.open(f"sqlite:///{path}")
    await no_connection_left()
    assert str(path) in str(caught.value) or str(path.parent) in str(caught.value)
    return f"{type(caught.value).__name__}: {caught.value}"


async def test_file_that_is_no_database(tmp_path: Path) -> None:
    """A file of something else is refused with what to do, and left as it was."""
    file = tmp_path / "store.db"
    file.write_bytes(b"certainly not a database\n" * 500)
    said = await refuses_to_open(file)
    assert said.startswith("StoreDamaged")
    assert "move the file aside" in said
    assert file.read_bytes().startswith(b"certainly not")


async def test_damaged_database(tmp_path: Path) -> None:
    """A database with broken pages is refused at start, not found out about at work."""
    async with opened(tmp_path) as store:
        await asyncio.gather(
            *(store.inbox.add(str(n), "C1", {"t": "x" * 500}, kind="Seen") for n in range(2000))
        )
    file = tmp_path / "store.db"
    raw = bytearray(file.read_bytes())
    assert len(raw) > 500_000
    for page in range(8, 100):
        raw[page * 4096 : page * 4096 + 512] = b"\xff" * 512
    file.write_bytes(raw)
    said = await refuses_to_open(file)
    assert said.startswith("StoreDamaged")
    assert "FLYTE_SLACK_STORE" in said


async def test_folder_that_is_missing(tmp_path: Path) -> None:
    """A missing folder is named, with what to do."""
    said = await refuses_to_open(tmp_path / "no" / "such" / "store.db")
    assert "does not exist" in said
    assert "create it" in said


async def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    """A folder is no store, and the error says so in the pack's own words."""
    (tmp_path / "store.db").mkdir()
    assert (await refuses_to_open(tmp_path / "store.db")).startswith("StoreDamaged")


async def test_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A store that a newer pack wrote is refused with a clear sentence, and nothing in it changes."""
    async with opened(tmp_path) as store:
        await store.inbox.add("1", "C1", {}, kind="Seen")
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    connection.close()
    with pytest.raises(SchemaTooNew, match=r"schema version 99.*run the newer one"):
        await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    await no_connection_left()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone() == ("99",)
        assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (1,)
    connection.close()


async def test_lock_at_start_is_no_damage(tmp_path: Path) -> None:
    """A store that is only locked is not called damaged: nobody shall move it aside for that."""
    async with opened(tmp_path) as store:
        await store.inbox.add("1", "C1", {}, kind="Seen")
    with locked(tmp_path), pytest.raises(StoreInUse, match=r"store\.db is locked by another program"):
        await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    async with opened(tmp_path) as store:
        assert await count(store.inbox) == 1
