"""The store's disk is full, a real one: nothing is acknowledged or taken until there is room (1, 2, 4)."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from account import Account, impatient
from harness import World, eventually, world
from test_gaps import settled

HOW = "a small disk is mounted by root only; test_overload.py tries a limited file size as anybody"


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of some megabytes; the log of SQLite alone grows to four."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(HOW)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Write a file until nothing fits any more."""
    path = disk / "filler"
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return path


async def store_is(w: World, *, healthy: bool) -> None:
    """Wait until health tells so of the store."""

    async def told() -> bool:
        return (await w.pack.health()).get("Store", {}).get("healthy") is healthy

    await eventually(told, f"the store's health is {healthy}")


async def test_no_room_for_a_while(tmp_path: Path) -> None:
    """No room on the disk, twice, once with kill -9: told; with room again, all of it arrives, once."""
    with small_disk(tmp_path / "disk") as disk:
        async with world(tmp_path, socket_mode=impatient, expected=("Traceback",)) as w:
            w.pack.store = disk / "store.db"
            w.pack.environment["FLYTE_SLACK_STORE"] = f"sqlite:///{w.pack.store}"
            account = Account(w)
            await w.pack.start()
            for killed in (False, True):
                account.traffic()
                await account.settled()
                await settled(w)
                filler = fill(disk)
                for _ in range(3):
                    account.say(40)
                await store_is(w, healthy=False)
                assert w.socket_mode.unacknowledged
                assert "nothing is acknowledged" in (await w.pack.health())["Store"]["status"]
                assert await w.pack.status("/health/ready") == 503
                assert await w.pack.status("/health/live") == 200
                stuck = set(account.said) - set(w.flyte.texts())
                assert stuck, "what is not on disk is not posted"
                if killed:
                    w.pack.kill()
                filler.unlink()
                if killed:
                    await w.pack.start()
                await store_is(w, healthy=True)
                await w.pack.ready()
                account.traffic()
                await account.settled()
            account.assert_nothing_lost_or_doubled()
