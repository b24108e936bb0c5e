"""What SQLite and PostgreSQL spell differently, and what several tables share."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
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

_LONGEST = 1000  # bytes; PostgreSQL has up to 2,700 for all columns of an index
_SHOWN = 100

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def held(state: ColumnElement[str], states: Sequence[str], stored_at: ColumnElement[float]) -> Work[Held]:
    """Return what tells how many rows are in these states, and when the oldest of them was stored."""
    query = select(func.count(), func.min(stored_at)).where(state.in_(states))
    return lambda connection: Held(*connection.execute(query).one())


def changes(statement: Executable, row: Mapping[str, Any] | None = None) -> Work[int]:
    """Return what carries out a statement, and tells how many rows it changed."""
    return lambda connection: connection.execute(statement, row).rowcount


def storable(text: str) -> str:
    """Return a text as every database takes it, also in an index: the same text for the same text.

    Half a surrogate pair and a NUL are left out; what is too long ends in a digest of all of it.
    """
    clean = text.encode("utf-8", "replace").decode().replace("\0", "")
    if len(clean.encode()) <= _LONGEST:
        return clean
    return f"{clean[:_SHOWN]}…{hashlib.sha256(clean.encode()).hexdigest()}"


# statements are built once: that takes longer than executing them


@cache
def _keep_newest(dialect: str) -> Any:
    statement = _INSERTS[dialect](positions)
    return statement.on_conflict_do_update(
        index_elements=[positions.c.lane],
        set_={"newest": statement.excluded.newest},
        where=statement.excluded.newest > positions.c.newest,
    )


@cache
def _insert_new(dialect: str, table: Table, key: str) -> Any:
    return _INSERTS[dialect](table).on_conflict_do_nothing().returning(table.c[key])


def insert_new(connection: Connection, table: Table, key: str, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Insert the rows whose unique key is not there yet, the first of each; return the keys of those."""
    return set(connection.execute(_insert_new(connection.dialect.name, table, key), rows).scalars())


def replace_all(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows in place of those with the same primary keys."""
    if rows:
        connection.execute(_replace(connection.dialect.name, table), rows)


@cache
def _replace(dialect: str, table: Table) -> Any:
    statement = _INSERTS[dialect](table)
    key = [column.name for column in table.primary_key]
    rest = {column.name: statement.excluded[column.name] for column in table.c if column.name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=rest)


def replace(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Insert a row in place of the one with the same primary key."""
    key = [column.name for column in table.primary_key]
    rest = {name: value for name, value in row.items() if name not in key}
    statement = _INSERTS[connection.dialect.name](table).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=rest))


def keep_newest(connection: Connection, newest: Mapping[str, float]) -> None:
    """Remember the newest position of each lane."""
    connection.execute(
        _keep_newest(connection.dialect.name),
        [{"lane": lane, "newest": position} for lane, position in sorted(newest.items())],
    )
