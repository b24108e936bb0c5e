"""The store: a database file (SQLite) or a database server (PostgreSQL)."""

import asyncio
import sqlite3
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ..errors import StoreDamaged, StoreUnavailable
from . import schema
from .actions import Actions
from .inbox import Inbox
from .writer import Writer

KEPT_FOR = 25 * 3600.0
"""Seconds that a delivered row stays, so that a redelivery is known: 24 hours (promise 2) and some."""

_PRUNE_EVERY = 300.0
_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


class Store:
    """Inbound events and actions, durable on return of each write.

    Use `Store.open()` as an asynchronous context manager, and let `run()` go on beside the work.

    Attributes:
        inbox: events seen in Slack, on their way to Flyte.
        actions: actions taken from Flyte, and their results on their way back.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writer = Writer(engine)
        self.inbox = Inbox(engine, self._writer)
        self.actions = Actions(engine, self._writer)
        self._committing: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open a store and bring its tables up to date.

        Args:
            url: as in `FLYTE_SLACK_STORE`.

        Raises:
            StoreDamaged: the file is no usable database, or its folder is missing.
            SchemaTooNew: a newer version of the pack wrote it.
            StoreUnavailable: the database does not answer.
        """
        parsed = make_url(url)
        engine = _sqlite(parsed) if parsed.drivername == "sqlite" else _postgresql(parsed)
        try:
            async with engine.begin() as connection:
                if engine.dialect.name == "sqlite":
                    found = await connection.scalar(text("PRAGMA quick_check(1)"))
                    if found != "ok":
                        raise StoreDamaged(_damaged(parsed, str(found)))
                await schema.prepare(connection)
        except DBAPIError as error:
            await engine.dispose()
            cause = str(error.orig)
            if isinstance(error.orig, sqlite3.OperationalError) and "locked" in cause:
                raise StoreUnavailable(f"the store {parsed.database} is locked by another program") from error
            if engine.dialect.name == "sqlite":
                raise StoreDamaged(_damaged(parsed, cause)) from error
            raise StoreUnavailable(f"the database {parsed.host} cannot be used: {cause}") from error
        except OSError as error:
            await engine.dispose()
            raise StoreUnavailable(f"the database {parsed.host} cannot be reached: {error}") from error
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine)

    async def __aenter__(self) -> Self:
        self._committing = asyncio.create_task(self._writer.run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._committing is not None:
            self._committing.cancel()
            await asyncio.gather(self._committing, return_exceptions=True)
        await self._writer.flush()
        await self._engine.dispose()

    @property
    def problem(self) -> str | None:
        """Why the store cannot be written, or None."""
        return self._writer.problem

    async def run(self) -> None:
        """Prune what was delivered long ago, and try a store that failed until it can be written again."""
        pruned_at = -_PRUNE_EVERY
        while True:
            if self.problem is not None:
                await self.writable()
            elif time.monotonic() - pruned_at >= _PRUNE_EVERY:
                pruned_at = time.monotonic()
                await self._prune()
            await asyncio.sleep(1)

    async def writable(self) -> None:
        """Return once a write goes through; at once while none has failed."""
        if self.problem is not None:
            await self._writer.persist(_probe)

    async def size(self) -> int:
        """Return the store's size in bytes."""
        async with self._engine.connect() as connection:
            return int(await connection.scalar(text(_SIZE[self._engine.dialect.name])) or 0)

    async def _prune(self) -> None:
        before = time.time() - KEPT_FOR
        try:
            await self.inbox.prune(before)
            await self.actions.prune(before)
        except StoreUnavailable:
            return  # the writer has told of it; the next round tries again


async def _probe(connection: Any) -> None:
    await connection.execute(schema.meta.delete().where(schema.meta.c.key == "probe"))
    await connection.execute(schema.meta.insert().values(key="probe", value=str(time.time())))


def _sqlite(url: URL) -> AsyncEngine:
    path = Path(url.database or "")
    if not path.parent.is_dir():
        raise StoreDamaged(
            f"the store {path} cannot be opened: the folder {path.parent} does not exist: "
            "create it, or set FLYTE_SLACK_STORE to another place"
        )
    engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"), connect_args={"timeout": 5})

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "journal_size_limit=67108864"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _postgresql(url: URL) -> AsyncEngine:
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg"), pool_pre_ping=True, pool_size=5, max_overflow=0
    )


def _damaged(url: URL, cause: str) -> str:
    return (
        f"the store {url.database} cannot be used ({cause}): move the file aside "
        "and start again with a new one (what it held and had not delivered is lost), "
        "or set FLYTE_SLACK_STORE to another place"
    )
