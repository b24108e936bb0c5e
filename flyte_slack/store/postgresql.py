"""A store in a database server, which several replicas share."""

from typing import TypeVar

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from .database import Database, Work

T = TypeVar("T")


class PostgreSQL(Database):
    """A database of a server.

    Args:
        url: names it, with user and password.
    """

    size = "SELECT pg_database_size(current_database())"

    def __init__(self, url: URL) -> None:
        self._engine = connections(url, 5)
        self._for_writing = connections(url, 1)  # never waited for by who reads

    async def _read(self, work: Work[T]) -> T:
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    _search = _read

    async def write(self, work: Work[T]) -> T:
        """Do it in a transaction, after those asked for before, and return when that is durable."""
        async with self._for_writing.begin() as connection:
            return await connection.run_sync(work)

    async def write_aside(self, work: Work[T]) -> T:
        """The same, but without waiting for other writes."""
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Close the connections."""
        await self._for_writing.dispose()
        await self._engine.dispose()


def connections(url: URL, number: int) -> AsyncEngine:
    """Return a pool of so many connections."""
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        pool_pre_ping=True,
        hide_parameters=True,
        pool_size=number,
        max_overflow=0,
        connect_args={"timeout": 5, "command_timeout": 30},
    )
