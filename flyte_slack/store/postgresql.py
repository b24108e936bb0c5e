"""A store in a database server, which several replicas share.

The server may be far away, and every statement is a way there and back. So what is one statement is no
transaction, and a transaction's settings go with its `BEGIN`.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg
from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from ..errors import StoreError
from .database import Database, Work, readable
from .schema import metadata

T = TypeVar("T")

# a replica that stands still in a transaction holds up the others until the server ends it; no setting of
# the session, since poolers refuse them
_BEGIN = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s'"
_WRITING = 3
_PING_AFTER = 1.0
_CONNECTED_WITHIN = 5.0
_ANSWERED_WITHIN = 30.0


class PostgreSQL(Database):
    """A database of a server.

    Args:
        url: names it, with user and password.
        pooled: each transaction may reach another session of the server (PgBouncer): nothing is kept in
            one, and nothing is done outside of a transaction.
    """

    size = "SELECT pg_database_size(current_database())"

    def __init__(self, url: URL, *, pooled: bool = True) -> None:
        self._pooled = pooled
        self._engine = connections(url, 5, pooled=pooled)
        self._for_writing = connections(url, _WRITING, pooled=pooled)  # never waited for by who reads

    @classmethod
    async def open(cls, url: URL) -> Self:
        """Return a database, and find out whether a pooler stands before it."""
        return cls(url, pooled=await _is_pooled(url))

    async def _read(self, work: Work[T]) -> T:
        return await self.write_aside(work)

    _search = _read

    async def write(self, work: Work[T]) -> T:
        """Do it in a transaction, and return when that is durable."""
        async with transaction(self._for_writing) as connection:
            return await connection.run_sync(work)

    async def write_one(self, work: Work[T]) -> T:
        """Do what is one statement, and return when that is durable."""
        return await self._one(self._for_writing, work)

    async def write_aside(self, work: Work[T]) -> T:
        """Do statements that may take effect one by one, without waiting for other writes."""
        return await self._one(self._engine, work)

    async def _one(self, engine: AsyncEngine, work: Work[T]) -> T:
        async with transaction(engine) if self._pooled else engine.connect() as connection:
            return await connection.run_sync(work)

    def intact(self) -> bool:
        """The server looks after its files."""
        return True

    async def tidy(self) -> None:
        """The server looks after its files."""

    async def backup(self, path: Path) -> None:
        """Say what does it.

        Raises:
            StoreError: always.
        """
        raise StoreError(
            "the store is a PostgreSQL database: copy it with pg_dump, which does not disturb the pack"
        )

    async def vacuum(self) -> None:
        """Let the server use the room again; who writes goes on."""
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            for table in metadata.tables:
                with readable(), _driven():
                    await driver.execute(f"VACUUM (ANALYZE) {table}")

    async def close(self) -> None:
        """Close the connections."""
        await self._for_writing.dispose()
        await self._engine.dispose()


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection in a transaction, which is committed at the end.

    Raises:
        SQLAlchemyError: nothing was written.
        OSError: the same.
    """
    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        try:
            with _driven():
                await driver.execute(_BEGIN)
            yield connection
            with _driven():
                await driver.execute("COMMIT")
        except BaseException:
            await connection.invalidate()  # whatever state it is in: the server takes all of it back
            raise


@contextmanager
def _driven() -> Iterator[None]:
    """Let an error of the driver's be one of the connection."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConnectionError(str(error)) from error


class _Plain(PGDialect_asyncpg):
    """The dialect without codecs for JSON: to set them up takes queries outside of a transaction."""

    supports_statement_cache = True

    async def setup_asyncpg_json_codec(self, conn: Any) -> None:
        """The store has no columns of this type."""

    async def setup_asyncpg_jsonb_codec(self, conn: Any) -> None:
        """The store has no columns of this type."""


registry.register("postgresql.plain", __name__, _Plain.__name__)


def connections(url: URL, number: int, *, pooled: bool = True) -> AsyncEngine:
    """Return a pool of so many connections, which begin no transaction by themselves.

    Args:
        url: of the database.
        number: how many.
        pooled: no statement is kept prepared: another session does not know it.
    """
    arguments: dict[str, Any] = {"timeout": _CONNECTED_WITHIN, "command_timeout": _ANSWERED_WITHIN}
    if pooled:
        arguments["prepared_statement_cache_size"] = arguments["statement_cache_size"] = 0
        arguments["prepared_statement_name_func"] = lambda: ""  # it replaces the one before
    engine = create_async_engine(
        url.set(drivername="postgresql+plain"),
        hide_parameters=True,
        pool_size=number,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
        connect_args=arguments,
    )
    event.listen(engine.sync_engine, "checkin", _note_use)
    event.listen(engine.sync_engine, "checkout", _ping_if_unused)
    return engine


async def _is_pooled(url: URL) -> bool:
    """Whether the session that was opened is not the one that answers."""
    engine = connections(url, 1)
    try:
        async with transaction(engine) as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            answers = (await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
            return bool(answers != driver.get_server_pid())
    finally:
        await engine.dispose()


def _note_use(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _ping_if_unused(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Look whether a connection that was not used for a while still works; each time would be three calls."""
    if time.monotonic() - record.info.get("used_at", 0.0) > _PING_AFTER:
        try:
            connection.run_async(lambda driver: driver.execute("SELECT 1"))
        except Exception as error:
            raise DisconnectionError(str(error)) from error
