"""Tables, and the schema's version."""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    select,
)

from ..errors import SchemaTooNew

SCHEMA_VERSION = 4
"""Raised by one with every change of the tables; `_UPGRADES` holds the way from each older one."""


class State(StrEnum):
    """State of a row."""

    TAKEN = "taken"
    EXECUTING = "executing"
    FINISHED = "finished"
    DELIVERED = "delivered"
    DEAD = "dead"


metadata = MetaData()
_RowId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself for INTEGER only

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("position", Float, nullable=False),
    Column("body", Text),
    Column("reason", Text),
    Column("stored_at", Float, nullable=False),
    Column("ended_at", Float),
)
Index("inbox_by_lane", inbox.c.state, inbox.c.lane, inbox.c.position, inbox.c.id)
Index("inbox_by_end", inbox.c.ended_at)
Index("inbox_by_age", inbox.c.state, inbox.c.stored_at)

leases = Table(
    "leases",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("lane", Text, primary_key=True),
    Column("owner", String(32), nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
)

positions = Table(
    "positions",
    metadata,
    Column("lane", Text, primary_key=True),
    Column("newest", Float, nullable=False),
)

actions = Table(
    "actions",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("reference", Text, nullable=False, unique=True),
    Column("identity", String(32), nullable=False),
    Column("lane", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("command", Text, nullable=False),
    Column("input", Text),
    Column("result", Text),
    Column("in_doubt", Boolean, nullable=False),
    Column("refused_for", Float),
    Column("reason", Text),
    Column("taken_at", Float, nullable=False),
    Column("begun_at", Float),
    Column("busy_until", Float),
    Column("finished_at", Float),
    Column("ended_at", Float),
)
Index("actions_by_busyness", actions.c.lane, actions.c.busy_until)
Index("actions_by_identity", actions.c.identity, unique=True)
Index("actions_by_lane", actions.c.state, actions.c.lane, actions.c.id)
Index("actions_by_end", actions.c.ended_at)
Index("actions_by_age", actions.c.state, actions.c.taken_at)

keys = Table(
    "keys",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("lane", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("used_at", Float, nullable=False),
)
Index("keys_by_use", keys.c.used_at)

gaps = Table(
    "gaps",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("since", Float, nullable=False),
    Column("until", Float),
)

gap_lanes = Table(
    "gap_lanes",
    metadata,
    Column("gap", _RowId, primary_key=True, autoincrement=False),
    Column("lane", Text, primary_key=True),
    Column("progress", Text),
    Column("done", Boolean, nullable=False),
)

_ROW_ID = {"sqlite": "INTEGER NOT NULL PRIMARY KEY", "postgresql": "BIGSERIAL NOT NULL PRIMARY KEY"}

_UPGRADES: dict[int, tuple[str, ...]] = {
    1: (
        "CREATE INDEX inbox_by_age ON inbox (state, stored_at)",
        "CREATE INDEX actions_by_age ON actions (state, taken_at)",
        "ALTER TABLE actions RENAME COLUMN refused_since TO refused_for",
        "UPDATE actions SET refused_for = NULL",
    ),
    2: (
        "ALTER TABLE actions ADD COLUMN busy_until FLOAT",
        "CREATE INDEX actions_by_busyness ON actions (lane, busy_until)",
    ),
    3: (
        # the default is what a replica of the version before stores while it is replaced
        "ALTER TABLE inbox ADD COLUMN kind TEXT NOT NULL DEFAULT 'MessageSent'",
        "ALTER TABLE actions ADD COLUMN finished_at FLOAT",
        "CREATE UNIQUE INDEX actions_by_identity ON actions (identity)",
        # actions whose lane was being looked up stay in order with each other
        "UPDATE actions SET lane = (SELECT identity FROM actions WHERE lane = '?' ORDER BY id LIMIT 1)"
        " WHERE lane = '?'",
        "UPDATE actions SET lane = identity WHERE lane = ''",
        "CREATE TABLE keys (kind VARCHAR(32) NOT NULL, lane TEXT NOT NULL, name TEXT NOT NULL,"
        " value TEXT NOT NULL, used_at FLOAT NOT NULL, PRIMARY KEY (kind, lane, name))",
        "CREATE INDEX keys_by_use ON keys (used_at)",
        "CREATE TABLE gaps (id {row_id}, since FLOAT NOT NULL, until FLOAT)",
        "CREATE TABLE gap_lanes (gap BIGINT NOT NULL, lane TEXT NOT NULL,"
        " progress TEXT, done BOOLEAN NOT NULL, PRIMARY KEY (gap, lane))",
    ),
}


def begin(connection: Connection) -> None:
    """Begin a transaction that may change tables: Python's `sqlite3` begins none for that by itself."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def version(connection: Connection) -> int | None:
    """Return the schema's version, or None where there is none."""
    if not inspect(connection).has_table(meta.name):
        return None
    found = connection.scalar(select(meta.c.value).where(meta.c.key == "schema_version"))
    return None if found is None else int(found)


def prepare(connection: Connection) -> None:
    """Create the tables, or bring older ones up to date, within a transaction that was begun.

    Raises:
        SchemaTooNew: a newer version of the pack wrote them.
    """
    found = version(connection)
    if found is None:
        metadata.create_all(connection)
        connection.execute(meta.insert().values(key="schema_version", value=str(SCHEMA_VERSION)))
        return
    if found > SCHEMA_VERSION:
        raise SchemaTooNew(
            f"the store has schema version {found}, this program knows up to {SCHEMA_VERSION}: "
            "run the newer one that wrote it, or set another store"
        )
    for step in range(found, SCHEMA_VERSION):
        for statement in _UPGRADES[step]:
            connection.exec_driver_sql(statement.replace("{row_id}", _ROW_ID[connection.dialect.name]))
    connection.execute(meta.update().where(meta.c.key == "schema_version").values(value=str(SCHEMA_VERSION)))
