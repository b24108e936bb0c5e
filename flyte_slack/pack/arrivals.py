"""What is on its way into the store, so that nothing of its lane overtakes it (promise 3)."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable

LONGEST_HOLD = 5.0
"""Seconds after which what is stored is delivered, whatever may still be on its way."""

_OTHERS_HOLD = 2.0  # the same, for what other replicas may store
_QUIET = 0.025  # seconds without a new event of the lane, after which others have stored what they received
_QUIET_IN_A_BURST = 0.15
_OPENS_WITHIN = 0.5
_MOMENT = 0.03
_TURNS = 4  # of the event loop: what lies in a socket's buffers is read within three


class Source:
    """One way in which events are received: a connection, or what is read of a gap.

    Attributes:
        newest: the highest position received.
        received: how many events were received.
    """

    def __init__(self, wake: Callable[[str | None], None]) -> None:
        self.newest = 0.0
        self.received = 0
        self._wake = wake
        self._opening_until = 0.0
        self._passed: set[str] | None = None
        self._unstored: dict[Hashable, tuple[str, float]] = {}
        self._positions: defaultdict[str, list[float]] = defaultdict(list)

    def opening(self) -> None:
        """Say that the other side may send from now on, though nothing is read yet."""
        self._opening_until = time.monotonic() + _OPENS_WITHIN

    def opened(self) -> None:
        """Say that what is sent is read."""
        self._opening_until = 0.0
        self._wake(None)

    @property
    def opens_within(self) -> float:
        """Seconds for which it is worth waiting until it is read; 0 where it is, or takes too long."""
        return max(0.0, self._opening_until - time.monotonic())

    def arrived(self, id_: Hashable, lane: str, position: float) -> None:
        """Say that an event was received, and is about to be stored."""
        self.received += 1
        self.newest = max(self.newest, position)
        if id_ not in self._unstored:
            self._unstored[id_] = lane, position
            self._positions[lane].append(position)

    def settled(self, id_: Hashable) -> None:
        """Say that it is stored, or will not be."""
        lane, position = self._unstored.pop(id_, ("", 0.0))
        if lane:
            self._positions[lane].remove(position)
            if not self._positions[lane]:
                del self._positions[lane]
            self._wake(lane)

    def hold(self) -> None:
        """Say that something may be missing in every lane, until `passed` or `Arrivals.close` is called."""
        self._passed = set()

    def passed(self, lane: str) -> None:
        """Say that a lane is complete."""
        if self._passed is not None:
            self._passed.add(lane)
            self._wake(lane)

    @property
    def unsettled(self) -> bool:
        """Whether something was received that is not settled yet."""
        return bool(self._unstored)

    @property
    def is_read(self) -> bool:
        """Whether events come one by one, and not as what is read of a gap."""
        return self._passed is None

    def holds_before(self, lane: str, position: float) -> bool:
        """Whether something earlier in a lane is not stored yet."""
        if self._passed is not None and lane not in self._passed:
            return True
        return min(self._positions.get(lane, ()), default=position) < position


class Arrivals:
    """The ways in which events are received, and what of each is not stored yet.

    Several connections share a lane, and one of them can be read long after another. What is stored is
    held until every connection has got past it: it holds nothing earlier of the lane, and has either
    brought something newer or has nothing to be read.
    """

    def __init__(self) -> None:
        self._sources: set[Source] = set()
        self._waiting: dict[str, asyncio.Event] = {}
        self._calm = asyncio.Event()

    def open(self) -> Source:
        """Return a source for a new connection."""
        source = Source(self._wake)
        self._sources.add(source)
        return source

    def close(self, source: Source) -> None:
        """Wait no more for what a connection may bring."""
        self._sources.discard(source)
        self._wake(None)

    async def passed(self, lane: str, position: float, stored_at: float) -> bool:
        """Return when every connection has got past a position; False where that was so at once.

        Args:
            lane: of the event.
            position: of the event.
            stored_at: when it was stored, in seconds since the epoch; it is not held for longer than
                `LONGEST_HOLD` after that.
        """
        end = time.monotonic() + min(LONGEST_HOLD, stored_at + LONGEST_HOLD - time.time())
        held = False
        while (left := end - time.monotonic()) > 0:
            if opening := max((source.opens_within for source in self._sources), default=0.0):
                await self._sleep(lane, min(left, opening))
            elif any(source.holds_before(lane, position) for source in self._sources):
                await self._sleep(lane, left)
            elif not await self._reading(position):
                break
            held = True
        return held

    async def calm(self) -> None:
        """Return when what was received is settled, or in a moment: whoever sent it waits for an answer."""
        if any(source.unsettled for source in self._sources):
            self._calm.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_MOMENT):
                    await self._calm.wait()

    def _wake(self, lane: str | None) -> None:
        """Let a lane look again, or all of them."""
        if not any(source.unsettled for source in self._sources):
            self._calm.set()
        for event in self._waiting.values() if lane is None else filter(None, [self._waiting.get(lane)]):
            event.set()

    async def _sleep(self, lane: str, seconds: float) -> None:
        event = self._waiting[lane] = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.pop(lane, None)

    @staticmethod
    async def quiet(mark: Callable[[], Awaitable[object]], stored_at: float) -> bool:
        """Return when no other replica stores into a lane any more; False where that was so at once.

        Args:
            mark: returns what changes with every event that is stored into the lane.
            stored_at: as above; the hold is shorter, since nothing tells what others have received.
        """
        end = time.monotonic() + min(_OTHERS_HOLD, stored_at + _OTHERS_HOLD - time.time())
        pause, held = _QUIET, False
        before = await mark()
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(pause, left))
            after = await mark()
            if after == before:
                break
            before, pause, held = after, _QUIET_IN_A_BURST, True
        return held

    async def _reading(self, position: float) -> bool:
        """Whether a connection may have something older than a position that was not read yet."""
        behind = [
            (source, source.received)
            for source in self._sources
            if source.is_read and source.newest < position
        ]
        if behind:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
        return any(
            source.received != received and source.newest < position and source in self._sources
            for source, received in behind
        )
