"""Stores as earlier versions of the schema had them, built by the SQL of those versions."""

from sqlalchemy import Connection

_ID = {"sqlite": "INTEGER NOT NULL", "postgresql": "BIGSERIAL NOT NULL"}
_TIME = {"sqlite": "DATETIME", "postgresql": "TIMESTAMP WITH TIME ZONE"}

_VERSION_1 = (
    "CREATE TABLE meta (key VARCHAR(64) NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key))",
    "CREATE TABLE inbox (id {id}, key TEXT NOT NULL, lane TEXT NOT NULL, state VARCHAR(16) NOT NULL,"
    " position FLOAT NOT NULL, body TEXT, reason TEXT, stored_at FLOAT NOT NULL, ended_at FLOAT,"
    " PRIMARY KEY (id), UNIQUE (key))",
    "CREATE INDEX inbox_by_lane ON inbox (state, lane, position, id)",
    "CREATE INDEX inbox_by_end ON inbox (ended_at)",
    "CREATE TABLE leases (kind VARCHAR(16) NOT NULL, lane TEXT NOT NULL, owner VARCHAR(32) NOT NULL,"
    " until {time} NOT NULL, PRIMARY KEY (kind, lane))",
    "CREATE TABLE positions (lane TEXT NOT NULL, newest FLOAT NOT NULL, PRIMARY KEY (lane))",
    "CREATE TABLE actions (id {id}, reference TEXT NOT NULL, identity VARCHAR(32) NOT NULL,"
    " lane TEXT NOT NULL, state VARCHAR(16) NOT NULL, command TEXT NOT NULL, input TEXT, result TEXT,"
    " in_doubt BOOLEAN NOT NULL, refused_since FLOAT, reason TEXT, taken_at FLOAT NOT NULL,"
    " begun_at FLOAT, ended_at FLOAT, PRIMARY KEY (id), UNIQUE (reference))",
    "CREATE INDEX actions_by_lane ON actions (state, lane, id)",
    "CREATE INDEX actions_by_end ON actions (ended_at)",
)
_VERSION_2 = (
    "CREATE INDEX inbox_by_age ON inbox (state, stored_at)",
    "CREATE INDEX actions_by_age ON actions (state, taken_at)",
    "ALTER TABLE actions RENAME COLUMN refused_since TO refused_for",
)
_VERSION_3 = (
    "ALTER TABLE actions ADD COLUMN busy_until FLOAT",
    "CREATE INDEX actions_by_busyness ON actions (lane, busy_until)",
)
_TABLES = {
    1: _VERSION_1,
    2: (*_VERSION_1, *_VERSION_2),
    3: (*_VERSION_1, *_VERSION_2, *_VERSION_3),
}

EVENTS = (
    # key, lane, state, position, body, reason, ended_at
    ("C1:2", "C1", "taken", 2.0, '{"n": 2}', None, None),
    ("C1:1", "C1", "taken", 1.0, '{"n": 1}', None, None),
    ("C2:1", "C2", "taken", 1.0, '{"n": 1}', None, None),
    ("C1:0", "C1", "delivered", 0.5, None, None, 5.0),
    ("C3:1", "C3", "dead", 1.0, '{"n": 1}', "400 Bad Request", 5.0),
)
ACTIONS = (
    # lane, state, input, result, reason, begun_at
    ("C1", "executing", '{"channelId": "C1", "n": 1}', None, None, 5.0),
    ("C1", "taken", '{"channelId": "C1", "n": 2}', None, None, None),
    ("?", "executing", '{"channelId": "#a", "n": 3}', None, None, 6.0),
    ("?", "taken", '{"channelId": "#a", "n": 4}', None, None, None),
    ("", "taken", '{"channelId": "", "n": 5}', None, None, None),
    ("", "taken", '{"channelId": "", "n": 6}', None, None, None),
    ("C2", "finished", None, '{"event": "Echoed", "payload": {"n": 7}}', None, None),
    ("C2", "delivered", None, None, None, None),
    ("C2", "dead", None, '{"event": "Echoed", "payload": {"n": 9}}', "404 Not Found", None),
)


def reference(number: int) -> str:
    """Return the reference of an action's result; numbers begin with 1."""
    return f"/v1/packs/Slack/actions/{number:024x}/result"


def build(version: int, connection: Connection) -> None:
    """Build a store of a version, with a row of every kind and state."""
    dialect = connection.dialect.name
    for statement in _TABLES[version]:
        connection.exec_driver_sql(statement.format(id=_ID[dialect], time=_TIME[dialect]))
    insert(connection, "meta", ("key", "value"), ("schema_version", str(version)))
    insert(connection, "positions", ("lane", "newest"), ("C1", 2.0))
    columns = ("key", "lane", "state", "position", "body", "reason", "ended_at", "stored_at")
    for event in EVENTS:
        insert(connection, "inbox", columns, (*event, 4.0))
    fields = (
        *("lane", "state", "input", "result", "reason", "begun_at"),
        *("reference", "identity", "command", "in_doubt", "taken_at", "ended_at"),
        "refused_since" if version == 1 else "refused_for",
    )
    for number, action in enumerate(ACTIONS, 1):
        ended_at = 5.0 if action[1] in {"delivered", "dead"} else None
        own = (reference(number), f"{number:032x}", '"sendMessage"', False, 4.0, ended_at, None)
        insert(connection, "actions", fields, (*action, *own))


def insert(connection: Connection, table: str, fields: tuple[str, ...], row: tuple[object, ...]) -> None:
    """Insert one row as it is."""
    places = [f"${number}" if connection.dialect.name == "postgresql" else "?" for number in range(1, 99)]
    sql = f"INSERT INTO {table} ({', '.join(fields)}) VALUES ({', '.join(places[: len(row)])})"
    connection.exec_driver_sql(sql, row)
