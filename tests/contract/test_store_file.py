"""The file of an SQLite store: one process's by whatever name, private, durable, and there."""

import asyncio
import os
import sqlite3
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from support import eventually, opened, running

from flyte_slack.errors import StoreInUse, StoreUnavailable
from flyte_slack.store import Store, examine, sqlite
from flyte_slack.store import store as store_module


def url(path: Path | str) -> str:
    return f"sqlite:///{path}"


async def test_same_file_through_a_symbolic_link(tmp_path: Path) -> None:
    """A link to the file, or to its folder, leads to the same store: in use is in use."""
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "store.db")
    async with opened(tmp_path / "real") as store:
        for name in ("link.db", "folder/store.db", "real/../real/store.db"):
            with pytest.raises(StoreInUse, match="used by another process"):
                await Store.open(url(tmp_path / name))
            assert "in use by a running pack" in await examine(url(tmp_path / name))
        await store.inbox.add("1", "C1", {}, kind="Seen")
    async with await Store.open(url(tmp_path / "link.db")) as store:
        assert not await store.inbox.add("1", "C1", {}, kind="Seen")
    assert (tmp_path / "link.db").is_symlink()


async def test_link_to_a_file_that_does_not_exist_yet(tmp_path: Path) -> None:
    """A store is made where the link leads, and is one store by both names from the start."""
    (tmp_path / "link.db").symlink_to(tmp_path / "store.db")
    async with await Store.open(url(tmp_path / "link.db")):
        with pytest.raises(StoreInUse):
            await Store.open(url(tmp_path / "store.db"))


async def test_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How the path is spelled does not matter."""
    monkeypatch.chdir(tmp_path)
    async with await Store.open("sqlite:///store.db"):
        for name in ("./store.db", tmp_path / "store.db", f"../{tmp_path.name}/store.db"):
            with pytest.raises(StoreInUse):
                await Store.open(url(name))


async def test_hard_link_is_refused(tmp_path: Path) -> None:
    """A file with two names has two journals: nobody may use it, and one who does is not disturbed."""
    async with opened(tmp_path) as store:
        (tmp_path / "other.db").hardlink_to(tmp_path / "store.db")
        with pytest.raises(StoreInUse, match="hard link"):
            await Store.open(url(tmp_path / "other.db"))
        with pytest.raises(StoreInUse, match="hard link"):
            await examine(url(tmp_path / "other.db"))
        assert await store.inbox.add("1", "C1", {}, kind="Seen")


@pytest.mark.parametrize("what", ["file", "journal", "all", "replaced"])
async def test_file_that_goes_away_under_the_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A store whose file was removed or replaced takes nothing any more, and says so without being asked."""
    monkeypatch.setattr(store_module, "_LOOK_EVERY", 0.02)
    async with opened(tmp_path) as store, running(store.run()):
        assert await store.inbox.add("1", "C1", {}, kind="Seen")
        files = {"file": ["store.db"], "journal": ["store.db-wal"]}.get(what, ["store.db", "store.db-wal"])
        with capture_logs() as logged:
            for name in files:
                (tmp_path / name).rename(tmp_path / f"away-{name}")
            if what == "replaced":
                for name in files:
                    (tmp_path / name).write_bytes((tmp_path / f"away-{name}").read_bytes())
            await eventually(lambda: store.problem is not None)
            with pytest.raises(StoreUnavailable, match="removed or replaced while it was in use"):
                await store.inbox.add("2", "C1", {}, kind="Seen")
        assert [line["log_level"] for line in logged] == ["error"]
        for name in files:
            (tmp_path / f"away-{name}").rename(tmp_path / name)
        await eventually(lambda: store.problem is None)
        assert await store.inbox.add("2", "C1", {}, kind="Seen"), "what was refused is not there"


async def test_link_that_leads_elsewhere_now(tmp_path: Path) -> None:
    """What the setting names must be what is written: the next start would not find it."""
    (tmp_path / "link.db").symlink_to(tmp_path / "store.db")
    async with await Store.open(url(tmp_path / "link.db")) as store:
        await store.inbox.add("1", "C1", {}, kind="Seen")
        (tmp_path / "link.db").unlink()
        (tmp_path / "other.db").touch()
        (tmp_path / "link.db").symlink_to(tmp_path / "other.db")
        with pytest.raises(StoreUnavailable, match="replaced"):
            await store.inbox.add("2", "C1", {}, kind="Seen")


def modes(folder: Path) -> set[str]:
    """Return what may be done with the files of a folder, as `ls` shows it."""
    return {stat.filemode(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
async def test_files_are_their_owners_only(tmp_path: Path, umask: int) -> None:
    """Messages are read by nobody else on the machine, whatever the umask; files of before are closed too."""
    before = os.umask(umask)
    try:
        async with opened(tmp_path) as store:
            await store.inbox.add("1", "C1", {}, kind="Seen")
            assert len(list(tmp_path.iterdir())) == 4
            assert modes(tmp_path) == {"-rw-------"}
            for path in tmp_path.iterdir():
                path.chmod(0o644)
        async with opened(tmp_path) as store:
            await store.inbox.add("2", "C1", {}, kind="Seen")
            assert modes(tmp_path) == {"-rw-------"}
    finally:
        os.umask(before)


async def test_delivered_texts_do_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a message is delivered its text is in none of the files, while the pack still runs."""
    monkeypatch.setattr(store_module, "_LOOK_EVERY", 0.02)
    monkeypatch.setattr(sqlite, "_TIDY_EVERY", 0.05)

    def found() -> bool:
        return any(b"the secret word" in path.read_bytes() for path in tmp_path.iterdir())

    async with opened(tmp_path) as store:
        for number in range(40):
            text = "the secret word " * (1 if number % 2 else 500)
            await store.inbox.add(str(number), "C1", {"text": text}, kind="Seen")
            await store.actions.add(f"r/{number}", "C1", "c", {"text": text})
        assert found()
        for event in await store.inbox.waiting("C1", 100):
            await store.inbox.delivered(event)
        for action in await store.actions.waiting("C1", 100):
            await store.actions.finished(action, {"event": "the secret word"})
        for identity in await store.actions.results():
            result = await store.actions.result(identity)
            assert result is not None
            await store.actions.delivered(result)
        async with running(store.run()):
            await eventually(lambda: not found())
    assert not found()


async def test_commits_are_on_disk(tmp_path: Path) -> None:
    """A power cut loses nothing that was acknowledged: every connection waits for the disk."""
    async with opened(tmp_path) as store:
        database = store._database

        def pragmas(connection: object) -> tuple[object, ...]:
            names = ("synchronous", "journal_mode", "secure_delete")
            return tuple(connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names)  # type: ignore[attr-defined]

        found = await asyncio.gather(
            database.write(pragmas), database.search(pragmas), *(database.read(pragmas) for _ in range(3))
        )
        assert set(found) == {(2, "wal", 1)}


async def test_file_of_another_program_in_rollback_mode(tmp_path: Path) -> None:
    """A store that was copied with another journal mode is brought back to the pack's own."""
    async with opened(tmp_path) as store:
        await store.inbox.add("1", "C1", {}, kind="Seen")
    with sqlite3.connect(tmp_path / "store.db") as connection:
        assert connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
    connection.close()
    async with opened(tmp_path) as store:
        assert not await store.inbox.add("1", "C1", {}, kind="Seen")
        assert (tmp_path / "store.db-wal").exists()
