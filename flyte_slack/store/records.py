"""Actions and results as they come out of the store."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from .keys import Key
from .schema import State


@dataclass(frozen=True, slots=True)
class StoredAction:
    """An action that is to be executed.

    Attributes:
        id: number of the row; rises in the order taken.
        identity: 32 hexadecimal digits that no other action has.
        lane: what it must stay in order with.
        command: name of the command.
        input: the command's input, whatever JSON value it is.
        begun_at: when its execution was begun, if how that ended is not known; else None.
        taken_at: when it was stored, in seconds since the epoch.
    """

    id: int
    identity: str
    lane: str
    command: str
    input: Any
    begun_at: float | None
    taken_at: float


@dataclass(frozen=True, slots=True)
class StoredResult:
    """The result of an action, on its way to Flyte.

    Attributes:
        id: number of the action's row.
        identity: as in `StoredAction`.
        reference: where Flyte wants the result.
        result: the event, as it was finished.
        command: name of the command.
        taken_at: when the action was stored, in seconds since the epoch.
        in_doubt: a try to deliver it was begun, and its answer is not known.
        refused_for: seconds for which Flyte has refused it with 500, or None.
    """

    id: int
    identity: str
    reference: str
    result: dict[str, Any]
    command: str
    taken_at: float
    in_doubt: bool
    refused_for: float | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an action ends.

    Attributes:
        action: the action.
        result: the event that it ends in.
        busy_until: until when it keeps its lane busy, in seconds since the epoch, or None.
        keys: what is to be remembered with it.
    """

    action: StoredAction
    result: dict[str, Any]
    busy_until: float | None = None
    keys: Sequence[Key] = ()


def action_of(row: Row[Any]) -> StoredAction:
    """Return the action that a row holds."""
    return StoredAction(
        id=row.id,
        identity=row.identity,
        lane=row.lane,
        command=json.loads(row.command),
        input=json.loads(row.input),
        begun_at=row.begun_at if row.state == State.EXECUTING else None,
        taken_at=row.taken_at,
    )


def result_of(row: Row[Any]) -> StoredResult:
    """Return the result that a row holds."""
    return StoredResult(
        id=row.id,
        identity=row.identity,
        reference=row.reference,
        result=json.loads(row.result),
        command=json.loads(row.command),
        taken_at=row.taken_at,
        in_doubt=row.in_doubt,
        refused_for=row.refused_for,
    )
