"""Lanes: work of one lane in order, lanes independent of each other."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Work = Callable[[str], Awaitable[None]]


class Lanes:
    """Runs work of each lane that was woken, one task a lane for as long as it has work.

    Args:
        work: does all that waits in one lane, and returns.
        most: lanes worked in at once; others wait their turn.
    """

    def __init__(self, work: Work, most: int = 1000) -> None:
        self._work = work
        self._most = most
        self._active: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._turn: deque[str] = deque()
        self._woken = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def wake(self, lane: str) -> None:
        """Say that a lane has work."""
        if lane in self._active:
            self._again.add(lane)  # it may be about to return
        elif lane not in self._again:
            self._again.add(lane)
            self._turn.append(lane)
            self._idle.clear()
            self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._woken.wait()
                while self._turn and len(self._active) < self._most:
                    lane = self._turn.popleft()
                    self._active[lane] = group.create_task(self._run(lane), name=f"lane {lane}")
                self._woken.clear()

    async def idle(self) -> None:
        """Return when no lane has work."""
        await self._idle.wait()

    async def _run(self, lane: str) -> None:
        try:
            while lane in self._again:
                self._again.discard(lane)
                await self._work(lane)
        finally:
            del self._active[lane]
            if not self._active and not self._turn:
                self._idle.set()
            self._woken.set()
