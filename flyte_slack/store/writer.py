"""Group commit: writes that wait together share one transaction, and each caller learns of its own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)

from .. import logs, retries
from ..errors import NotStorable, StoreUnavailable
from .database import Transaction, Work, cause_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bulk:
    """How rows of one kind are written together.

    Attributes:
        write: writes them, and returns a result for each.
        one_statement: it is done by one statement, which needs no transaction around it.
    """

    write: Callable[[Connection, list[Any]], list[Any]]
    one_statement: bool = False


log = logs.get(__name__)

_LARGEST_BATCH = 200
_LAZY = 0.02
_REFUSALS = {"22", "23", "54"}  # classes of SQLSTATE: bad data, a constraint, a limit
_TURNS = 2  # of the event loop, for those who are about to write too


@dataclass(slots=True)
class _Waiting:
    write: Bulk
    row: Any
    done: asyncio.Future[Any]
    position: float | None


_SINGLE = Bulk(lambda connection, writes: [write(connection) for write in writes])
"""Writes that have nothing in common."""


def each(statement: Executable) -> Bulk:
    """Return what carries out a statement once for each row that waits."""

    def write(connection: Connection, rows: list[Any]) -> list[None]:
        connection.execute(statement, rows)
        return [None] * len(rows)

    return Bulk(write, one_statement=True)


class GroupCommit:
    """Commits in the order asked for, together what waits together.

    Kinds that are one statement each are committed side by side, if that is quicker: who depends on an
    earlier write has waited for it.

    Args:
        transaction: does all of a piece of work, or nothing.
        statement: does what is one statement, if that is quicker than a transaction for all that waits.
    """

    def __init__(self, transaction: Transaction, statement: Transaction | None = None) -> None:
        self._transaction = transaction
        self._statement = statement
        self._waiting: list[_Waiting] = []
        self._committing: set[Bulk | None] = set()
        self._work = asyncio.Event()
        self._closed = False

    async def write(self, write: Work[T]) -> T:
        """Run a write and return its result once it is durable.

        Args:
            write: what to do in the transaction.

        Raises:
            StoreUnavailable: nothing of it was written.
        """
        result: T = await self.together(_SINGLE, write)
        return result

    async def together(
        self, write: Bulk, row: object, position: float | None = None, *, lazily: bool = False
    ) -> Any:
        """Write a row, together with those like it that wait, and return its result once it is durable.

        Args:
            write: writes all of them.
            row: what to write.
            position: rows that have one are put in this order among those that wait at the same time.
            lazily: it can wait a little for others, to share their transaction.

        Raises:
            StoreUnavailable: it was not written.
        """
        return await asyncio.shield(self.put(write, row, position, lazily=lazily))

    def put(
        self, write: Bulk, row: object, position: float | None = None, *, lazily: bool = False
    ) -> "asyncio.Future[Any]":
        """Do the same, and return at once what will have the result."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Waiting(write, row, done, position))
        if lazily:
            loop.call_later(_LAZY, self._work.set)
        else:
            self._work.set()
        return done

    async def run(self) -> None:
        """Commit what waits, until closed."""
        async with asyncio.TaskGroup() as group:
            while not self._closed or self._waiting or self._committing:
                await self._work.wait()
                self._work.clear()
                for _ in range(_TURNS if self._waiting else 0):
                    await asyncio.sleep(0)
                for kind, batch in self._take().items():
                    self._committing.add(kind)
                    group.create_task(self._commit_and_go_on(kind, batch))

    def close(self) -> None:
        """Let `run()` return when all that waits is committed."""
        self._closed = True
        self._work.set()

    def _take(self) -> dict[Bulk | None, list[_Waiting]]:
        """Take what can be committed now: of each kind that goes by itself a batch, and one of the rest."""
        batches: dict[Bulk | None, list[_Waiting]] = {}
        left = []
        for waiting in _in_order(self._waiting):
            kind = waiting.write if self._statement and waiting.write.one_statement else None
            batch = batches.setdefault(kind, [])
            if kind in self._committing or len(batch) == _LARGEST_BATCH:
                left.append(waiting)
            else:
                batch.append(waiting)
        self._waiting = left
        return {kind: batch for kind, batch in batches.items() if batch}

    async def _commit_and_go_on(self, kind: Bulk | None, batch: list[_Waiting]) -> None:
        try:
            await self._commit(batch, self._statement if kind and self._statement else self._transaction)
        finally:
            self._committing.discard(kind)
            self._work.set()

    async def _commit(self, batch: list[_Waiting], transaction: Transaction) -> None:
        try:
            results = await transaction(partial(_write, batch))
        except (SQLAlchemyError, OSError) as error:
            if len(batch) > 1 and not _concerns_all(error):
                for single in batch:  # one of them is the cause: the others shall not share its fate
                    await self._commit([single], transaction)
                return
            if _refuses(error):
                _settle(batch[0].done, error=NotStorable(f"the store takes no such row: {cause_of(error)}"))
                return
            self._failed(error)
            for waiting in batch:
                refusal = StoreUnavailable(f"the store cannot be written: {cause_of(error)}")
                _settle(waiting.done, error=refusal)
        except Exception as error:  # a defect of ours fails its own write only
            if len(batch) > 1:
                for single in batch:
                    await self._commit([single], transaction)
                return
            _settle(batch[0].done, error=error)
        else:
            self._succeeded()
            for waiting, result in results:
                _settle(waiting.done, result=result)

    def _succeeded(self) -> None:
        """Called after each commit."""

    def _failed(self, error: BaseException) -> None:
        """Called when nothing can be committed."""


