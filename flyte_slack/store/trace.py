"""What became of one event or one action, in order of time."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from .database import Database
from .schema import State, actions, inbox


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened.

    Attributes:
        at: when, in seconds since the epoch, or None if that is not known.
        about: the event's kind and key, or the action's command and identity.
        what: what happened.
        detail: where to, or why; empty if there is nothing to say.
    """

    at: float | None
    about: str
    what: str
    detail: str = ""


async def trace(database: Database, of: str) -> list[Step]:
    """Return the steps of what has this key, identity or id; what has no time comes last."""

    def read(connection: Connection) -> list[Step]:
        events = select(inbox).where((inbox.c.key == of) | inbox.c.key.startswith(f"{of}:", autoescape=True))
        found = select(actions).where(
            (actions.c.identity == of) | actions.c.reference.contains(f"/{of}/", autoescape=True)
        )
        steps = [step for row in connection.execute(events) for step in _of_event(row)]
        return steps + [step for row in connection.execute(found) for step in _of_action(row)]

    steps = await database.search(read)
    return sorted(steps, key=lambda step: float("inf") if step.at is None else step.at)


def _of_event(row: Row[Any]) -> Iterator[Step]:
    about = f"{row.kind} {row.key}"
    yield Step(row.position, about, "happened")
    yield Step(row.stored_at, about, "stored", f"in lane {row.lane}")
    yield _end(row, about)


def _of_action(row: Row[Any]) -> Iterator[Step]:
    about = f"{json.loads(row.command)} {row.identity}"
    yield Step(row.taken_at, about, "taken", f"in lane {row.lane}")
    if row.begun_at is not None:
        yield Step(row.begun_at, about, "begun")
    if row.state == State.FINISHED or row.finished_at is not None:
        event = json.loads(row.result)["event"] if row.result else ""
        yield Step(row.finished_at, about, "finished", event)
    if row.state not in {State.TAKEN, State.EXECUTING}:
        yield _end(row, about)


def _end(row: Row[Any], about: str) -> Step:
    """Return how a row ended, or that it has not."""
    match row.state:
        case State.DELIVERED:
            return Step(row.ended_at, about, "delivered")
        case State.DEAD:
            return Step(row.ended_at, about, "dead letter", row.reason or "")
        case _:
            return Step(None, about, "waits to be delivered")
