"""Dead letters: rows that Flyte will never take as they are, for an operator to look at."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select, update

from .database import Database
from .schema import State, actions, inbox
from .sql import changes
from .writer import Writer

_TABLES = {"event": inbox, "result": actions}
_BACK: dict[str, dict[str, object]] = {
    "event": {"state": State.TAKEN, "reason": None, "ended_at": None},
    "result": {"state": State.FINISHED, "reason": None, "ended_at": None, "refused_for": None},
}
_CONTENT = {"event": "body", "result": "result"}


@dataclass(frozen=True, slots=True)
class DeadRow:
    """An event or a result that is a dead letter.

    Attributes:
        id: `event-7` or `result-7`.
        since: when it died, RFC 3339.
        reason: what Flyte said.
        about: the event's key, or the action's command and identity.
        content: what could not be delivered.
    """

    id: str
    since: str
    reason: str
    about: str
    content: Any


class Dead:
    """The dead letters.

    Args:
        database: of the store.
        writer: of the store.
    """

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def list(self) -> list[DeadRow]:
        """Return all of them, the newest first."""

        def read(connection: Connection) -> list[DeadRow]:
            return [
                _row(kind, row)
                for kind, table in _TABLES.items()
                for row in connection.execute(select(table).where(table.c.state == State.DEAD))
            ]

        return sorted(await self._database.search(read), key=lambda row: row.since, reverse=True)

    async def show(self, id_: str) -> DeadRow | None:
        """Return one, or None where there is none with this id."""
        kind, table, number = _parse(id_)
        if table is None:
            return None
        query = select(table).where(table.c.id == number, table.c.state == State.DEAD)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return _row(kind, row) if row else None

    async def retry(self, id_: str) -> bool:
        """Give one back to be delivered, by a pack that runs on the store. Return whether it was there."""
        kind, _, _ = _parse(id_)
        return await self._change(id_, _BACK.get(kind, {}))

    async def drop(self, id_: str) -> bool:
        """Forget what one holds; that it was seen stays known. Return whether it was there."""
        kind, _, _ = _parse(id_)
        return await self._change(
            id_, {"state": State.DELIVERED, _CONTENT.get(kind, ""): None, "ended_at": time.time()}
        )

    async def _change(self, id_: str, values: dict[str, object]) -> bool:
        _, table, number = _parse(id_)
        if table is None:
            return False
        statement = update(table).where(table.c.id == number, table.c.state == State.DEAD).values(**values)
        return bool(await self._writer.write(changes(statement)))


def _parse(id_: str) -> tuple[str, Table | None, int]:
    kind, _, number = id_.partition("-")
    known = number.isascii() and number.isdigit() and len(number) < 19
    return (kind, _TABLES.get(kind), int(number)) if known else ("", None, 0)


def _row(kind: str, row: Row[Any]) -> DeadRow:
    about = row.key if kind == "event" else f"{json.loads(row.command)} {row.identity}"
    content = row.body if kind == "event" else row.result
    since = datetime.fromtimestamp(row.ended_at or 0, UTC).isoformat(timespec="seconds")
    return DeadRow(f"{kind}-{row.id}", since, row.reason or "", about, json.loads(content or "null"))