class Writer(GroupCommit):
    """The one writer of a store.

    Attributes:
        problem: why the last write failed, or None while the store can be written.
    """

    problem: str | None = None

    async def persist(self, write: Work[T]) -> T:
        """Run a write that must not be lost: repeated until the store takes it."""
        return await retries.until_stored(self.write, write)

    def _succeeded(self) -> None:
        if self.problem is not None:
            log.info("the store can be written again")
        self.problem = None

    def _failed(self, error: BaseException) -> None:
        cause = cause_of(error)
        if self.problem != cause:
            log.error("the store cannot be written: nothing is acknowledged, no action is taken", cause=cause)
        self.problem = cause


def _write(batch: list[_Waiting], connection: Connection) -> list[tuple[_Waiting, Any]]:
    """Write a batch, kind by kind: rows of different kinds do not depend on each other."""
    kinds: dict[Bulk, list[_Waiting]] = {}
    for waiting in batch:
        kinds.setdefault(waiting.write, []).append(waiting)
    results: list[tuple[_Waiting, Any]] = []
    for write, alike in kinds.items():
        found = write.write(connection, [waiting.row for waiting in alike])
        results += zip(alike, found, strict=True)
    return results


def _in_order(waiting: list[_Waiting]) -> list[_Waiting]:
    """Sort the writes with a position among their own places; the others keep theirs."""
    placed = iter(
        sorted((one for one in waiting if one.position is not None), key=lambda one: one.position or 0)
    )
    return [one if one.position is None else next(placed) for one in waiting]


def _concerns_all(error: BaseException) -> bool:
    """Whether the store itself is in trouble (locked, full, away), and not one of the writes."""
    return isinstance(error, OSError | OperationalError) or getattr(error, "connection_invalidated", False)


def _refuses(error: BaseException) -> bool:
    """Whether a database will never take what it was given, or could not even be given it."""
    kind = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")[:2]
    unspoken = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
    return unspoken or isinstance(error, IntegrityError | DataError) or kind in _REFUSALS


def _settle(done: asyncio.Future[Any], *, result: object = None, error: BaseException | None = None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
        done.exception()  # a caller that was cancelled no longer reads it
