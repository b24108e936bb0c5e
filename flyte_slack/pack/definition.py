"""What a pack is: its commands, its events, and the handlers behind them."""

import inspect
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

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
        help_url: page that explains it.
    """

    name: str
    help_url: str


class ActionContext(Protocol):
    """What a handler knows of the action it executes, and tells about it."""

    @property
    def identity(self) -> str:
        """32 hexadecimal digits that no other action has."""

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

    async def lane_busy_until(self) -> float | None:
        """Return until when the lane is busy, as its actions noted it; None where none of them did."""


Handler = Callable[[dict[str, Any], ActionContext], Awaitable[Event]]


@dataclass(frozen=True, slots=True)
class Command:
    """A command that flows can give to the pack.

    Attributes:
        name: unique in the pack.
        events: names of the events that its handler may return.
        help_url: page that explains it.
        handler: coroutine function that gets the input (a JSON object) and an `ActionContext`.
        lane: gives for an input what its execution must stay in order with, or None if it waits for no
            other; a `?` and a name if it has to be looked up first.
        find_lane: looks it up; what it returns for a name that nobody knows is a lane too.

    Raises:
        ValueError: no result event is named, or one twice.
        TypeError: the handler is not a coroutine function.
    """

    name: str
    events: tuple[str, ...]
    help_url: str
    handler: Handler
    lane: Callable[[dict[str, Any]], str | None]
    find_lane: Callable[[dict[str, Any]], Awaitable[str]] | None = None

    def __post_init__(self) -> None:
        if not self.events:
            raise ValueError(f"command {self.name!r} names no result event")
        _unique(self.events, f"result event of command {self.name!r}")
        call = getattr(self.handler, "__call__", None)  # noqa: B004 - an object with an async __call__ is fine too
        if not (inspect.iscoroutinefunction(self.handler) or inspect.iscoroutinefunction(call)):
            raise TypeError(f"the handler of command {self.name!r} must be a coroutine function (async def)")


@dataclass(frozen=True, slots=True)
class PackDefinition:
    """A pack: what it registers.

    Attributes:
        name: as flows name it.
        help_url: page that explains the pack.
        events: every event it can send, results included.
        commands: every command it executes.
        labels: labels that tell packs of one name apart.

    Raises:
        ValueError: a name is empty or there twice, or a command's result event is not declared.
    """

    name: str
    help_url: str
    events: tuple[EventDefinition, ...]
    commands: tuple[Command, ...]
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a pack needs a name")
        declared = [event.name for event in self.events]
        _unique(declared, "event")
        _unique([command.name for command in self.commands], "command")
        for command in self.commands:
            if undeclared := set(command.events) - set(declared):
                raise ValueError(
                    f"command {command.name!r} returns events the pack does not declare: "
                    + ", ".join(sorted(undeclared))
                )

    def command(self, name: str) -> Command | None:
        """Return the command with this name, or None."""
        return next((command for command in self.commands if command.name == name), None)

    def registration(self) -> PackRegistration:
        """Return it as it is registered with Flyte."""
        return PackRegistration(
            name=self.name,
            labels=dict(self.labels),
            links=_help(self.help_url),
            events=[EventRegistration(name=event.name, links=_help(event.help_url)) for event in self.events],
            commands=[
                CommandRegistration(
                    name=command.name, events=list(command.events), links=_help(command.help_url)
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
