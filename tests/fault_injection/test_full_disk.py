"""The store's disk is full, a real one: nothing is acknowledged or taken until there is room (1, 2, 4)."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from account import Account, impatient
from harness import World, eventually, world
from test_gaps import settled

FILLER = "filler"
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


async def jammed(account: Account, disk: Path) -> bool:
    """Take what room is left, write one more message to each channel, and tell whether that jams the pack."""
    with contextlib.suppress(OSError), (disk / FILLER).open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    account.say()
    told = (await account.w.pack.health())["Store"]
    unhealthy = not told["healthy"] and "nothing is acknowledged" in told["status"]
    return unhealthy and bool(account.w.socket_mode.unacknowledged)


async def not_ready(w: World) -> bool:
    """Whether the pack says that it is not ready."""
    return await w.pack.status("/health/ready") == 503


async def healthy(w: World) -> bool:
    """Whether the pack says that its store works."""
    return bool((await w.pack.health()).get("Store", {}).get("healthy"))


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
                await eventually(partial(jammed, account, disk), "nothing is acknowledged, and health tells")
                await eventually(partial(not_ready, w), "the pack is not ready")
                assert await w.pack.status("/health/live") == 200
                stuck = set(account.said) - set(w.flyte.texts())
                assert stuck, "what is not on disk is not posted"
                assert w.socket_mode.unacknowledged
                if killed:
                    w.pack.kill()
                (disk / FILLER).unlink()
                if killed:
                    await w.pack.start()
                await eventually(partial(healthy, w), "the store is healthy again")
                await w.pack.ready()
                account.traffic()
                await account.settled()
            account.assert_nothing_lost_or_doubled()
