"""What SQLite and PostgreSQL spell differently, and reading with the store's own errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ..errors import StoreUnavailable

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


async def insert_if_new(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless a unique column already holds its value; return whether it is new."""
    statement = _INSERTS[connection.dialect.name](table).values(row).on_conflict_do_nothing()
    return bool((await connection.execute(statement)).rowcount)


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Lend a connection for reading.

    Raises:
        StoreUnavailable: the store cannot be read.
    """
    try:
        async with engine.connect() as connection:
            yield connection
    except (SQLAlchemyError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreUnavailable(f"the store cannot be read: {cause}") from error
