"""What SQLite and PostgreSQL spell differently, and reading with the store's own errors."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ..errors import StoreUnavailable
from .schema import positions


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of one kind.

    Attributes:
        number: how many there are.
        since: when the oldest was stored, in seconds since the epoch, or None.
    """

    number: int = 0
    since: float | None = None


NONE = Held()

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def cause_of(error: BaseException) -> str:
    """Return the driver's own words, without the statement and its parameters: they hold message texts."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]


async def held(
    engine: AsyncEngine, state: ColumnElement[str], states: Sequence[str], stored_at: ColumnElement[float]
) -> Held:
    """Return how many rows are in these states, and when the oldest of them was stored."""
    query = select(func.count(), func.min(stored_at)).where(state.in_(states))
    async with reading(engine) as connection:
        number, since = (await connection.execute(query)).one()
        return Held(number, since)


async def insert_if_new(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless a unique column already holds its value; return whether it is new."""
    statement = _INSERTS[connection.dialect.name](table).values(row).on_conflict_do_nothing()
    return bool((await connection.execute(statement)).rowcount)


async def insert_new(
    connection: AsyncConnection, table: Table, key: ColumnElement[str], rows: Sequence[dict[str, Any]]
) -> set[str]:
    """Insert the rows whose unique key is not there yet, the first of each; return the keys of those."""
    statement = _INSERTS[connection.dialect.name](table).on_conflict_do_nothing().returning(key)
    return set((await connection.execute(statement, rows)).scalars())


async def replace(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> None:
    """Insert a row in place of the one with the same primary key."""
    key = [column.name for column in table.primary_key]
    rest = {name: value for name, value in row.items() if name not in key}
    statement = _INSERTS[connection.dialect.name](table).values(row)
    await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=rest))


async def keep_newest(connection: AsyncConnection, newest: Mapping[str, float]) -> None:
    """Remember the newest position of each lane."""
    statement = _INSERTS[connection.dialect.name](positions)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[positions.c.lane],
            set_={"newest": statement.excluded.newest},
            where=statement.excluded.newest > positions.c.newest,
        ),
        [{"lane": lane, "newest": position} for lane, position in sorted(newest.items())],
    )


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
        raise StoreUnavailable(f"the store cannot be read: {cause_of(error)}") from error
