"""Lanes: work of one lane in order, lanes independent of each other, one replica in a lane at a time."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import cast

from .. import logs
from ..errors import StoreUnavailable
from ..store import Leases

log = logs.get(__name__)

LOOK_EVERY = 3.0
"""Seconds after which the store is searched for lanes that nobody works in: of a replica that was
killed, and of work that an operator gave back."""

_CLAIM_AGAIN = (0.05, 0.2, 0.5)  # another replica may be about to leave the lane


class Lanes:
    """Works in each lane that has work, one task a lane for as long as it has some.

    Args:
        kind: what the lanes are of; leases of different kinds are independent.
        work: does all that waits in one lane, and returns.
        find: gives the lanes of which the store holds work, at most as many as asked for.
        leases: keep replicas out of each other's lanes.
        most: lanes worked in at once; others wait their turn.
    """

    def __init__(
        self,
        kind: str,
        work: Callable[[str], Awaitable[None]],
        find: Callable[[int], Awaitable[list[str]]],
        leases: Leases,
        most: int = 10_000,
    ) -> None:
        self._kind = kind
        self._work = work
        self._find = find
        self._leases = leases
        self._most = most
        self._active: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._turn: deque[str] = deque()
        self._woken = asyncio.Event()
        self._stopping = False
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

    async def look(self) -> None:
        """Wake the lanes of which the store holds work."""
        for lane in await self._find(2 * self._most):
            if lane not in self._active:
                self.wake(lane)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look())
            while True:
                await self._woken.wait()
                while self._turn and len(self._active) < self._most:
                    lane = self._turn.popleft()
                    self._active[lane] = group.create_task(self._run(lane), name=f"{self._kind} {lane}")
                self._woken.clear()

    async def idle(self) -> None:
        """Return when no lane has work."""
        await self._idle.wait()

    def held(self, lane: str) -> bool:
        """Whether this replica surely still is the one that works in a lane.

        One that stops leaves the rest to the others: in a lane there may be new work for ever.
        """
        if self._stopping and not self._leases.alone:
            return False
        return self._leases.held(self._kind, lane)

    def stop(self) -> None:
        """Look for no more work; what was woken is finished. Other replicas see to the rest."""
        self._stopping = True

    def leave(self, kept: Collection[str]) -> None:
        """Stop working in every lane but some."""
        for lane, task in self._active.items():
            if lane not in kept:
                self._again.discard(lane)
                task.cancel()
        self._turn.clear()
        if not self._active:
            self._idle.set()

    async def _look(self) -> None:
        while not self._stopping:
            with contextlib.suppress(StoreUnavailable):
                await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def _run(self, lane: str) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            while lane in self._again:
                if not await self._claim(lane, task):
                    self._again.discard(lane)
                    return
                try:
                    while lane in self._again:
                        self._again.discard(lane)
                        await self._work(lane)
                finally:
                    with contextlib.suppress(StoreUnavailable):  # it runs out by itself
                        await self._leases.release(self._kind, lane)
        finally:
            self._again.discard(lane)
            del self._active[lane]
            if not self._active and not self._turn:
                self._idle.set()
            self._woken.set()

    async def _claim(self, lane: str, task: "asyncio.Task[None]") -> bool:
        for pause in (*_CLAIM_AGAIN, None):
            with contextlib.suppress(StoreUnavailable):
                if await self._leases.claim(self._kind, lane, task.cancel):
                    return True
            if pause is not None:
                await asyncio.sleep(pause)
        return False  # whoever works there finds what we were woken for, or `look` does
