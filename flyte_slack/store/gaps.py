"""Gaps: times in which nothing was received, and how far each lane of them has been read since."""

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from .database import Database
from .schema import gap_lanes, gaps
from .sql import replace_all, storable
from .writer import Writer


@dataclass(frozen=True, slots=True)
class GapLane:
    """One lane of a gap.

    Attributes:
        progress: any JSON value: how far it has been read.
        done: all of it has been read.
    """

    progress: Any
    done: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap that has not been read as a whole.

    Attributes:
        id: rises in the order opened.
        since: when it began, in seconds since the epoch.
        until: when it ended, or None if that is not known.
        lanes: those of which something is known.
    """

    id: int
    since: float
    until: float | None
    lanes: dict[str, GapLane] = field(default_factory=dict)


class Gaps:
    """The table of gaps. Each write is durable on return, or raises `StoreUnavailable`.

    Args:
        database: of the store.
        writer: of the store.
    """

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def open(self, since: float, until: float | None = None) -> int:
        """Store a gap, and return its id."""

        def write(connection: Connection) -> int:
            statement = insert(gaps).values(since=since, until=until).returning(gaps.c.id)
            return int(connection.execute(statement).scalar_one())

        return await self._writer.write(write)

    async def put(self, gap: int, lane: str, progress: object) -> None:
        """Keep how far a lane has been read, in place of what was kept before."""
        await self._put(gap, lane, progress, done=False)

    async def done(self, gap: int, lane: str) -> None:
        """Note that all of a lane has been read."""
        await self._put(gap, lane, None, done=True)

    async def close(self, gap: int) -> None:
        """Forget a gap: all of it has been read."""

        def write(connection: Connection) -> None:
            connection.execute(delete(gap_lanes).where(gap_lanes.c.gap == gap))
            connection.execute(delete(gaps).where(gaps.c.id == gap))

        await self._writer.write(write)

    async def all(self) -> list[Gap]:
        """Return the gaps that are not closed, the oldest first."""

        def read(connection: Connection) -> list[Gap]:
            rows = connection.execute(select(gaps).order_by(gaps.c.id))
            found = {row.id: Gap(row.id, row.since, row.until) for row in rows}
            for row in connection.execute(select(gap_lanes)):
                if row.gap in found:
                    found[row.gap].lanes[row.lane] = GapLane(json.loads(row.progress), row.done)
            return list(found.values())

        return await self._database.search(read)

    async def _put(self, gap: int, lane: str, progress: object, *, done: bool) -> None:
        row = {"gap": gap, "lane": storable(lane), "progress": json.dumps(progress), "done": done}
        await self._writer.write(lambda connection: replace_all(connection, gap_lanes, [row]))
