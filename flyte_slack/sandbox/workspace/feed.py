"""How the outside hears of what happens in a workspace, and the ids and times that everything there has."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .model import Channel, Event, Message

Listener = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that a person's screen shows differently from now on.

    ``message`` is a message as it is now, ``deleted`` one that is gone; ``directory`` says that channels
    or people changed, ``modals`` that those of the person ``user_id`` did.
    """

    kind: Literal["message", "deleted", "directory", "modals"]
    channel: Channel | None = None
    message: Message | None = None
    user_id: str = ""


Watcher = Callable[[Change], None]


class Feed:
    """Tells listeners of Events API inner events and watchers of changes, at once and in order.

    ``clock`` gives the seconds from which timestamps are made.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last_ts = 0
        self._last_id = 0
        self._listeners: list[Listener] = []
        self._watchers: list[Watcher] = []

    def now(self) -> float:
        """Return the workspace's time in seconds since the epoch."""
        return self._clock()

    def new_id(self, prefix: str) -> str:
        """Make an id that nothing else in the workspace has."""
        self._last_id += 1
        return f"{prefix}0{self._last_id:08d}"

    def new_ts(self) -> str:
        """Make a timestamp that no message has: seconds and microseconds, always later than the last one."""
        self._last_ts = max(self._last_ts + 1, int(self._clock() * 1_000_000))
        seconds, micros = divmod(self._last_ts, 1_000_000)
        return f"{seconds}.{micros:06d}"

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every event from now on; the answer is a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher`` with every change from now on; the answer is a function that ends it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def changed(self, change: Change) -> None:
        """Tell the watchers of a change."""
        for watcher in tuple(self._watchers):
            watcher(change)

    def notify(self, event: Event) -> None:
        """Tell the listeners of an event."""
        for listener in tuple(self._listeners):
            listener(event)
