"""What SQLite and PostgreSQL spell differently, and what several tables share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from .database import Work
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


def held(state: ColumnElement[str], states: Sequence[str], stored_at: ColumnElement[float]) -> Work[Held]:
    """Return what tells how many rows are in these states, and when the oldest of them was stored."""
    query = select(func.count(), func.min(stored_at)).where(state.in_(states))
    return lambda connection: Held(*connection.execute(query).one())


def changes(statement: Executable, row: Mapping[str, Any] | None = None) -> Work[int]:
    """Return what carries out a statement, and tells how many rows it changed."""
    return lambda connection: connection.execute(statement, row).rowcount


def insert_if_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless a unique column already holds its value; return whether it is new."""
    statement = _INSERTS[connection.dialect.name](table).values(row).on_conflict_do_nothing()
    return bool(connection.execute(statement).rowcount)


def insert_new(
    connection: Connection, table: Table, key: ColumnElement[str], rows: Sequence[dict[str, Any]]
) -> set[str]:
    """Insert the rows whose unique key is not there yet, the first of each; return the keys of those."""
    statement = _INSERTS[connection.dialect.name](table).on_conflict_do_nothing().returning(key)
    return set(connection.execute(statement, rows).scalars())


def replace(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert a row in place of the one with the same primary key."""
    key = [column.name for column in table.primary_key]
    rest = {name: value for name, value in row.items() if name not in key}
    statement = _INSERTS[connection.dialect.name](table).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=rest))


def keep_newest(connection: Connection, newest: Mapping[str, float]) -> None:
    """Remember the newest position of each lane."""
    statement = _INSERTS[connection.dialect.name](positions)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[positions.c.lane],
            set_={"newest": statement.excluded.newest},
            where=statement.excluded.newest > positions.c.newest,
        ),
        [{"lane": lane, "newest": position} for lane, position in sorted(newest.items())],
    )
