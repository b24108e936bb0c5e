"""What a pack is: its commands, its events, and the handlers behind them."""

import inspect
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from ..errors import CommandError
from ..flyte.models import CommandRegistration, EventRegistration, Link, PackRegistration

FATAL = "FATAL"
"""Event that Flyte's packs answer when a command could not even fail properly."""


LARGEST = 15_000_000
"""Bytes of an event, as JSON, that Flyte surely takes: at 16 MiB its database refuses it silently."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as flows see it.

    Attributes:
        name: of its event definition.
        payload: a JSON object; flows reach into it with templates.
        created_at: when it happened, with a time zone.
    """

    name: str
    payload: Mapping[str, Any]
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def wire(self) -> dict[str, Any]:
        """Return it as the Flyte API wants it: `createdAt` is RFC 3339."""
        created = self.created_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        return {"event": self.name, "payload": self.payload, "createdAt": created}

    @property
    def too_large(self) -> bool:
        """Whether Flyte would answer that it took it, and lose it."""
        return len(json.dumps(self.payload, ensure_ascii=False).encode("utf-8", "replace")) > LARGEST


@dataclass(frozen=True, slots=True)
class EventDefinition:
    """An event that the pack can send.

    Attributes:
        name: unique in the pack.
        help_url: page that explains it; the pack's own, if it is empty.
    """

    name: str
    help_url: str = ""


class ActionContext(Protocol):
    """What a handler knows of the action it executes, and tells about it."""

    @property
    def identity(self) -> str:
        """32 hexadecimal digits that no other action has."""

    @property
    def taken_at(self) -> float:
        """When the action was taken, in seconds since the epoch."""

    @property
    def begun_at(self) -> float | None:
        """When an earlier execution was begun that was cut off: what it did is not known. Else None."""

    async def executing(self, at: float | None = None) -> None:
        """Call before doing what cannot be repeated; returns when that is on disk.

        Args:
            at: when, in the tool's own count of seconds; now, by default.
        """

    async def not_executed(self) -> None:
        """Call when what was begun surely had no effect; returns when that is on disk."""

    def busy_until(self, at: float) -> None:
        """Note until when the action keeps its lane busy, in seconds since the epoch.

        It is kept with the result, for whoever works in the lane next: maybe another replica.
        """

    async def answered(self) -> None:
        """Call when what was begun has failed or timed out, before waiting for another attempt.

        A stop waits for what is in flight, and for nothing else.
        """

    async def lane_busy_until(self) -> float | None:
        """Return until when the lane is busy, as its actions noted it; None if none of them did."""

    def remember(self, kind: str, name: str, value: Any) -> None:
        """Keep a JSON value for later actions of the lane, in the transaction that finishes this one.

        Args:
            kind: what the value is for.
            name: finds it again; names of different lanes are independent.
            value: kept for 30 days after its last use.
        """

    async def recall(self, kind: str, name: str) -> Any | None:
        """Return what an action of the lane remembered last under a name, or None."""


Handler = Callable[[dict[str, Any], ActionContext], Awaitable[Event]]


@dataclass(frozen=True, slots=True)
class Named:
    """A lane that is given by a name: it is looked up before its actions are executed.

    Attributes:
        name: as the input gives it.
        known: the lane, if it needs no looking up.
    """

    name: str
    known: str | None = None


Lane = str | Named | None
"""What an action stays in order with; None if it waits for nobody."""


def own_lane(_input: dict[str, Any]) -> Lane:
    """Let an action wait for nobody."""
    return None


def no_echo(_input: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give nothing of an input back."""
    return {}


def plain_failure(input_: Mapping[str, Any], error: CommandError) -> Mapping[str, Any]:
    """Return the payload of a failure: what is wrong, and with which input."""
    return {"error": str(error), "input": input_}


@dataclass(frozen=True, slots=True)
class Command:
    """A command that flows can give to the pack.

    Attributes:
        name: unique in the pack.
        handler: coroutine function that gets the input (a JSON object) and an `ActionContext`. A
            `CommandError` that it raises becomes the failure event; anything else `FATAL`.
        succeeds: names of the events that the handler may return.
        fails: name of the event of its failure.
        help_url: page that explains it; the pack's own, if it is empty.
        lane: gives for an input what its execution must stay in order with.
        find_lane: returns the lane of a name.
        failure: makes the payload of the failure event.
        merges: gives for an input what it replaces; of actions that wait in a row and replace the same,
            the newest is executed for all of them.
        echo: what a failure gives back of an input, if one execution failed for several actions.

    Raises:
        ValueError: no result event is named, or one twice.
        TypeError: the handler is not a coroutine function.
    """

    name: str
    handler: Handler
    succeeds: tuple[str, ...]
    fails: str
    help_url: str = ""
    lane: Callable[[dict[str, Any]], Lane] = own_lane
    find_lane: Callable[[str], Awaitable[str]] | None = None
    failure: Callable[[Mapping[str, Any], CommandError], Mapping[str, Any]] = plain_failure
    merges: Callable[[dict[str, Any]], str | None] | None = None
    echo: Callable[[Mapping[str, Any]], Mapping[str, Any]] = no_echo

    def __post_init__(self) -> None:
        if not self.succeeds or not self.fails:
            raise ValueError(f"command {self.name!r} needs an event of its success and one of its failure")
        _unique(self.events, f"result event of command {self.name!r}")
        call = getattr(self.handler, "__call__", None)  # noqa: B004 - an object with an async __call__ is fine too
        if not (inspect.iscoroutinefunction(self.handler) or inspect.iscoroutinefunction(call)):
            raise TypeError(f"the handler of command {self.name!r} must be a coroutine function (async def)")

    @property
    def events(self) -> tuple[str, ...]:
        """Names of all events that it can end in, `FATAL` apart."""
        return (*self.succeeds, self.fails)


@dataclass(frozen=True, slots=True)
class PackDefinition:
    """A pack: what it registers.

    Attributes:
        name: as flows name it.
        help_url: page that explains the pack.
        events: what it sends by itself; the events that its commands end in come by themselves.
        commands: every command it executes.
        labels: labels that tell packs of one name apart.

    Raises:
        ValueError: a name is empty, or there twice.
    """

    name: str
    help_url: str
    events: tuple[EventDefinition, ...] = ()
    commands: tuple[Command, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a pack needs a name")
        _unique([event.name for event in self.events], "event")
        _unique([command.name for command in self.commands], "command")

    def command(self, name: str) -> Command | None:
        """Return the command with this name, or None."""
        return next((command for command in self.commands if command.name == name), None)

    def registration(self) -> PackRegistration:
        """Return it as it is registered with Flyte."""
        events = {name: command.help_url for command in self.commands for name in command.events}
        events |= {event.name: event.help_url for event in self.events}
        return PackRegistration(
            name=self.name,
            labels=dict(self.labels),
            links=_help(self.help_url),
            events=[
                EventRegistration(name=name, links=_help(url or self.help_url))
                for name, url in events.items()
            ],
            commands=[
                CommandRegistration(
                    name=command.name,
                    events=list(command.events),
                    links=_help(command.help_url or self.help_url),
                )
                for command in self.commands
            ],
        )


def _help(url: str) -> list[Link]:
    return [Link(href=url, rel="help")]


def _unique(names: Iterable[str], what: str) -> None:
    for name, times in Counter(names).items():
        if not name:
            raise ValueError(f"a {what} needs a name")
        if times > 1:
            raise ValueError(f"{what} {name!r} is there {times} times")
