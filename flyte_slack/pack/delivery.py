"""Delivers what was stored to Flyte: events of each lane in order, each result by itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import httpx

from .. import logs, retries
from ..errors import FlyteError, FlyteNotFound
from ..flyte import FlyteClient, PackLinks
from ..store import Store, StoredEvent, StoredResult
from .arrivals import Arrivals
from .definition import LARGEST, Event
from .lanes import Lanes
from .metrics import ACTION_COMPLETED, EVENT_ACCEPTED, EVENTS
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
        mapping: Mapping,
        activity: Pulse,
        recovered: Pulse,
        arrivals: Arrivals,
    ) -> None:
        self._client = client
        self._registration = registration
        self._inbox = store.inbox
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
                    log.exception("an event cannot be mapped: put aside", key=stored.key)
                    await self._dead(stored, "", f"cannot be mapped: {error.__class__.__name__}: {error}")
                    continue
                if event is None:
                    EVENTS.labels("", "left_out").inc()
                    await self._inbox.delivered(stored)
                elif event.too_large:
                    log.error("an event is larger than Flyte takes: put aside", key=stored.key)
                    await self._dead(stored, event.name, f"larger than the {LARGEST} bytes that Flyte takes")
                else:
                    await self._deliver(stored, event)
            if len(waiting) < _BATCH and self._leases.alone:
                return  # what was stored meanwhile has woken the lane

    async def _deliver(self, stored: StoredEvent, event: Event) -> None:
        tries = 0
        while self._lanes.held(stored.lane):
            links = await self._registration.links()
            try:
                async with self._posts:
                    await self._arrivals.calm()
                    if self._closed:
                        return
                    await self._client.post_event(links, event.wire())
            except FlyteNotFound as error:
                self._registration.lost(links)
                tries += 1
                if tries > 1:
                    await self._recovered.sleep(retries.pause(retries.FLYTE_DELIVERY, tries, error))
            except FlyteError as error:
                if not error.retryable:
                    log.error("Flyte rejects an event for good: put aside", key=stored.key, cause=str(error))
                    await self._dead(stored, event.name, str(error))
                    return
                tries += 1
                log.log(
                    _level(tries), "an event waits for Flyte", key=stored.key, tries=tries, cause=str(error)
                )
                await self._recovered.sleep(retries.pause(retries.FLYTE_DELIVERY, tries, error))
            else:
                self._activity.beat()
                EVENTS.labels(event.name, "delivered").inc()
                EVENT_ACCEPTED.observe(max(0.0, time.time() - event.created_at.timestamp()))
                self._accepted[stored.id] = asyncio.ensure_future(self._inbox.delivered(stored))
                await self._marked(stored)
                log.info("event delivered", key=stored.key, name=event.name)
                return

    async def _dead(self, stored: StoredEvent, name: str, reason: str) -> None:
        EVENTS.labels(name, "dead").inc()
        await self._inbox.dead(stored, reason)

    async def _marked(self, stored: StoredEvent) -> None:
        """Return when the store knows that Flyte took an event; being cancelled does not undo that."""
        await asyncio.shield(self._accepted[stored.id])
        self._accepted.pop(stored.id, None)


class ResultDelivery:
    """Delivers results. None of them holds up another.

    Args:
        client: of the Flyte API.
        registration: renewed where Flyte does not know the pack.
        store: holds the results.
        activity: beats with every result that Flyte accepted: results are events too.
        recovered: beats when Flyte answers again; waiting results are then tried at once.
    """

    def __init__(
        self,
        client: FlyteClient,
        registration: Registration,
        store: Store,
        activity: Pulse,
        recovered: Pulse,
    ) -> None:
        self._client = client
        self._registration = registration
        self._actions = store.actions
        self._activity = activity
        self._recovered = recovered
        self._posts = asyncio.Semaphore(_CONCURRENT_POSTS)
        self._lanes = Lanes("results", self._work, self._actions.results, store.leases)
        self.wake = self._lanes.wake
        self.idle = self._lanes.idle
        self.stop = self._lanes.stop

    async def run(self) -> None:
        """Deliver until cancelled."""
        await self._lanes.run()

    async def _work(self, lane: str) -> None:
        registered_again: PackLinks | None = None
        refused_at: float | None = None
        tries = 0
        while self._lanes.held(lane):
            result = await retries.until_stored(self._actions.result, lane)
            if result is None:
                return
            links = await self._registration.links()
            try:
                async with self._posts:
                    await self._actions.delivering(result)
                    await self._client.complete(result.reference, result.result)
            except FlyteNotFound as error:
                await self._actions.undelivered(result, in_doubt=result.in_doubt)
                if registered_again is not None and registered_again is not links:
                    return await self._dead(result, error)
                registered_again = links
                self._registration.lost(links)
            except FlyteError as error:
                refused_for = None
                if error.status == httpx.codes.INTERNAL_SERVER_ERROR:
                    now = time.monotonic()
                    refused_for = (result.refused_for or 0.0) + now - (refused_at or now)
                    refused_at = now
                if await self._ended(result, error, refused_for):
                    return
                tries += 1
                log.log(_level(tries), "a result waits for Flyte", action=result.identity, cause=str(error))
                await self._recovered.sleep(retries.pause(retries.FLYTE_DELIVERY, tries, error))
            else:
                return await self._delivered(result)

    async def _ended(self, result: StoredResult, error: FlyteError, refused_for: float | None) -> bool:
        """Whether a failed try ends the matter: Flyte has the result already, or will never take it.

        Flyte answers 500 for a result it has already, and when its database is away. After a try whose
        answer was lost it is the former (promise 4).
        """
        if refused_for is not None and result.in_doubt:
            log.info("Flyte has the result already", action=result.identity)
            await self._delivered(result)
            return True
        if not error.retryable or (refused_for or 0.0) >= retries.RESULT_REFUSED_FOR:
            await self._dead(result, error)
            return True
        await self._actions.undelivered(
            result, in_doubt=result.in_doubt or error.reply_lost, refused_for=refused_for
        )
        return False

    async def _delivered(self, result: StoredResult) -> None:
        self._activity.beat()
        ACTION_COMPLETED.observe(max(0.0, time.time() - result.taken_at))
        await self._actions.delivered(result)
        log.info("result delivered", action=result.identity, name=result.result["event"])

    async def _dead(self, result: StoredResult, error: FlyteError) -> None:
        log.error("Flyte rejects a result for good: put aside", action=result.identity, cause=str(error))
        await self._actions.dead(result, str(error))


def _level(tries: int) -> int:
    """Warn of the first failure, and leave the rest to those who look for it."""
    return 30 if tries == 1 else 10
