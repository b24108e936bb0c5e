"""Leases on lanes: of several replicas on one database, one works in a lane at a time.

The database's clock decides, a lease is renewed while its lane has work, and one that is not renewed
(its replica was killed) falls to whoever asks next. No work is done inside a transaction.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    delete,
    exists,
    func,
    select,
    text,
    true,
    tuple_,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from .. import logs
from ..errors import StoreUnavailable
from .database import Work, cause_of
from .schema import leases
from .sql import changes, insert_if_new, replace

if TYPE_CHECKING:
    from .postgresql import PostgreSQL

log = logs.get(__name__)

TTL = 10.0
"""Seconds that a lease holds without being renewed."""

_RENEW_EVERY = 3.0
_REPLICA = "replica"  # kind of the row by which a replica shows that it is there
_MARGIN = 2.0  # a holder gives up before the database lets another in

Key = tuple[str, str]
T = TypeVar("T")


class Leases(Protocol):
    """Who works in which lane. A lane is named by its kind (`inbox`, `actions`, `results`) and itself.

    Attributes:
        alone: whether no other replica uses the store, as far as is known.
    """

    alone: bool

    async def claim(self, kind: str, lane: str, lost: Callable[[], object]) -> bool:
        """Take the lease of a lane unless another replica has it; `lost` is called when it gets lost."""

    async def release(self, kind: str, lane: str) -> None:
        """Give the lease of a lane back."""

    def held(self, kind: str, lane: str) -> bool:
        """Whether the lease of a lane surely still holds."""

    def fence(self, kind: str, lane: ColumnElement[str]) -> ColumnElement[bool]:
        """Return a condition for statements that only the holder of the lease may carry out."""

    def free(self, kind: str, lane: ColumnElement[str]) -> ColumnElement[bool]:
        """Return a condition that leaves out the lanes in which others work."""

    async def run(self) -> None:
        """Renew what is held, until cancelled."""


class SoleOwner:
    """Leases where no other process can use the store."""

    alone = True

    async def claim(self, kind: str, lane: str, lost: Callable[[], object]) -> bool:
        """Every lane is ours."""
        return True

    async def release(self, kind: str, lane: str) -> None:
        """Nothing is kept."""

    def held(self, kind: str, lane: str) -> bool:
        """Every lane is ours."""
        return True

    def fence(self, kind: str, lane: ColumnElement[str]) -> ColumnElement[bool]:
        """No statement is held back."""
        return true()

    def free(self, kind: str, lane: ColumnElement[str]) -> ColumnElement[bool]:
        """No lane is left out."""
        return true()

    async def run(self) -> None:
        """There is nothing to renew."""


class LeaseTable:
    """Leases in a table that all replicas share.

    They do not wait behind other writes: a lease that is renewed late is lost.

    Args:
        database: of the store.
    """

    def __init__(self, database: "PostgreSQL") -> None:
        self._database = database
        self._owner = uuid.uuid4().hex
        self.alone = False
        self._held: dict[Key, Callable[[], object]] = {}
        self._until: dict[Key, float] = {}

    async def claim(self, kind: str, lane: str, lost: Callable[[], object]) -> bool:
        """Take the lease of a lane unless another replica has it; `lost` is called when it gets lost."""
        asked_at = time.monotonic()
        mine = select(leases.c.lane).where(
            leases.c.kind == kind,
            leases.c.lane == lane,
            (leases.c.until < func.now()) | (leases.c.owner == self._owner),
        )
        claim = (
            update(leases)
            .where(leases.c.kind == kind, leases.c.lane.in_(mine.with_for_update(skip_locked=True)))
            .values(owner=self._owner, until=_end())
        )
        row = {"kind": kind, "lane": lane, "owner": self._owner}

        def write(connection: Connection) -> bool:
            new = insert_if_new(connection, leases, row, until=_end())
            return new or bool(connection.execute(claim).rowcount)

        if not await self._commit(write):
            return False
        self._held[kind, lane] = lost
        self._until[kind, lane] = asked_at + TTL
        return True

    async def release(self, kind: str, lane: str) -> None:
        """Give the lease of a lane back."""
        self._held.pop((kind, lane), None)
        if self._until.pop((kind, lane), None) is not None:
            statement = delete(leases).where(
                leases.c.kind == kind, leases.c.lane == lane, leases.c.owner == self._owner
            )
            await self._commit(changes(statement))

    def held(self, kind: str, lane: str) -> bool:
        """Whether the lease of a lane surely still holds."""
        return time.monotonic() < self._until.get((kind, lane), 0.0) - _MARGIN

    def fence(self, kind: str, lane: ColumnElement[str]) -> ColumnElement[bool]:
        """Return a condition for statements that only the holder of the lease may carry out."""
        return exists().where(
            leases.c.kind == kind,
            leases.c.lane == lane,
            leases.c.owner == self._owner,
            leases.c.until > func.now(),
        )

    def free(self, kind: str, lane: ColumnElement[str]) -> ColumnElement[bool]:
        """Return a condition that leaves out the lanes in which others work."""
        return ~exists().where(
            leases.c.kind == kind,
            leases.c.lane == lane,
            leases.c.owner != self._owner,
            leases.c.until > func.now(),
        )

    async def run(self) -> None:
        """Renew what is held, until cancelled."""
        while True:
            with contextlib.suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(_RENEW_EVERY):
                    self.alone = not await self._commit(self._others)
            await asyncio.sleep(_RENEW_EVERY)
            if self._held:
                await self._renew()
            for key in [key for key in self._held if not self.held(*key)]:
                log.warning("a lease was lost: the lane is left to another replica", kind=key[0])
                self._until.pop(key, None)
                self._held.pop(key)()

    def _others(self, connection: Connection) -> int:
        """Show that this replica is there, and return how many others are."""
        present = leases.c.kind == _REPLICA
        gone = select(leases.c.lane).where(present, leases.c.until < func.now())
        connection.execute(
            delete(leases).where(present, leases.c.lane.in_(gone.with_for_update(skip_locked=True)))
        )
        row = {"kind": _REPLICA, "lane": self._owner, "owner": self._owner, "until": _end()}
        replace(connection, leases, row)
        others = select(func.count()).select_from(leases).where(present, leases.c.owner != self._owner)
        return int(connection.scalar(others) or 0)

    async def _renew(self) -> None:
        asked_at = time.monotonic()
        keys = list(self._held)
        renew = (
            update(leases)
            .where(
                leases.c.owner == self._owner,
                leases.c.until > func.now(),
                tuple_(leases.c.kind, leases.c.lane).in_(keys),
            )
            .values(until=_end())
            .returning(leases.c.kind, leases.c.lane)
        )
        try:
            async with asyncio.timeout(TTL - _MARGIN):
                renewed = await self._commit(lambda connection: connection.execute(renew).all())
        except (StoreUnavailable, TimeoutError):
            return
        for kind, lane in renewed:
            if (kind, lane) in self._until:
                self._until[kind, lane] = asked_at + TTL

    async def _commit(self, write: Work[T]) -> T:
        try:
            return await self._database.write_aside(write)
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(f"leases cannot be written: {cause_of(error)}") from error


def _end() -> ColumnElement[datetime]:
    return func.now(type_=DateTime(timezone=True)) + text(f"interval '{TTL:g} seconds'")
