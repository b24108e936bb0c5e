"""A store and other processes: one SQLite file is one process's, a database server comes and goes."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from postgres import Postgres, free_port, postgres_server
from support import count, eventually, eventually_true, opened, running
from wire import Wire

from flyte_slack.errors import SchemaTooNew, StoreInUse, StoreUnavailable
from flyte_slack.store import Store, postgresql
from flyte_slack.store import store as store_module

HOLDER = """
import asyncio, sys
from flyte_slack.store import Store

async def hold():
    async with await Store.open(sys.argv[1]) as store:
        await store.inbox.add("1", "C1", {}, kind="Seen")
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(hold())
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run another process that has the store open."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, f"sqlite:///{tmp_path / 'store.db'}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


async def test_second_process_is_refused(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """Two processes on one SQLite file are refused, with what to do; the first is not disturbed."""
    with pytest.raises(StoreInUse, match=r"used by another process.*PostgreSQL") as caught:
        await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    assert str(tmp_path / "store.db") in str(caught.value)
    holder.communicate("")
    assert holder.returncode == 0


async def test_killed_process_leaves_no_lock(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """After `kill -9` the next start is not refused, and finds what was stored."""
    holder.kill()
    holder.wait()
    async with opened(tmp_path) as store:
        assert await count(store.inbox) == 1


async def test_operator_looks_in_beside_the_pack(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """The command `dead` reads and writes a store that a pack has open."""
    async with opened(tmp_path, shared=True) as store:
        assert await count(store.inbox) == 1
        await store.inbox.dead((await store.inbox.waiting("C1", 1))[0], "400")
        assert len(await store.dead.list()) == 1
    assert holder.poll() is None


async def test_second_store_of_one_process_is_refused(tmp_path: Path) -> None:
    """Nor does one process open a store twice; once it is closed, the next may."""
    async with opened(tmp_path):
        with pytest.raises(StoreInUse):
            await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    async with opened(tmp_path) as store:
        assert await count(store.inbox) == 0


async def test_refused_opening_leaves_no_lock(tmp_path: Path) -> None:
    """A store that could not be opened is not locked for the next try."""
    file = tmp_path / "store.db"
    file.write_bytes(b"certainly not a database\n" * 500)
    for _ in range(2):
        with pytest.raises(Exception, match="cannot be used"):
            await Store.open(f"sqlite:///{file}")
    file.unlink()
    async with opened(tmp_path) as store:
        assert await count(store.inbox) == 0


@pytest.fixture
async def server() -> AsyncIterator[Postgres]:
    """Give a server of the test's own, to be stopped and started."""
    with postgres_server(free_port()) as server:
        yield server


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_database_that_goes_away_and_comes_back(
    server: Postgres, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """While the database is away nothing is acknowledged and the problem is told; it goes on by itself."""
    monkeypatch.setattr(store_module, "_LOOK_EVERY", 0.05)
    async with await Store.open(server.new_database()) as store, running(store.run()):
        assert await store.inbox.add("1", "C1", {}, kind="Seen")
        await store.actions.add("r/1", "C1", "c", {})
        (action,) = await store.actions.waiting("C1", 1)
        server.stop(mode)
        with pytest.raises(StoreUnavailable):
            await store.inbox.add("2", "C1", {}, kind="Seen")
        with pytest.raises(StoreUnavailable):
            await store.inbox.waiting("C1", 10)
        assert store.problem is not None
        finishing = asyncio.create_task(store.actions.finished(action, {"event": "R"}))
        server.start()
        await finishing
        await eventually(lambda: store.problem is None)
        assert await store.inbox.add("2", "C1", {}, kind="Seen")
        assert [event.key for event in await store.inbox.waiting("C1", 10)] == ["1", "2"]
        assert await store.actions.results() == [action.identity]


async def test_connections_that_were_cut_while_nobody_used_them(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that the server or a firewall closed in a quiet time costs no write and no read."""
    monkeypatch.setattr(postgresql, "_PING_AFTER", 0.0)
    url = server.new_database()
    async with await Store.open(url) as store:
        assert await store.inbox.add("1", "C1", {}, kind="Seen")
        assert await store.leases.claim("inbox", "C1", lambda: None)
        await store.inbox.waiting("C1", 10)
        cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        server.query(url, f"{cut} AND datname = current_database()")
        assert await store.inbox.add("2", "C1", {}, kind="Seen")
        assert len(await store.inbox.waiting("C1", 10)) == 2
        await store.leases.release("inbox", "C1")
        assert store.problem is None


async def test_database_that_goes_silent(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that neither answers nor refuses costs nothing but time: it is merely unavailable."""
    monkeypatch.setattr(postgresql, "_CONNECTED_WITHIN", 0.3)
    monkeypatch.setattr(postgresql, "_ANSWERED_WITHIN", 0.3)
    wire = Wire(postgres.port)
    async with wire.laid() as port:
        url = postgres.new_database().replace(f":{postgres.port}/", f":{port}/")
        async with await Store.open(url) as store:
            assert await store.inbox.add("1", "C1", {}, kind="Seen")
            wire.silence()
            for _ in range(3):
                with pytest.raises(StoreUnavailable):
                    await store.inbox.add("2", "C1", {}, kind="Seen")
                with pytest.raises(StoreUnavailable):
                    await store.leases.claim("inbox", "C1", lambda: None)
                with pytest.raises(StoreUnavailable):
                    await store.inbox.waiting("C1", 10)
            with pytest.raises(StoreUnavailable):
                await Store.open(url)
            wire.restore()
            await eventually_true(lambda: added(store, "3"))
            assert "3" in [event.key for event in await store.inbox.waiting("C1", 10)]


async def added(store: Store, key: str) -> bool:
    """Whether an event can be stored."""
    with contextlib.suppress(StoreUnavailable):
        await store.inbox.add(key, "C1", {}, kind="Seen")
        return True
    return False


async def test_database_that_starts_up_or_is_full_is_unavailable(server: Postgres) -> None:
    """A server that takes no connections now (it starts up, it has too many) is away: no defect of ours."""
    url = server.new_database()
    async with await Store.open(url) as store:
        server.query(url, "ALTER ROLE flyte NOSUPERUSER CONNECTION LIMIT 0")
        server.stop("immediate")
        server.start()
        with pytest.raises(StoreUnavailable):
            await store.inbox.add("1", "C1", {}, kind="Seen")
        with pytest.raises(StoreUnavailable):
            await store.inbox.waiting("C1", 10)
        assert store.problem is not None


async def test_database_that_is_not_there(postgres: Postgres) -> None:
    """A database that does not exist, and a server that does not run, are told with what to check."""
    missing = postgres.new_database() + "_not"
    for url in (missing, f"postgresql://flyte:secret@127.0.0.1:{free_port()}/db"):
        with pytest.raises(StoreUnavailable, match="check FLYTE_SLACK_STORE") as caught:
            await Store.open(url)
        assert "secret" not in str(caught.value)


async def test_newer_schema_in_a_database(postgres: Postgres) -> None:
    """A database that a newer pack wrote is refused, and left alone."""
    url = postgres.new_database()
    async with await Store.open(url):
        pass
    postgres.query(url, "UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    with pytest.raises(SchemaTooNew, match="schema version 99"):
        await Store.open(url)
    found = postgres.query(url, "SELECT value FROM meta WHERE key = 'schema_version'")
    assert found.strip() == "99"
