"""A store in a file."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import URL

from .database import Database, Work, readable
from .file import StoreFile
from .maintenance import copy_file

T = TypeVar("T")

LOCKED_FOR = 2.0
"""Seconds that a write waits for a lock; who sent an event waits three for its acknowledgement."""

_TIDY_EVERY = 10.0


class SQLite(Database):
    """A file.

    What writes, or reads much, runs as a whole in a thread: to hand over each statement by itself takes
    several times as long as the statements do. A few rows are read on the spot: that waits for no lock.

    Args:
        url: names it.
        file: the file.

    Attributes:
        write_one: None: several statements in one transaction cost less than each by itself.
    """

    write_one = None

    size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"

    def __init__(self, url: URL, file: StoreFile) -> None:
        self._file = file
        self._written = False
        self._tidied_at = 0.0
        self._writing = ThreadPoolExecutor(1, "store-writing")
        self._searching = ThreadPoolExecutor(1, "store-searching")
        self._engine = create_engine(
            url.set(database=str(self._file.path)),
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
                result = work(connection)
                self._file.must_be_there()
            self._written = True
            return result

        return await self._in_writing_thread(do)

    def intact(self) -> bool:
        """Whether the file is there, and is the one that was opened."""
        try:
            self._file.must_be_there()
        except OSError:
            return False
        return True

    async def tidy(self) -> None:
        """Empty the journal: what was overwritten in the file is still in there."""
        if self._written and time.monotonic() - self._tidied_at >= _TIDY_EVERY:
            self._written, self._tidied_at = False, time.monotonic()
            await self._in_writing_thread(self._empty_journal)

    def _empty_journal(self) -> None:
        with readable(), self._engine.connect() as connection:
            connection.execute(text("PRAGMA busy_timeout = 50"))  # who reads is not waited for
            try:
                connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            finally:
                connection.execute(text(f"PRAGMA busy_timeout = {int(LOCKED_FOR * 1000)}"))

    async def backup(self, path: Path) -> None:
        """Copy the file as it is at one moment; who writes goes on."""
        await asyncio.to_thread(copy_file, self._file.path, path)

    async def vacuum(self) -> None:
        """Write the file anew without its gaps; who writes waits, for seconds if it is large."""
        await self._in_writing_thread(self._vacuum)

    def _vacuum(self) -> None:
        with readable(), self._engine.connect() as connection:
            connection.execute(text("VACUUM"))
        self._empty_journal()

    async def _in_writing_thread(self, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writing, do)

    async def close(self) -> None:
        """Close the connections, when what was begun is done."""
        for threads in (self._writing, self._searching):
            await asyncio.to_thread(threads.shutdown, cancel_futures=True)
        self._engine.dispose()


def _make_durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "journal_size_limit=67108864"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
