"""Storing events: the keys that are new, and the newest position of each lane."""

from typing import Any

from sqlalchemy import Connection, text

from .schema import inbox
from .sql import insert_new, keep_newest

Add = tuple[dict[str, Any], bool]
"""A row, and whether it fills gaps."""


def add_events(connection: Connection, adds: list[Add]) -> set[str]:
    """Insert rows, and remember the newest position of each lane; return the keys that are new."""
    if connection.dialect.name == "postgresql":
        return _at_once(connection, adds)
    new = insert_new(connection, inbox, "key", [row for row, _ in adds])
    newest: dict[str, float] = {}
    for row, fills_gaps in adds:
        if fills_gaps and row["key"] in new:
            newest[row["lane"]] = max(row["position"], newest.get(row["lane"], 0.0))
    if newest:
        keep_newest(connection, newest)
    return new


def _at_once(connection: Connection, adds: list[Add]) -> set[str]:
    """Do the same by one statement: its text does not depend on the number of rows."""
    columns = {f"{name}s": [row[name] for row, _ in adds] for name in _COLUMNS}
    columns["fills"] = [fills_gaps for _, fills_gaps in adds]
    return set(connection.execute(_ADD, columns).scalars())


_COLUMNS = ("key", "kind", "lane", "body", "position", "stored_at")
_ADD = text("""
WITH received AS (
    SELECT DISTINCT ON (key) * FROM unnest(
        CAST(:keys AS text[]), CAST(:kinds AS text[]), CAST(:lanes AS text[]), CAST(:bodys AS text[]),
        CAST(:positions AS float8[]), CAST(:stored_ats AS float8[]), CAST(:fills AS boolean[])
    ) WITH ORDINALITY AS given (key, kind, lane, body, position, stored_at, fills_gaps, number)
    ORDER BY key, number
), new AS (
    INSERT INTO inbox (key, kind, lane, state, body, position, stored_at)
    SELECT key, kind, lane, 'taken', body, position, stored_at FROM received ORDER BY number
    ON CONFLICT DO NOTHING RETURNING key
), newest AS (
    INSERT INTO positions (lane, newest)
    SELECT lane, max(position) FROM received WHERE fills_gaps AND key IN (SELECT key FROM new)
    GROUP BY lane ORDER BY lane
    ON CONFLICT (lane) DO UPDATE SET newest = excluded.newest WHERE excluded.newest > positions.newest
)
SELECT key FROM new
""")
