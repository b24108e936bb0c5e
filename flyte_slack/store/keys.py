"""Keys: what a finished action leaves for later ones, found again by a name."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from .database import Database
from .schema import keys
from .sql import changes, replace_all, storable
from .writer import Writer, each

KeyRow = dict[str, Any]

USE_NOTED_EVERY = 24 * 3600.0
"""Seconds: to read a key again within them costs no write."""

KEPT_FOR = 30 * 24 * 3600.0 + USE_NOTED_EVERY
"""Seconds that a key stays after its last use: 30 days and some."""


@dataclass(frozen=True, slots=True)
class Key:
    """A value under a name.

    Attributes:
        kind: what the value is used for; names of different kinds are independent.
        lane: names of different lanes are independent too.
        name: finds it again.
        value: any JSON value.
    """

    kind: str
    lane: str
    name: str
    value: Any

    def row(self, now: float) -> KeyRow:
        """Return it as a row, used now."""
        value = json.dumps(self.value)
        return {
            "kind": self.kind,
            "lane": storable(self.lane),
            "name": storable(self.name),
            "value": value,
            "used_at": now,
        }


class Keys:
    """The table of keys. `Actions.finished` writes them, in the transaction that finishes the action.

    Args:
        database: of the store.
        writer: of the store.
    """

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def get(self, kind: str, lane: str, name: str) -> Any | None:
        """Return the value under a name, or None. It is kept for another 30 days.

        Raises:
            StoreUnavailable: it cannot be read, or not be noted that it was used.
        """
        which = {"of_kind": kind, "of_lane": storable(lane), "of_name": storable(name)}
        row = await self._database.read(lambda connection: connection.execute(_VALUE, which).first())
        if row is None:
            return None
        now = time.time()
        if abs(now - row.used_at) > USE_NOTED_EVERY:
            await self._writer.together(_USED, {**which, "now": now})
        return json.loads(row.value)

    async def prune(self, before: float) -> None:
        """Forget what was last used before a time, in seconds since the epoch."""
        await self._writer.write(changes(delete(keys).where(keys.c.used_at < before)))


def keep(connection: Connection, rows: Sequence[KeyRow]) -> None:
    """Write keys; of those with the same name the last one stays."""
    last = {(row["kind"], row["lane"], row["name"]): row for row in rows}
    replace_all(connection, keys, [last[key] for key in sorted(last)])


_THIS = (
    keys.c.kind == bindparam("of_kind"),
    keys.c.lane == bindparam("of_lane"),
    keys.c.name == bindparam("of_name"),
)
_VALUE = select(keys.c.value, keys.c.used_at).where(*_THIS)
_USED = each(update(keys).where(*_THIS).values(used_at=bindparam("now")))
