"""The store: a database file (SQLite) or a database server (PostgreSQL)."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import BaseFileLock
from sqlalchemy import Connection, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from .. import logs
from ..errors import StoreDamaged, StoreError, StoreInUse, StoreUnavailable
from . import keys, schema
from .actions import Actions
from .database import Database, cause_of
from .dead import Dead
from .file import StoreFile
from .gaps import Gaps
from .inbox import Inbox
from .keys import Keys
from .leases import Leases, LeaseTable, SoleOwner
from .maintenance import Info, Stats, info
from .owner import claim
from .schema import State
from .sql import replace
from .sqlite import SQLite
from .trace import Step, trace
from .writer import Writer

log = logs.get(__name__)

KEPT_FOR = 25 * 3600.0
"""Seconds that a delivered row stays, so that a redelivery is known: 24 hours (promise 2) and some."""

_PRUNE_EVERY = 300.0
_LOOK_EVERY = 2.0
_WORTH_TELLING = 500


class Store:
    """Inbound events and actions, durable on return of each write.

    Use `Store.open()` as an asynchronous context manager, and let `run()` go on beside the work.

    Attributes:
        inbox: events that were received, on their way out.
        actions: actions that were taken, and their results on their way back.
        keys: what finished actions leave for later ones.
        gaps: what is still to be read of times in which nothing was received.
        dead: dead letters.
        leases: keep replicas on one database out of each other's lanes.
        stats: what it held a few seconds ago.
    """

    def __init__(self, database: Database, leases: Leases, lock: BaseFileLock | None = None) -> None:
        self._database = database
        self._lock = lock
        self._writer = Writer(database.write, database.write_one)
        self.leases = leases
        self.inbox = Inbox(database, self._writer, leases)
        self.actions = Actions(database, self._writer, leases)
        self.keys = Keys(database, self._writer)
        self.gaps = Gaps(database, self._writer)
        self.dead = Dead(database, self._writer)
        self.stats = Stats()
        self._commits = (self._writer, *leases.commits)
        self._committing: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, url: str, *, shared: bool = False, must_exist: bool = False) -> Self:
        """Open a store and bring its tables up to date.

        Args:
            url: as in `FLYTE_SLACK_STORE`.
            shared: do without the lock that keeps a second process from working on an SQLite file.
            must_exist: refuse to make a new SQLite file.

        Raises:
            StoreDamaged: the file is no usable database, or its folder is missing.
            StoreInUse: another process works on the file.
            SchemaTooNew: a newer version of the pack wrote it.
            StoreUnavailable: the database does not answer.
        """
        parsed = make_url(url)
        lock: BaseFileLock | None = None
        database: Database | None = None
        leases: Leases = SoleOwner()
        try:
            if parsed.drivername == "sqlite":
                file = StoreFile(parsed.database or "")
                file.must_be_possible(must_exist=must_exist)
                lock = None if shared else file.lock()
                file.make_private()
                database = SQLite(parsed, file)
            else:
                from .postgresql import PostgreSQL

                database = server = await PostgreSQL.open(parsed)
                leases = LeaseTable(server.write_aside)
            await database.write(partial(_prepare, parsed))
        except BaseException as error:
            if database is not None:
                await database.close()
            if lock is not None:
                lock.release()
            if isinstance(error, SQLAlchemyError | OSError):
                raise _opening_failed(parsed, error) from error
            raise
        return cls(database, leases, lock)

    async def __aenter__(self) -> Self:
        self._committing = [asyncio.create_task(commits.run()) for commits in self._commits]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for commits in self._commits:
            commits.close()
        await asyncio.gather(*self._committing, return_exceptions=True)
        await self._database.close()
        if self._lock is not None:
            self._lock.release()

    async def claim(self, owner: Mapping[str, str]) -> None:
        """Make the store this owner's, if it is nobody's yet.

        Args:
            owner: who works on it, by what tells owners apart, such as the pack's name. What is not known
                yet may be left out, and told later.

        Raises:
            StoreOfAnother: it is somebody else's.
            StoreUnavailable: it cannot be told.
        """
        await self._writer.write(partial(claim, dict(owner)))

    @property
    def is_shared(self) -> bool:
        """Whether several processes may work on it."""
        return not isinstance(self.leases, SoleOwner)

    @property
    def problem(self) -> str | None:
        """Why the store cannot be written, or None."""
        return self._writer.problem

    async def run(self) -> None:
        """Renew leases, prune what was delivered long ago, and try a store that failed until it recovers."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.leases.run())
            group.create_task(self._look_after())

    async def writable(self) -> None:
        """Return once a write goes through; at once while none has failed."""
        if self.problem is not None:
            await self._writer.persist(_probe)

    async def note(self, key: str, value: str) -> None:
        """Keep a value under a key, in place of the one before."""
        row = {"key": key, "value": value}
        await self._writer.write(lambda connection: replace(connection, schema.meta, row))

    async def noted(self, key: str) -> str | None:
        """Return the value that is kept under a key, or None."""
        query = select(schema.meta.c.value).where(schema.meta.c.key == key)
        return await self._database.read(lambda connection: connection.scalar(query))

    async def info(self) -> Info:
        """Return what the store is, and what it holds now."""
        return await info(self._database, await self._count())

    async def trace(self, of: str) -> list[Step]:
        """Return what is known of one event or action, in order of time.

        Args:
            of: an event's key, or its beginning before a `:`; or an action's identity, or its id as it is
                in its reference.
        """
        return await trace(self._database, of)

    async def backup(self, path: Path) -> None:
        """Copy the store into a new file, as it is at one moment.

        Raises:
            StoreError: it is a server's, or the file cannot be written.
        """
        await self._database.backup(path)

    async def vacuum(self) -> None:
        """Give back the room that forgotten rows took.

        Raises:
            StoreUnavailable: it could not be done this time.
        """
        await self._database.vacuum()

    async def _look_after(self) -> None:
        pruned_at = -_PRUNE_EVERY
        told = Stats()
        while True:
            with contextlib.suppress(StoreUnavailable):
                await self.writable()
                if not self._database.intact():
                    await self._writer.write(_probe)  # fails, and tells why
                await self._database.tidy()
                if time.monotonic() - pruned_at >= _PRUNE_EVERY:
                    pruned_at = time.monotonic()
                    await self.inbox.prune(time.time() - KEPT_FOR)
                    await self.actions.prune(time.time() - KEPT_FOR)
                    await self.keys.prune(time.time() - keys.KEPT_FOR)
                self.stats = await self._count()
                if self.stats.events.number >= 2 * max(told.events.number, _WORTH_TELLING):
                    told = self.stats
                    log.warning("events pile up in the store", store=str(told))
                elif self.stats.events.number == 0:
                    told = Stats()
            await asyncio.sleep(_LOOK_EVERY)

    async def _count(self) -> Stats:
        size = text(self._database.size)
        return Stats(
            size=int(await self._database.read(lambda connection: connection.scalar(size)) or 0),
            events=await self.inbox.held(State.TAKEN),
            actions=await self.actions.held(State.TAKEN, State.EXECUTING),
            results=await self.actions.held(State.FINISHED),
            dead_events=await self.inbox.held(State.DEAD),
            dead_results=await self.actions.held(State.DEAD),
        )


