"""What an operator does with a store, while a pack runs on it or not."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, func, select

from ..errors import StoreError
from . import schema
from .database import Database, readable
from .owner import owner
from .sql import NONE, Held


@dataclass(frozen=True, slots=True)
class Stats:
    """What the store holds.

    Attributes:
        size: bytes on disk.
        events: inbound events that wait.
        actions: actions that are not finished.
        results: results that wait.
        dead_events: events that are dead letters.
        dead_results: results that are dead letters.
    """

    size: int = 0
    events: Held = NONE
    actions: Held = NONE
    results: Held = NONE
    dead_events: Held = NONE
    dead_results: Held = NONE

    def __str__(self) -> str:
        """Say it in a sentence for people."""
        return (
            f"{self.size / 1e6:.1f} MB; waiting: {self.events.number} events, {self.actions.number} actions, "
            f"{self.results.number} results; dead: {self.dead_events.number + self.dead_results.number}"
        )


@dataclass(frozen=True, slots=True)
class Info:
    """What a store is, and what it holds.

    Attributes:
        version: of its schema.
        owner: whose it is, by what tells owners apart; empty if it is nobody's yet.
        stats: its size, and what waits in it.
        keys: how many keys it keeps.
        gaps: how many gaps are still to be read.
    """

    version: int
    stats: Stats
    owner: dict[str, str] = field(default_factory=dict)
    keys: int = 0
    gaps: int = 0


async def info(database: Database, stats: Stats) -> Info:
    """Return what a store is, and what it holds."""

    def read(connection: Connection) -> Info:
        keys, gaps = (
            connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (schema.keys, schema.gaps)
        )
        return Info(schema.version(connection) or 0, stats, owner(connection), keys, gaps)

    return await database.search(read)


def copy_file(source: Path, target: Path) -> None:
    """Copy an SQLite store as it is at this moment, whoever writes to it meanwhile.

    Raises:
        StoreError: the copy would replace a file, or cannot be written.
    """
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise StoreError(f"{target} exists already: name a file that does not") from None
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}") from None
    try:
        with readable(), closing(sqlite3.connect(source)) as from_, closing(sqlite3.connect(target)) as to:
            from_.backup(to)
            to.execute("PRAGMA journal_mode=DELETE")  # one file is the whole store
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    with target.open("rb") as written:
        os.fsync(written.fileno())
