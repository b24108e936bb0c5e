"""What Flyte and Slack saw of the pack: when each message was where, and how often what happened.

All times are of one clock in one process, so that they can be subtracted from each other.
"""

import time
from collections import defaultdict
from typing import Any

now = time.perf_counter
"""The clock."""

SENT, ACKED, EVENT, EVENT_DONE, TAKEN, POSTED, POST_DONE, RESULT = range(8)
"""What is noted of a message: sent to the pack, acknowledged, its event arrived and was answered, the take
that got its action, its post arrived and was answered, its result arrived."""


class Record:
    """What was seen since it was last emptied.

    Attributes:
        times: by message, in the order of the constants above; 0 where it did not happen (yet).
        counts: how often each of them happened.
        events: messages of each channel, in the order in which their events arrived.
        posts: the same, of posts that were taken.
        takes: when each take arrived.
        registered: when each registration arrived, in seconds since the epoch: the runner compares it.
        hellos: when each socket was opened, likewise.
        limited: how many posts were answered 429.
        calls: how often each of Slack's methods was called.
        twice: how often an event, a post or a result arrived again.
    """

    def __init__(self) -> None:
        self.empty()

    def empty(self) -> None:
        """Forget everything; what is counted counts from now on."""
        self.times: dict[int, list[float]] = {}
        self.counts = [0] * 8
        self.events: defaultdict[str, list[int]] = defaultdict(list)
        self.posts: defaultdict[str, list[int]] = defaultdict(list)
        self.takes: list[float] = []
        self.registered: list[float] = []
        self.hellos: list[float] = []
        self.limited = 0
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.twice = 0
        self._began_at = now()
        self._cpu = time.process_time()

    def note(self, number: int, what: int, at: float) -> bool:
        """Note a time; return whether it is the first of its kind."""
        times = self.times.get(number)
        if times is None:
            times = self.times[number] = [0.0] * 8
        if times[what]:
            self.twice += 1
            return False
        times[what] = at
        self.counts[what] += 1
        return True

    def summary(self) -> dict[str, Any]:
        """Return what was counted, and what this process has cost since."""
        return {
            "now": now(),
            "counts": self.counts,
            "polls": len(self.takes),
            "registered": self.registered,
            "hellos": self.hellos,
            "limited": self.limited,
            "calls": self.calls,
            "twice": self.twice,
            "cpu": time.process_time() - self._cpu,
            "elapsed": now() - self._began_at,
        }

    def everything(self) -> dict[str, Any]:
        """Return the summary and all that it sums up."""
        seen = {"times": self.times, "events": self.events, "posts": self.posts, "takes": self.takes}
        return seen | self.summary()
