"""Looking whether a store can be used, without leaving a trace in it."""

import asyncio
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from postgres import Postgres
from sqlalchemy import text
from store_parts import Opener
from support import count

from flyte_slack.errors import SchemaTooNew, StoreDamaged, StoreError, StoreInUse, StoreUnavailable
from flyte_slack.store import Store, examine, schema


def trace(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, with its content."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def rows(store: Store) -> list[Any]:
    """Return what is in the table that examining writes to."""
    query = text("SELECT key, value FROM meta ORDER BY key")
    return await store._database.read(lambda connection: list(connection.execute(query)))


async def test_store_of_a_pack(url: str, reopen: Opener, tmp_path: Path) -> None:
    """A store that a pack left can be written, and is afterwards what it was."""
    async with reopen() as store:
        await store.inbox.add("C1:1", "C1", {"text": "hello"}, kind="Seen")
        before = await rows(store)
    files = trace(tmp_path)
    assert (await examine(url)).endswith(f"can be written, schema version {schema.SCHEMA_VERSION}")
    assert trace(tmp_path) == files
    async with reopen() as store:
        assert await rows(store) == before
        assert await count(store.inbox) == 1


async def test_store_that_a_pack_works_on(url: str, reopen: Opener) -> None:
    """A store can be examined while a pack writes to it, many times over."""
    async with reopen() as store:
        for number in range(5):
            assert "can be written" in await examine(url)
            assert await store.inbox.add(f"C1:{number}", "C1", {}, kind="Seen")
        assert await count(store.inbox) == 5


async def test_older_schema(url: str, reopen: Opener) -> None:
    """An older schema is told, and not upgraded."""
    await set_version(reopen, "0")
    assert f"schema version 0 will be upgraded to {schema.SCHEMA_VERSION} at start" in await examine(url)
    assert "schema version 0" in await examine(url)


async def test_newer_schema(url: str, reopen: Opener) -> None:
    """A newer schema is refused in the words of the store."""
    await set_version(reopen, "999")
    with pytest.raises(SchemaTooNew, match=r"version 999.*newer one"):
        await examine(url)


async def set_version(reopen: Opener, version: str) -> None:
    async with reopen() as store:
        await store.note("schema_version", version)


async def test_empty_database(postgres: Postgres) -> None:
    """In a database without tables none is left behind."""
    url = postgres.new_database()
    assert "its tables will be made at start" in await examine(url)
    assert postgres.query(url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").strip() == "0"


async def test_database_that_is_not_there(postgres: Postgres) -> None:
    """A database that does not exist, a role that doesn't, one that may not write: each is told."""
    url = postgres.new_database()
    with pytest.raises(StoreUnavailable, match=r"does not exist.*check FLYTE_SLACK_STORE"):
        await examine(url + "_away")
    with pytest.raises(StoreUnavailable, match='role "nobody" does not exist'):
        await examine(url.replace("flyte:", "nobody:"))
    async with await Store.open(url):
        pass
    postgres.query(url, "CREATE ROLE reader LOGIN")
    with pytest.raises(StoreUnavailable, match="permission denied"):
        await examine(url.replace("flyte:", "reader:"))


async def test_wrong_password(postgres: Postgres) -> None:
    """A wrong password is told, without its value."""
    url = postgres.new_database()
    postgres.query(url, "CREATE ROLE locked LOGIN PASSWORD 'right'")
    access = postgres.folder / "data" / "pg_hba.conf"
    before = access.read_text()
    access.write_text("host all locked 127.0.0.1/32 scram-sha-256\n" + before)
    try:
        postgres.query(url, "SELECT pg_reload_conf()")
        with pytest.raises(StoreUnavailable, match="password authentication failed") as caught:
            await until_refused(url.replace("flyte:unused", "locked:the-wrong-one"))
    finally:
        access.write_text(before)
        postgres.query(url, "SELECT pg_reload_conf()")
    assert "the-wrong-one" not in str(caught.value)


async def until_refused(url: str) -> None:
    """Examine until the server has read who may log in."""
    for _ in range(100):
        await examine(url)
        await asyncio.sleep(0.05)


def file(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.db'}"


async def test_no_file_yet(tmp_path: Path) -> None:
    """Where there is no file none is made."""
    assert "does not exist yet" in await examine(file(tmp_path))
    assert trace(tmp_path) == {}


async def test_empty_file(tmp_path: Path) -> None:
    """A file without anything stays one."""
    (tmp_path / "store.db").touch()
    assert "its tables will be made at start" in await examine(file(tmp_path))
    assert trace(tmp_path) == {str(tmp_path / "store.db"): b""}


async def test_in_use(tmp_path: Path) -> None:
    """A file that a pack works on is told, and the pack's files are left alone."""
    async with await Store.open(file(tmp_path)):
        before = set(trace(tmp_path))
        assert "in use by a running pack" in await examine(file(tmp_path))
        assert set(trace(tmp_path)) == before
    assert "in use" not in await examine(file(tmp_path))
    async with await Store.open(file(tmp_path)):
        pass


async def test_no_folder(tmp_path: Path) -> None:
    """A folder that does not exist is named."""
    with pytest.raises(StoreDamaged, match="away does not exist: create it"):
        await examine(file(tmp_path / "away"))


@pytest.mark.parametrize("name", ["", "store.db"], ids=["folder", "file"])
async def test_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A folder or file that may not be written is named, with what to do."""
    async with await Store.open(file(tmp_path)):
        pass
    refused, access = tmp_path / name, os.access  # root may write everywhere
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != refused and access(path, mode))
    with pytest.raises(StoreDamaged, match=f"{refused} cannot be written: give the pack's user the right"):
        await examine(file(tmp_path))


async def test_folder_in_its_place(tmp_path: Path) -> None:
    """A folder where the file should be is told."""
    (tmp_path / "store.db").mkdir()
    with pytest.raises(StoreDamaged, match="is no file"):
        await examine(file(tmp_path))


async def test_damaged(tmp_path: Path) -> None:
    """A file that is no database is told, and left as it is."""
    (tmp_path / "store.db").write_bytes(b"this is not a database, " * 500)
    before = trace(tmp_path)
    with pytest.raises(StoreDamaged, match=r"cannot be used .*move the file aside"):
        await examine(file(tmp_path))
    assert trace(tmp_path) == before


async def test_broken_pages(tmp_path: Path) -> None:
    """A database with broken pages is told."""
    async with await Store.open(file(tmp_path)) as store:
        await store.inbox.add("C1:1", "C1", {}, kind="Seen")
    content = bytearray((tmp_path / "store.db").read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (tmp_path / "store.db").write_bytes(content)
    with pytest.raises(StoreError, match="cannot be used"):
        await examine(file(tmp_path))


async def test_one_broken_page(tmp_path: Path) -> None:
    """A page that is broken, and that nothing would read at start, is told too."""
    async with await Store.open(file(tmp_path)) as store:
        for number in range(50):
            await store.inbox.add(f"C1:{number}", "C1", {"text": "x" * 2000}, kind="Seen")
    content = bytearray((tmp_path / "store.db").read_bytes())
    page = content.rindex(b"xxxx") // 4096 * 4096
    content[page : page + 64] = b"\xff" * 64
    (tmp_path / "store.db").write_bytes(content)
    with pytest.raises(StoreDamaged, match="move the file aside"):
        await examine(file(tmp_path))


async def test_locked_by_another_program(tmp_path: Path) -> None:
    """A file that another program has locked is told as that."""
    async with await Store.open(file(tmp_path)):
        pass
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreInUse, match="locked by another program"):
            await examine(file(tmp_path))
    finally:
        other.close()


async def test_after_a_crash(tmp_path: Path) -> None:
    """What a killed pack left in its journal is still there afterwards."""
    async with await Store.open(file(tmp_path)) as store:
        await store.inbox.add("C1:1", "C1", {}, kind="Seen")
        copy = tmp_path / "copy"
        copy.mkdir()
        for path in tmp_path.glob("store.db*"):
            (copy / path.name).write_bytes(path.read_bytes())
    assert "can be written" in await examine(file(copy))
    async with await Store.open(file(copy)) as store:
        assert await count(store.inbox) == 1
