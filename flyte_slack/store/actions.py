"""Actions taken from Flyte, and their results on their way back."""

import json
import time
import uuid
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, update

from .. import retries
from ..errors import LeaseLost, NotStorable
from .beginning import begin
from .database import Database
from .keys import Key, KeyRow, keep
from .leases import Leases
from .records import Ending, StoredAction, StoredResult, action_of, result_of
from .schema import State, actions
from .sql import Held, changes, held, insert_new, storable
from .writer import Bulk, Writer, each


class Actions:
    """The table of actions."""

    def __init__(self, database: Database, writer: Writer, leases: Leases) -> None:
        self._database = database
        self._writer = writer
        self._leases = leases
        fence = leases.fence("actions", actions.c.lane)
        self._executing = begin(fence)
        self._not_executed = _BY_ID.where(fence, _unfinished()).values(state=State.TAKEN)

    async def add(self, reference: str, lane: str | None, command: str, input_: object) -> str | None:
        """Store an action that was taken.

        Args:
            reference: where Flyte wants its result; no two actions have the same.
            lane: what it must stay in order with; None if it waits for no other: its lane is its identity.
            command: name of the command.
            input_: its input, whatever JSON value it is.

        Returns:
            Its identity, or None if this action was stored before.

        Raises:
            StoreUnavailable: it is not stored.
            NotStorable: it never will be: its reference is none that a database can hold.
        """
        if reference != storable(reference):
            raise NotStorable("the reference of an action's result is too long, or not even text")
        identity = uuid.uuid4().hex
        row = {
            "reference": reference,
            "identity": identity,
            "lane": identity if lane is None else storable(lane),
            "state": State.TAKEN,
            "command": json.dumps(command),
            "input": json.dumps(input_),
            "in_doubt": False,
            "taken_at": time.time(),
        }
        new: bool = await self._writer.together(_ADD, row)
        return identity if new else None

    async def move_lane(self, from_lane: str, to_lane: str) -> int:
        """Move the unfinished actions of a lane into another, where they stand in the order taken.

        An action that was begun moves too. Whoever read it before must leave it to its new lane:
        `executing()` raises `LeaseLost`.

        Returns:
            How many were moved.
        """
        statement = (
            update(actions)
            .where(actions.c.lane == storable(from_lane), _unfinished())
            .values(lane=storable(to_lane))
        )
        return await self._writer.persist(changes(statement))

    async def lanes(self, limit: int = 1000) -> list[str]:
        """Return lanes in which actions wait to be executed and no other replica works, oldest first."""
        query = (
            select(actions.c.lane)
            .where(_unfinished(), self._leases.free("actions", actions.c.lane))
            .group_by(actions.c.lane)
            .order_by(func.min(actions.c.id))
            .limit(limit)
        )
        return await self._database.search(lambda connection: list(connection.scalars(query)))

    async def waiting(self, lane: str, limit: int) -> list[StoredAction]:
        """Return the first actions of a lane that are not finished, in the order taken."""
        which = {"of": lane, "most": limit}
        rows = await self._database.read(lambda connection: connection.execute(_WAITING, which).all())
        return [action_of(row) for row in rows]

    async def executing(self, action: StoredAction, at: float | None = None) -> None:
        """Record that from now on the outcome may be unknown.

        Args:
            action: the action.
            at: when, in the tool's own count of seconds; now, by default.

        Raises:
            LeaseLost: another replica works in the lane by now, or the action was put into another.
        """
        row = (action.id, action.lane, time.time() if at is None else at)
        if not await retries.until_stored(self._writer.together, self._executing, row):
            raise LeaseLost(
                f"the action {action.identity} is worked on in another lane, or by another replica"
            )

    async def not_executed(self, action: StoredAction) -> None:
        """Record that what was begun surely had no effect; a former holder of the lease changes nothing."""
        await self._writer.persist(changes(self._not_executed, {"row": action.id}))

    async def finished(
        self,
        action: StoredAction,
        result: dict[str, Any],
        busy_until: float | None = None,
        keys: Sequence[Key] = (),
    ) -> None:
        """Keep the result of an action, in place of its input.

        Args:
            action: the action.
            result: the event that it ends in.
            busy_until: what `busy_until()` returns for its lane from now on, if it is later.
            keys: what is to be remembered with it, in the same transaction.
        """
        await self.finished_together([Ending(action, result, busy_until, keys)])

    async def finished_together(self, endings: Sequence[Ending]) -> None:
        """Keep the results of several actions in one transaction. Those finished before are left alone."""
        if not endings:
            return
        now = time.time()
        rows = [
            {
                "row": ending.action.id,
                "event": json.dumps(ending.result),
                "busy": ending.busy_until,
                "now": now,
            }
            for ending in endings
        ]
        keys = [(ending.action.id, key.row(now)) for ending in endings for key in ending.keys]
        if keys:
            await self._writer.persist(partial(_finish_and_remember, rows, keys))
        else:
            await retries.until_stored(self._writer.together, _FINISH, rows)

    async def busy_until(self, lane: str) -> float | None:
        """Return until when a lane is busy, as its actions left it; None if none of them did."""
        return await self._database.read(lambda connection: connection.scalar(_BUSY_UNTIL, {"of": lane}))

    async def results(self, limit: int = 1000) -> list[str]:
        """Return the identities of actions whose results wait and no other replica delivers, oldest first."""
        query = (
            select(actions.c.identity)
            .where(_waits(), self._leases.free("results", actions.c.identity))
            .order_by(actions.c.id)
            .limit(limit)
        )
        return await self._database.search(lambda connection: list(connection.scalars(query)))

    async def result(self, identity: str) -> StoredResult | None:
        """Return the result of an action, or None if it does not wait any more."""
        which = {"of": identity}
        row = await self._database.read(lambda connection: connection.execute(_RESULT, which).first())
        return result_of(row) if row else None

    async def delivering(self, result: StoredResult) -> None:
        """Record that a try to deliver begins: until it is answered, Flyte may have the result."""
        await self._change(_DELIVERING, result.id)

    async def undelivered(
        self, result: StoredResult, *, in_doubt: bool, refused_for: float | None = None
    ) -> None:
        """Record how a try to deliver failed."""
        await self._set(result, in_doubt=in_doubt, refused_for=refused_for)

    async def delivered(self, result: StoredResult) -> None:
        """Keep of a delivered action its identity only."""
        await self._change(_DELIVERED, result.id, now=time.time(), lazily=True)

    async def dead(self, result: StoredResult, reason: str) -> None:
        """Put a result aside that Flyte will never take."""
        await self._set(result, state=State.DEAD, reason=reason, ended_at=time.time())

    async def _change(self, write: Bulk, id_: int, *, lazily: bool = False, **values: object) -> None:
        """Change a row, together with others, if it is in the expected state."""
        await retries.until_stored(self._writer.together, write, {"row": id_, **values}, lazily=lazily)

    async def _set(self, result: StoredResult, **values: object) -> None:
        """Change a result that waits."""
        await self._writer.persist(changes(_BY_ID.where(_waits()), {"row": result.id, **values}))

    async def holds(self, part: str) -> bool:
        """Whether an action is stored whose reference has this part between two slashes."""
        query = (
            select(actions.c.id).where(actions.c.reference.contains(f"/{part}/", autoescape=True)).limit(1)
        )
        return await self._database.search(lambda connection: connection.scalar(query) is not None)

    async def held(self, *states: State) -> Held:
        """Return how many actions are in these states, and since when the oldest was taken."""
        return await self._database.search(held(actions.c.state, states, actions.c.taken_at))

    async def prune(self, before: float) -> None:
        """Forget what was delivered before a time, in seconds since the epoch."""
        statement = delete(actions).where(actions.c.state == State.DELIVERED, actions.c.ended_at < before)
        await self._writer.write(changes(statement))


