"""A store in a database server, which several replicas share."""

import time
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import event, text
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from .database import Database, Work

T = TypeVar("T")

# a replica that stands still in a transaction holds up the others until the server ends it; no setting of
# the session, since poolers refuse them
_END_IF_FROZEN = text("SET LOCAL idle_in_transaction_session_timeout = '5s'")
_PING_AFTER = 1.0
_CONNECTED_WITHIN = 5.0
_ANSWERED_WITHIN = 30.0


class PostgreSQL(Database):
    """A database of a server.

    Args:
        url: names it, with user and password.
    """

    size = "SELECT pg_database_size(current_database())"

    def __init__(self, url: URL) -> None:
        self._engine = connections(url, 5)
        self._for_reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._for_writing = connections(url, 1)  # never waited for by who reads

    async def _read(self, work: Work[T]) -> T:
        async with self._for_reading.connect() as connection:
            return await connection.run_sync(work)

    _search = _read

    async def write(self, work: Work[T]) -> T:
        """Do it in a transaction, after those asked for before, and return when that is durable."""
        async with self._for_writing.begin() as connection:
            await connection.execute(_END_IF_FROZEN)
            return await connection.run_sync(work)

    async def write_aside(self, work: Work[T]) -> T:
        """The same, but without waiting for other writes."""
        async with self._engine.begin() as connection:
            await connection.execute(_END_IF_FROZEN)
            return await connection.run_sync(work)

    def intact(self) -> bool:
        """The server looks after its files."""
        return True

    async def tidy(self) -> None:
        """The server looks after its files."""

    async def close(self) -> None:
        """Close the connections."""
        await self._for_writing.dispose()
        await self._engine.dispose()


def connections(url: URL, number: int) -> AsyncEngine:
    """Return a pool of so many connections."""
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        hide_parameters=True,
        pool_size=number,
        max_overflow=0,
        connect_args={"timeout": _CONNECTED_WITHIN, "command_timeout": _ANSWERED_WITHIN},
    )
    event.listen(engine.sync_engine, "checkin", _note_use)
    event.listen(engine.sync_engine, "checkout", partial(_ping_if_unused, engine.dialect))
    return engine


def _note_use(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _ping_if_unused(dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Look whether a connection that was not used for a while still works; each time would be three calls."""
    if time.monotonic() - record.info.get("used_at", 0.0) > _PING_AFTER:
        try:
            dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError(str(error)) from error
