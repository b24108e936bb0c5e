"""A store in a file."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from filelock import BaseFileLock, FileLock, Timeout
from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL

from ..errors import StoreDamaged, StoreInUse
from .database import Database, Work

T = TypeVar("T")

LOCKED_FOR = 2.0
"""Seconds that a write waits for a lock; who sent an event waits three for its acknowledgement."""


class SQLite(Database):
    """A file.

    What writes, or reads much, runs as a whole in a thread: to hand over each statement by itself takes
    several times as long as the statements do. A few rows are read on the spot: that waits for no lock.

    Args:
        url: names it.
    """

    size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"

    def __init__(self, url: URL) -> None:
        self._writing = ThreadPoolExecutor(1, "store-writing")
        self._searching = ThreadPoolExecutor(1, "store-searching")
        self._engine = create_engine(
            url,
            connect_args={"timeout": LOCKED_FOR},
            hide_parameters=True,
            pool_size=3,
            max_overflow=0,
        )
        event.listen(self._engine, "connect", _make_durable)

    async def _read(self, work: Work[T]) -> T:
        with self._engine.connect() as connection:
            return work(connection)

    async def _search(self, work: Work[T]) -> T:
        def do() -> T:
            with self._engine.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._searching, do)

    async def write(self, work: Work[T]) -> T:
        """Do it in a transaction, after those asked for before, and return when that is durable."""

        def do() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._writing, do)

    async def close(self) -> None:
        """Close the connections, when what was begun is done."""
        for threads in (self._writing, self._searching):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)
        self._engine.dispose()


def _make_durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def locked(url: URL) -> BaseFileLock:
    """Return the lock that keeps a second process from working on a file.

    Raises:
        StoreInUse: another process has it.
    """
    lock = FileLock(f"{url.database}-lock", thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise StoreInUse(
            f"the store {url.database} is used by another process: stop that one, or, for several "
            "replicas, set FLYTE_SLACK_STORE to a PostgreSQL database"
        ) from None
    return lock


def must_be_possible(url: URL, *, must_exist: bool) -> None:
    """Refuse a place where no file can be.

    Args:
        url: names the file.
        must_exist: refuse also where there is none.

    Raises:
        StoreDamaged: there can be none.
    """
    path = Path(url.database or "")
    if must_exist and not path.exists():
        raise StoreDamaged(f"there is no store {path}: check FLYTE_SLACK_STORE")
    if not path.parent.is_dir():
        raise StoreDamaged(
            f"the store {path} cannot be opened: the folder {path.parent} does not exist: "
            "create it, or set FLYTE_SLACK_STORE to another place"
        )