def _unfinished() -> ColumnElement[bool]:
    # `in_` would be spelled out anew each time
    return (actions.c.state == State.TAKEN) | (actions.c.state == State.EXECUTING)


def _waits() -> ColumnElement[bool]:
    return actions.c.state == State.FINISHED


# built once: that takes longer than executing them
_WAITING = (
    select(actions)
    .where(_unfinished(), actions.c.lane == bindparam("of"))
    .order_by(actions.c.id)
    .limit(bindparam("most"))
)
_RESULT = select(actions).where(actions.c.identity == bindparam("of"), _waits())
_BUSY_UNTIL = select(func.max(actions.c.busy_until)).where(actions.c.lane == bindparam("of"))
_BY_ID = update(actions).where(actions.c.id == bindparam("row"))
_FINISHED = _BY_ID.where(_unfinished()).values(
    state=State.FINISHED,
    result=bindparam("event"),
    input=None,
    busy_until=bindparam("busy"),
    finished_at=bindparam("now"),
)
_DELIVERING = each(_BY_ID.where(_waits()).values(in_doubt=True))
_DELIVERED = each(
    _BY_ID.where(_waits()).values(state=State.DELIVERED, result=None, ended_at=bindparam("now"))
)


def _add(connection: Connection, rows: list[dict[str, Any]]) -> list[bool]:
    """Insert actions; return which of them are new."""
    new = insert_new(connection, actions, "reference", rows)
    results = []
    for row in rows:
        results.append(row["reference"] in new)
        new.discard(row["reference"])  # of two with the same reference one is new
    return results


_ADD = Bulk(_add, one_statement=True)


def _finish(connection: Connection, groups: list[list[dict[str, Any]]]) -> list[None]:
    """Finish groups of actions."""
    connection.execute(_FINISHED, list(chain.from_iterable(groups)))
    return [None] * len(groups)


_FINISH = Bulk(_finish, one_statement=True)


def _finish_and_remember(
    rows: list[dict[str, Any]], keys: list[tuple[int, KeyRow]], connection: Connection
) -> None:
    """Finish actions, and keep what they remember; what another replica finished before leaves no key."""
    remembering = {id_ for id_, _ in keys}
    query = select(actions.c.id).where(_unfinished(), actions.c.id.in_(remembering)).with_for_update()
    open_ = set(connection.scalars(query))
    connection.execute(_FINISHED, rows)
    keep(connection, [key for id_, key in keys if id_ in open_])
