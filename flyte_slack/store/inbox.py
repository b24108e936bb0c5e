"""Inbound events: what was seen in the tool and is on its way to Flyte."""

import json
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from .. import retries
from .adding import add_events
from .database import Database
from .leases import Leases
from .schema import State, inbox, positions
from .sql import Held, changes, held, storable
from .writer import Bulk, Writer, each


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An inbound event that waits.

    Attributes:
        id: number of the row; rises in the order received.
        key: what makes two deliveries the same event.
        lane: what it must stay in order with.
        body: the event as it was received.
        stored_at: when it was stored, in seconds since the epoch.
        position: where in its lane it is.
        kind: which kind of event it is.
    """

    id: int
    key: str
    lane: str
    body: dict[str, Any]
    stored_at: float
    position: float
    kind: str


class Inbox:
    """The table of inbound events."""

    def __init__(self, database: Database, writer: Writer, leases: Leases) -> None:
        self._database = database
        self._writer = writer
        self._leases = leases
        self._arrived = 0.0

    async def add(
        self,
        key: str,
        lane: str,
        body: dict[str, Any],
        position: float = 0.0,
        *,
        kind: str,
        fills_gaps: bool = False,
    ) -> bool:
        """Store an event, unless one with this key was stored in the last 24 hours.

        Args:
            key: what makes two deliveries the same event.
            lane: what it must stay in order with.
            body: the event as it was received; anything that JSON can hold.
            position: where in its lane it is, in seconds since the epoch. Events that wait are in this
                order, since connections overtake each other. 0 stands for the time of arrival.
            kind: which kind of event it is.
            fills_gaps: whether what comes after it can be read again later: its position is then
                remembered as the newest of the lane, if it is.

        Returns:
            Whether it is new.

        Raises:
            StoreUnavailable: it is not stored.
        """
        position = position or self._arrival()
        row = {
            "key": storable(key),
            "kind": kind,
            "lane": storable(lane),
            "state": State.TAKEN,
            "body": json.dumps(body),
            "position": position,
            "stored_at": time.time(),
        }
        new: bool = await self._writer.together(_ADD, (row, fills_gaps), position)
        return new

    def _arrival(self) -> float:
        """Return the time, and never one before what it returned last, though the clock is set back."""
        self._arrived = max(self._arrived, time.time())
        return self._arrived

    async def newest(self, lane: str) -> float | None:
        """Return the newest position of what fills gaps in a lane, or None."""
        query = select(positions.c.newest).where(positions.c.lane == lane)
        return await self._database.read(lambda connection: connection.scalar(query))

    async def marks(self) -> dict[str, float]:
        """Return the newest position of what fills gaps, of every lane."""
        query = select(positions.c.lane, positions.c.newest)
        return await self._database.search(
            lambda connection: {row.lane: row.newest for row in connection.execute(query)}
        )

    async def lanes(self, limit: int = 1000) -> list[str]:
        """Return lanes in which events wait and no other replica works, the longest-waiting first."""
        query = (
            select(inbox.c.lane)
            .where(inbox.c.state == State.TAKEN, self._leases.free("inbox", inbox.c.lane))
            .group_by(inbox.c.lane)
            .order_by(func.min(inbox.c.id))
            .limit(limit)
        )
        return await self._database.search(lambda connection: list(connection.scalars(query)))

    async def waiting(self, lane: str, limit: int) -> list[StoredEvent]:
        """Return the next events of a lane, in their order."""
        which = {"of": lane, "most": limit}
        rows = await self._database.read(lambda connection: connection.execute(_WAITING, which).all())
        return [_event(row) for row in rows]

    async def mark(self, lane: str) -> tuple[int, int]:
        """Return what changes with every event that is stored into a lane."""
        query = select(func.count(), func.max(inbox.c.id)).where(
            inbox.c.state == State.TAKEN, inbox.c.lane == lane
        )
        number, newest = await self._database.read(lambda connection: connection.execute(query).one())
        return number, newest or 0

    async def delivered(self, event: StoredEvent) -> None:
        """Keep of a delivered event its key only."""
        row = {"event_id": event.id, "now": time.time()}
        await retries.until_stored(self._writer.together, _DELIVERED, row)

    async def dead(self, event: StoredEvent, reason: str) -> None:
        """Put an event aside that Flyte will never take."""
        statement = (
            update(inbox)
            .where(inbox.c.id == event.id)
            .values(state=State.DEAD, reason=reason, ended_at=time.time())
        )
        await self._writer.persist(changes(statement))

    async def held(self, *states: State) -> Held:
        """Return how many events are in these states, and since when."""
        return await self._database.search(held(inbox.c.state, states, inbox.c.stored_at))

    async def prune(self, before: float) -> None:
        """Forget what was delivered before a time, in seconds since the epoch."""
        statement = delete(inbox).where(inbox.c.state == State.DELIVERED, inbox.c.ended_at < before)
        await self._writer.write(changes(statement))


# built once: that takes longer than executing them
_WAITING = (
    select(inbox)
    .where(inbox.c.state == State.TAKEN, inbox.c.lane == bindparam("of"))
    .order_by(inbox.c.position, inbox.c.id)
    .limit(bindparam("most"))
)
_DELIVERED = each(
    update(inbox)
    .where(inbox.c.id == bindparam("event_id"))
    .values(state=State.DELIVERED, body=None, ended_at=bindparam("now"))
)


def _add(connection: Connection, adds: list[tuple[dict[str, Any], bool]]) -> list[bool]:
    """Insert rows, and remember the newest position of each lane; return which of them are new."""
    new = add_events(connection, adds)
    results = []
    for row, _ in adds:
        results.append(row["key"] in new)
        new.discard(row["key"])  # of two with the same key one is new
    return results


_ADD = Bulk(_add, one_statement=True)


def _event(row: Row[Any]) -> StoredEvent:
    return StoredEvent(
        id=row.id,
        key=row.key,
        lane=row.lane,
        body=json.loads(row.body),
        stored_at=row.stored_at,
        position=row.position,
        kind=row.kind,
    )
