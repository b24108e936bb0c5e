"""Slack's clock: what a `ts` is compared with. The machine's own may be wrong, or be set in between."""

import asyncio
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any


class Machine:
    """The machine's own clock; tests hand in another."""

    def monotonic(self) -> float:
        """Return the seconds since some moment, which nobody sets back."""
        return time.monotonic()

    def time(self) -> float:
        """Return the seconds since the epoch, as the machine has them."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        await asyncio.sleep(seconds)


class SlackClock:
    """Slack's time, from the `Date` header of its answers; the machine's own until there was one.

    Args:
        machine: goes on between two answers.
    """

    def __init__(self, machine: Machine | None = None) -> None:
        self.machine = machine or Machine()
        self._ahead: float | None = None  # of the monotonic clock

    def read(self, headers: Mapping[str, Any]) -> None:
        """Set the clock by an answer's headers."""
        for name, value in headers.items():
            if name.lower() == "date":
                try:
                    date = parsedate_to_datetime(str(value[0] if isinstance(value, list) else value))
                except ValueError:
                    return
                self._ahead = date.timestamp() - self.machine.monotonic()

    def now(self) -> float:
        """Return Slack's time, in seconds since the epoch."""
        machine = self.machine
        return machine.time() if self._ahead is None else machine.monotonic() + self._ahead
