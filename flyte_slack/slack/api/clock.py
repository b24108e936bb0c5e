"""Slack's clock: what a `ts` is compared with. The machine's own may be wrong, or be set in between."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any


class SlackClock:
    """Slack's time, from the `Date` header of its answers; the machine's own until there was one."""

    def __init__(self) -> None:
        self._ahead: float | None = None  # of the monotonic clock

    def read(self, headers: Mapping[str, Any]) -> None:
        """Set the clock by an answer's headers."""
        for name, value in headers.items():
            if name.lower() == "date":
                try:
                    date = parsedate_to_datetime(str(value[0] if isinstance(value, list) else value))
                except ValueError:
                    return
                self._ahead = date.timestamp() - time.monotonic()

    def now(self) -> float:
        """Return Slack's time, in seconds since the epoch."""
        return time.time() if self._ahead is None else time.monotonic() + self._ahead
