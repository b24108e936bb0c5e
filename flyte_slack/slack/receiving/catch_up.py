"""Knows when something may have been missed, and has it read from Slack's history (promise 11)."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping

from ... import logs, retries
from ...errors import StoreUnavailable
from ...pack.arrivals import LONGEST_HOLD, Arrivals, Source
from ...store import Gap, Store
from ..api.clock import SlackClock
from ..workspace.directory import Directory
from ..workspace.history import History
from ..workspace.identity import Identity
from .gap_reader import KEYS_KEPT, LISTING, OVERLAP, GapReader, Progress
from .listener import Listener

log = logs.get(__name__)

SLOW_LOOK = 600.0
"""Seconds between two looks into the history in HTTP mode: nothing tells when requests do not arrive."""

_NOTE = "listening_until"
_NOTE_EVERY = 10.0
_CLAIM_EVERY = 10.0  # as long as a lease of a replica that was killed
_LANES = "gaps"


class CatchUp:
    """Opens a gap whenever something may have been missed, and has it read.

    While the pack listens it notes so in the store; a gap begins at the last note, and is in the store
    before the note moves on. So a crash loses nothing of it.

    Args:
        history: what Slack remembers.
        listener: takes in what was missed, as it does what is received.
        store: remembers until when the pack listened, and what is left of gaps.
        identity: names the workspace.
        directory: told that names may have changed.
        clock: Slack's.
        horizon: how far back is read at most, in seconds; 0 for not at all.
        listening: whether messages are surely received at this moment; None if nothing tells, and there is
            a slow look instead.
        arrivals: told where something may be missing; what came after a gap waits a little for it.
    """

    def __init__(
        self,
        history: History,
        listener: Listener,
        store: Store,
        identity: Identity,
        directory: Directory,
        clock: SlackClock,
        horizon: float,
        listening: Callable[[], bool] | None,
        arrivals: Arrivals,
    ) -> None:
        self._history = history
        self._listener = listener
        self._store = store
        self._identity = identity
        self._directory = directory
        self._clock = clock
        self._horizon = horizon
        self._listening = listening
        self._arrivals = arrivals
        self._source = self._held_source()
        self._connected_at: float | None = None
        self._missed: dict[str | None, float] = {}
        self._missed_not_before = 0.0
        self._marks: Mapping[str, float] = {}
        self._reading: set[int] = set()
        self._noted: float | None = None
        self._was_connected = False
        self._wake = asyncio.Event()
        self.prepared = asyncio.Event()

    def connected(self) -> None:
        """Say that messages are received again after they were not."""
        self._arrivals.close(self._source)
        self._source = self._held_source()
        asyncio.get_running_loop().call_later(LONGEST_HOLD, self._arrivals.close, self._source)
        self._directory.forget()
        self._connected_at = self._clock.now()
        self._wake.set()

    def missed(self, lane: str | None, since: float) -> None:
        """Say that something may have been missed since a time: in one channel, or in any (None)."""
        self._missed[lane] = min(since, self._missed.get(lane, since))
        self._wake.set()

    async def run(self) -> None:
        """Open gaps and have them read, until cancelled."""
        # the newest known messages as they are before anything new is received
        self._marks = await retries.until_stored(self._store.inbox.marks)
        noted = await retries.until_stored(self._store.noted, _NOTE)
        self._noted = float(noted) if noted else None
        self.prepared.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_open_gaps(group))
            while True:
                await self._look(group)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_NOTE_EVERY):
                        await self._wake.wait()

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Open the gaps that there are, then note until when there is none."""
        self._wake.clear()
        if self._connected_at is not None:
            at, source, self._connected_at = self._connected_at, self._source, None
            if self._noted is not None:
                await self._open(group, self._noted, at, source)
            else:
                self._arrivals.close(source)  # the very first start: nothing was missed
            self._was_connected = True
            self._noted = at  # what is missed from now on is a gap
            await retries.until_stored(self._store.note, _NOTE, repr(at))
        if self._missed:
            await self._open_missed(group)
        if not self._missed:
            await self._note(group)

    async def _open_missed(self, group: asyncio.TaskGroup) -> None:
        """Open a gap for what was told to be missed; of all channels only one after the other."""
        if time.monotonic() < self._missed_not_before or (None in self._missed and self._reading):
            return
        self._missed_not_before = time.monotonic() + _NOTE_EVERY
        missed, self._missed = self._missed, {}
        now, since = self._clock.now(), min(missed.values())
        if None in missed:
            self._directory.forget()
            await self._open(group, since, now)
        else:
            lanes = {lane: start - OVERLAP for lane, start in missed.items() if lane is not None}
            await self._open(group, since, now, lanes=lanes)

    async def _note(self, group: asyncio.TaskGroup) -> None:
        now = self._clock.now()
        if self._noted is None or not self._was_connected or self._connected_at is not None:
            return  # a gap that is not opened yet begins at the last note
        if self._listening is None:
            if now - self._noted < SLOW_LOOK:
                return
            await self._open(group, self._noted, now)
        elif not self._listening():
            self._marks = await retries.until_stored(self._store.inbox.marks)
            return
        with contextlib.suppress(StoreUnavailable):
            await self._store.note(_NOTE, repr(now))
            self._noted = now

    async def _open(
        self,
        group: asyncio.TaskGroup,
        since: float,
        until: float,
        source: Source | None = None,
        lanes: Mapping[str, float] | None = None,
    ) -> None:
        """Store a gap, and begin to read it.

        Args:
            group: where it is read.
            since: when it began.
            until: when it ended.
            source: holds back what came after it.
            lanes: channels to which it is limited, each with its own beginning.
        """
        if not self._horizon:
            if source is not None:
                self._arrivals.close(source)
            return
        gaps = self._store.gaps
        id_ = await retries.until_stored(gaps.open, since, until)
        starts = lanes
        if starts is None:  # of a long gap the keys are gone: what was received before it is not read again
            newest = self._marks.items() if until - since >= KEYS_KEPT else ()
            starts = {lane: position for lane, position in newest if position > since}
        for lane, start in starts.items():
            progress = Progress(start=start).model_dump()
            await retries.until_stored(gaps.put, id_, lane, progress)
        if lanes is not None:
            await retries.until_stored(gaps.done, id_, LISTING)
        await self._begin(group, id_, source or self._arrivals.open())

    async def _read_open_gaps(self, group: asyncio.TaskGroup) -> None:
        """Read what an earlier run left, or a replica that was killed."""
        while True:
            for gap in await retries.until_stored(self._store.gaps.all):
                if gap.id not in self._reading:
                    await self._begin(group, gap.id, self._held_source())
            if self._store.leases.alone:
                return
            await asyncio.sleep(_CLAIM_EVERY)

    async def _begin(self, group: asyncio.TaskGroup, id_: int, source: Source) -> None:
        """Begin to read a gap, unless that is done already, maybe by a replica."""
        if id_ not in self._reading and await self._store.leases.claim(_LANES, str(id_), lambda: None):
            self._reading.add(id_)
            group.create_task(self._read(id_, source))
        else:
            self._arrivals.close(source)

    async def _read(self, id_: int, source: Source) -> None:
        loop = asyncio.get_running_loop()
        held = loop.call_later(LONGEST_HOLD, self._arrivals.close, source)
        try:
            if (gap := await self._stored(id_)) is not None:
                await GapReader(
                    gap,
                    self._store.gaps,
                    self._history,
                    self._listener,
                    self._identity,
                    self._clock,
                    self._horizon,
                    source,
                    self._marks,
                ).read()
        except Exception:  # whatever Slack answered, it must not stop what is received
            log.exception("a gap cannot be read: it is left to the next start", gap=id_)
        finally:
            held.cancel()
            self._arrivals.close(source)
            self._reading.discard(id_)
            await self._store.leases.release(_LANES, str(id_))

    async def _stored(self, id_: int) -> Gap | None:
        gaps = await retries.until_stored(self._store.gaps.all)
        return next((gap for gap in gaps if gap.id == id_), None)

    def _held_source(self) -> Source:
        source = self._arrivals.open()
        source.hold()
        return source