def _probe(connection: Connection) -> None:
    replace(connection, schema.meta, {"key": "probe", "value": str(time.time())})


def _prepare(url: URL, connection: Connection) -> None:
    _check(connection, url)
    if schema.version(connection) != schema.SCHEMA_VERSION:
        schema.begin(connection)
    schema.prepare(connection)


def _check(connection: Connection, url: URL) -> None:
    """Refuse a damaged file; let replicas that start at once prepare the tables one after the other."""
    if connection.dialect.name == "sqlite":
        found = connection.scalar(text("PRAGMA quick_check(1)"))
        if found != "ok":
            raise StoreDamaged(_damaged(url, str(found)))
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(7055214)"))


def _opening_failed(url: URL, error: BaseException) -> StoreError:
    cause = cause_of(error)
    if url.drivername == "postgresql":
        return StoreUnavailable(
            f"the database {url.database} on {url.host} cannot be used ({cause}): "
            "check FLYTE_SLACK_STORE, and that the server runs"
        )
    if "locked" in cause:
        return StoreInUse(f"the store {url.database} is locked by another program")
    return StoreDamaged(_damaged(url, cause))


def _damaged(url: URL, cause: str) -> str:
    return (
        f"the store {url.database} cannot be used ({cause}): move the file aside "
        "and start again with a new one (what it held and had not delivered is lost), "
        "or set FLYTE_SLACK_STORE to another place"
    )
