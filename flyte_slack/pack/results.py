"""Delivers the results of actions to Flyte, each by itself."""

import asyncio
import contextlib
import time

import httpx

from .. import logs, retries
from ..errors import FlyteError, FlyteNotFound
from ..flyte import FlyteClient, PackLinks
from ..store import Store, StoredResult
from .attempts import Attempts
from .health import Health
from .lanes import Lanes
from .metrics import ACTION_COMPLETED
from .pulse import Pulse
from .registration import Registration

log = logs.get(__name__)

_CONCURRENT_POSTS = 10  # more would hold up acknowledgements: they wait their turn in the event loop


class ResultDelivery:
    """Delivers results. None of them holds up another.

    Args:
        client: of the Flyte API.
        registration: renewed where Flyte does not know the pack.
        store: holds the results.
        health: told what Flyte accepts, and what it does not.
        activity: beats with every result that Flyte accepted: results are events too.
        recovered: beats when Flyte answers again; waiting results are then tried at once.
    """

    def __init__(
        self,
        client: FlyteClient,
        registration: Registration,
        store: Store,
        health: Health,
        activity: Pulse,
        recovered: Pulse,
    ) -> None:
        self._client = client
        self._registration = registration
        self._actions = store.actions
        self._health = health
        self._activity = activity
        self._recovered = recovered
        self._posts = asyncio.Semaphore(_CONCURRENT_POSTS)
        self._closed = False
        self._lanes = Lanes("results", self._work, self._actions.results, store.leases)
        self.wake = self._lanes.wake
        self.idle = self._lanes.idle
        self.stop = self._lanes.stop

    async def run(self) -> None:
        """Deliver until cancelled."""
        await self._lanes.run()

    async def close(self, within: float) -> None:
        """Return when all are delivered, or after so many seconds when those in flight are answered."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.idle()
        self._closed = True
        for _ in range(_CONCURRENT_POSTS):
            await self._posts.acquire()

    async def _work(self, lane: str) -> None:
        attempts = Attempts("result", lane, self._client, self._health)
        try:
            await self._deliver(lane, attempts)
        finally:
            attempts.over()

    async def _deliver(self, lane: str, attempts: Attempts) -> None:
        registered_again: PackLinks | None = None
        refused_at: float | None = None
        while self._lanes.held(lane):
            result = await retries.until_stored(self._actions.result, lane)
            if result is None:
                return
            links = await self._registration.links()
            try:
                async with self._posts:
                    if self._closed:
                        return
                    await self._actions.delivering(result)
                    attempts.begin()
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
                if await self._ended(result, error, refused_for, attempts, links):
                    return
                await attempts.pause(error, self._recovered.sleep)
            else:
                return await self._delivered(result)

    async def _ended(
        self,
        result: StoredResult,
        error: FlyteError,
        refused_for: float | None,
        attempts: Attempts,
        links: PackLinks,
    ) -> bool:
        """Whether a failed try ends the matter: Flyte has the result already, or will never take it.

        Flyte answers 500 for a result it has already, and when its database is away. After a try whose
        answer was lost it is the former (promise 4).
        """
        if refused_for is not None and result.in_doubt:
            log.info("Flyte has the result already", action=result.identity)
            await self._delivered(result)
            return True
        if await attempts.are_enough(error, links) or (refused_for or 0.0) >= retries.RESULT_REFUSED_FOR:
            await self._dead(result, error)
            return True
        await self._actions.undelivered(
            result, in_doubt=result.in_doubt or error.reply_lost, refused_for=refused_for
        )
        return False

    async def _delivered(self, result: StoredResult) -> None:
        self._activity.beat()
        self._health.accepted.beat()
        ACTION_COMPLETED.observe(max(0.0, time.time() - result.taken_at))
        await self._actions.delivered(result)
        log.info("result delivered", action=result.identity, name=result.result["event"])

    async def _dead(self, result: StoredResult, error: FlyteError) -> None:
        log.error(
            "a result cannot be delivered: it is a dead letter", action=result.identity, cause=str(error)
        )
        await self._actions.dead(result, str(error))
