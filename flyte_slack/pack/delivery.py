"""Delivers stored events to Flyte, those of each lane in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from .. import logs, retries
from ..errors import FlyteError, FlyteNotFound
from ..flyte import FlyteClient
from ..store import Store, StoredEvent
from .arrivals import Arrivals
from .attempts import Attempts
from .definition import LARGEST, Event
from .health import Health
from .lanes import Lanes
from .metrics import EVENT_ACCEPTED, EVENTS
from .pulse import Pulse
from .registration import Registration

log = logs.get(__name__)

Mapping = Callable[[StoredEvent], Awaitable[Event | None]]
"""Makes of a stored event what flows see, or None where it is not for them. It may take its time, for
looking things up, but must not fail for want of them."""

_BATCH = 50  # of a lane, in memory; nothing that is stored later belongs before the last of it
_CONCURRENT_POSTS = 10  # more would hold up acknowledgements: they wait their turn in the event loop


class EventDelivery:
    """Delivers inbound events. A lane's event that Flyte does not take now holds up its own lane only.

    Args:
        client: of the Flyte API.
        registration: gives the link to post to.
        store: holds the events.
        health: told what Flyte accepts, and what it does not.
        mapping: from what is stored to what flows see.
        activity: beats with every event that Flyte accepted.
        recovered: beats when Flyte answers again; waiting lanes then try at once.
        arrivals: what was received and is not stored yet; nothing of its lane overtakes it.
    """

    def __init__(
        self,
        client: FlyteClient,
        registration: Registration,
        store: Store,
        health: Health,
        mapping: Mapping,
        activity: Pulse,
        recovered: Pulse,
        arrivals: Arrivals,
    ) -> None:
        self._client = client
        self._registration = registration
        self._inbox = store.inbox
        self._health = health
        self._leases = store.leases
        self._mapping = mapping
        self._activity = activity
        self._recovered = recovered
        self._arrivals = arrivals
        self._closed = False
        self._posts = asyncio.Semaphore(_CONCURRENT_POSTS)
        self._accepted: dict[int, asyncio.Future[None]] = {}
        self._lanes = Lanes("inbox", self._work, self._inbox.lanes, store.leases)
        self.wake = self._lanes.wake
        self.idle = self._lanes.idle
        self.stop = self._lanes.stop

    async def run(self) -> None:
        """Deliver until cancelled."""
        await self._lanes.run()

    async def close(self) -> None:
        """Post no more, and return when what is in flight is answered.

        Events have no identity in Flyte: one whose answer is not waited for would be posted again.
        """
        self._closed = True
        for _ in range(_CONCURRENT_POSTS):
            await self._posts.acquire()

    async def _next(self, lane: str) -> list[StoredEvent]:
        """Return the next events of a lane, when what was received before them is stored too."""
        waiting = await retries.until_stored(self._inbox.waiting, lane, _BATCH)
        if not waiting:
            return []
        last = waiting[-1]
        held = await self._arrivals.passed(lane, last.position, last.stored_at)
        if not self._leases.alone:
            mark = partial(retries.until_stored, self._inbox.mark, lane)
            held = await self._arrivals.quiet(mark, last.stored_at) or held
        if held:
            now = await retries.until_stored(self._inbox.waiting, lane, _BATCH)
            return [stored for stored in now if stored.position <= last.position]
        return waiting

    async def _work(self, lane: str) -> None:
        while waiting := await self._next(lane):
            for stored in waiting:
                if self._closed or not self._lanes.held(lane):
                    return
                if stored.id in self._accepted:
                    await self._marked(stored)
                    continue
                try:
                    event = await self._mapping(stored)
                except Exception as error:  # whatever it holds, it must not stop the others
                    log.exception("an event cannot be mapped: it is a dead letter", key=stored.key)
                    await self._dead(stored, "", f"cannot be mapped: {error.__class__.__name__}: {error}")
                    continue
                if event is None:
                    EVENTS.labels("", "left_out").inc()
                    await self._inbox.delivered(stored)
                elif event.too_large:
                    log.error("an event is larger than Flyte takes: it is a dead letter", key=stored.key)
                    await self._dead(stored, event.name, f"larger than the {LARGEST} bytes that Flyte takes")
                else:
                    await self._deliver(stored, event)
            if len(waiting) < _BATCH and self._leases.alone:
                return  # what was stored meanwhile has woken the lane

    async def _deliver(self, stored: StoredEvent, event: Event) -> None:
        attempts = Attempts("event", stored.key, self._client, self._health)
        try:
            while self._lanes.held(stored.lane):
                links = await self._registration.links()
                try:
                    async with self._posts:
                        await self._arrivals.calm()
                        if self._closed:
                            return
                        attempts.begin()
                        await self._client.post_event(links, event.wire())
                except FlyteError as error:
                    if isinstance(error, FlyteNotFound):
                        self._registration.lost(links)
                    if await attempts.are_enough(error, links) or attempts.are_enough_unanswered(error):
                        return await self._undeliverable(stored, event, error)
                    await attempts.pause(error, self._recovered.sleep)
                else:
                    return await self._delivered(stored, event)
        finally:
            attempts.over()

    async def _delivered(self, stored: StoredEvent, event: Event) -> None:
        self._activity.beat()
        self._health.accepted.beat()
        EVENTS.labels(event.name, "delivered").inc()
        EVENT_ACCEPTED.observe(max(0.0, time.time() - event.created_at.timestamp()))
        self._accepted[stored.id] = asyncio.ensure_future(self._inbox.delivered(stored))
        await self._marked(stored)
        log.info("event delivered", key=stored.key, name=event.name)

    async def _undeliverable(self, stored: StoredEvent, event: Event, error: FlyteError) -> None:
        reason = str(error)
        if error.reply_lost:
            reason += "; Flyte may have processed it, since only its answers are missing"
        log.error("an event cannot be delivered: it is a dead letter", key=stored.key, cause=reason)
        await self._dead(stored, event.name, reason)

    async def _dead(self, stored: StoredEvent, name: str, reason: str) -> None:
        EVENTS.labels(name, "dead").inc()
        await self._inbox.dead(stored, reason)

    async def _marked(self, stored: StoredEvent) -> None:
        """Return when the store knows that Flyte took an event; being cancelled does not undo that."""
        await asyncio.shield(self._accepted[stored.id])
        self._accepted.pop(stored.id, None)
