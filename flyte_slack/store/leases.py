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
from typing import Protocol, TypeVar

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
from .database import Transaction, Work, cause_of
from .schema import leases
from .sql import replace
from .writer import Bulk, GroupCommit

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
        commits: what must run for them while the store is open.
    """

    alone: bool
    commits: tuple[GroupCommit, ...]

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
    commits: tuple[GroupCommit, ...] = ()

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

    Args:
        transaction: of PostgreSQL. It does not wait behind other writes: a lease renewed late is lost.
    """

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._group = GroupCommit(transaction)
        self.commits: tuple[GroupCommit, ...] = (self._group,)
        self._owner = uuid.uuid4().hex
        self.alone = False
        self._both = Bulk(self._change)
        self._held: dict[Key, Callable[[], object]] = {}
        self._until: dict[Key, float] = {}

    async def claim(self, kind: str, lane: str, lost: Callable[[], object]) -> bool:
        """Take the lease of a lane unless another replica has it; `lost` is called when it gets lost."""
        asked_at = time.monotonic()
        try:
            if not await self._group.together(self._both, (True, (kind, lane))):
                return False
        except asyncio.CancelledError:
            self._group.put(self._both, (False, (kind, lane)))  # it may be claimed all the same
            raise
        self._held[kind, lane] = lost
        self._until[kind, lane] = asked_at + TTL
        return True

    async def release(self, kind: str, lane: str) -> None:
        """Give the lease of a lane back."""
        self._held.pop((kind, lane), None)
        if self._until.pop((kind, lane), None) is not None:
            await self._group.together(self._both, (False, (kind, lane)))

    def _change(self, connection: Connection, changes: list[tuple[bool, Key]]) -> list[bool]:
        """Claim leases, and give others back; return which of the former were free."""
        claimed = self._claim(connection, [key for claim, key in changes if claim])
        back = [key for claim, key in changes if not claim]
        if back:
            connection.execute(delete(leases).where(_KEY.in_(back), leases.c.owner == self._owner))
        return [claim and key in claimed for claim, key in changes]

    def _claim(self, connection: Connection, keys: list[Key]) -> set[Key]:
        """Take the leases that nobody has, and those that ran out; return which."""
        if not keys:
            return set()
        kinds, lanes = zip(*sorted(set(keys)), strict=True)
        new = {"kinds": kinds, "lanes": lanes, "owner": self._owner, "ttl": TTL}
        mine = {(kind, lane) for kind, lane in connection.execute(_CLAIM_NEW, new)}
        if rest := [key for key in keys if key not in mine]:
            free = (
                select(leases.c.kind, leases.c.lane)
                .where(_KEY.in_(rest), (leases.c.until < func.now()) | (leases.c.owner == self._owner))
                .with_for_update(skip_locked=True)
            )
            claim = (
                update(leases)
                .where(_KEY.in_(free))
                .values(owner=self._owner, until=_end())
                .returning(leases.c.kind, leases.c.lane)
            )
            mine |= {(row.kind, row.lane) for row in connection.execute(claim)}
        return mine

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
                _KEY.in_(keys),
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
            return await self._transaction(write)
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(f"leases cannot be written: {cause_of(error)}") from error


def _end() -> ColumnElement[datetime]:
    return func.now(type_=DateTime(timezone=True)) + text(f"interval '{TTL:g} seconds'")


# a claim that another replica does not end is waited for a little
_CLAIM_NEW = text("""
WITH little AS MATERIALIZED (SELECT set_config('lock_timeout', '150ms', true))
INSERT INTO leases (kind, lane, owner, until)
SELECT claimed.kind, claimed.lane, :owner, now() + make_interval(secs => CAST(:ttl AS float8))
FROM little, unnest(CAST(:kinds AS text[]), CAST(:lanes AS text[])) AS claimed (kind, lane)
ON CONFLICT DO NOTHING RETURNING kind, lane
""")
_KEY = tuple_(leases.c.kind, leases.c.lane)
