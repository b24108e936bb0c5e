"""The daily removal of packs that have not called for long, with the server's own three variables."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from .templates import as_boolean

logger = logging.getLogger(__name__)

SHOULD_DELETE = "FLYTE_SHOULD_DELETE_DEAD_PACKS"
DELETE_AT = "FLYTE_DELETE_DEAD_PACKS_AT_HH_COLON_MM"
GRACE_PERIOD = "FLYTE_PACK_GRACE_PERIOD_UNTIL_MARKED_DEAD_IN_SECONDS"

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeadPacks:
    """When packs are removed, and how long they must have been silent."""

    enabled: bool = False
    at: time = time(23, 0)
    grace: timedelta = timedelta(weeks=1)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "DeadPacks":
        """Read the server's variables; what cannot be read is as if it were not there, as on the server."""
        clock = _CLOCK.fullmatch(environment.get(DELETE_AT, ""))
        seconds = environment.get(GRACE_PERIOD, "")
        return cls(
            enabled=bool(as_boolean(environment.get(SHOULD_DELETE, ""))),
            at=time(int(clock[1]), int(clock[2])) if clock else cls().at,
            grace=timedelta(seconds=int(seconds)) if re.fullmatch(r"[+-]?\d{1,9}", seconds) else cls().grace,
        )

    def wait(self, now: datetime) -> timedelta:
        """Return how long it is to the next removal."""
        due = now.replace(hour=self.at.hour, minute=self.at.minute, second=0, microsecond=0)
        return (due if due > now else due + timedelta(days=1)) - now

    async def run(self, remove: Callable[[timedelta], list[str]]) -> None:
        """Remove day by day; to be cancelled."""
        while self.enabled:
            await asyncio.sleep(self.wait(datetime.now().astimezone()).total_seconds())
            if removed := remove(self.grace):
                logger.info("Dead packs removed: %s", ", ".join(removed))
