"""Takes actions from Flyte: often while something is going on, seldom when nothing is (promise 8)."""

import asyncio
import time

from .. import logs, retries
from ..errors import FlyteError, FlyteNotFound, FlyteProtocolError, NotStorable
from ..flyte import Action, FlyteClient, PackLinks
from ..store import Store
from .adoption import ResultLinks
from .dispatch import Dispatcher
from .health import Condition, Health
from .metrics import POLLS
from .pulse import Pulse
from .registration import Registration

log = logs.get(__name__)

SHORTEST_PAUSE = 0.02
"""Seconds between two polls while something is going on."""

_EVENT_TO_ACTION = 0.004  # Flyte makes the action of an event available after 1.5 ms (median) to 4.3 ms (p95)
_SHARE = 0.1


class Poller:
    """The one taker of actions: one take is in flight at a time.

    Args:
        client: of the Flyte API.
        registration: gives the link to take from.
        store: gets each action before the next take is sent.
        dispatcher: executes what was stored.
        health: told how Flyte answers.
        activity: beats with every event and action; brings the next poll nearer.
        recovered: beats when Flyte answers again after it did not.
        slowest: longest pause between two polls, in seconds.
    """

    def __init__(
        self,
        client: FlyteClient,
        registration: Registration,
        store: Store,
        dispatcher: Dispatcher,
        health: Health,
        activity: Pulse,
        recovered: Pulse,
        slowest: float,
    ) -> None:
        self._client = client
        self._registration = registration
        self._store = store
        self._result_links = ResultLinks(store)
        self._dispatcher = dispatcher
        self._health = health
        self._activity = activity
        self._recovered = recovered
        self._slowest = slowest
        self._stopping = False
        self._taking = False
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Take no more; `run()` returns when the take in flight is answered and its action stored."""
        self._stopping = True
        if self._task is not None and not self._taking:
            self._task.cancel()

    async def run(self) -> None:
        """Poll until stopped."""
        self._task = asyncio.create_task(self._poll(), name="poller")
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._stopping or not self._task.cancelled():
                self._task.cancel()
                raise

    async def _poll(self) -> None:
        while not self._stopping:
            links = await self._registration.links()
            await self._store.writable()
            asked_at = time.monotonic()
            self._taking = True
            try:
                action = await self._client.take(links)
                if action is not None:
                    await self._keep(action)
            except FlyteError as error:
                self._taking = False
                POLLS.labels("failed").inc()
                await self._failed(error, links)
            else:
                self._taking = False
                self._answered()
                POLLS.labels("none" if action is None else "action").inc()
                if action is None:
                    await self._pause(asked_at)
                else:
                    self._activity.beat()

    async def _keep(self, action: Action) -> None:
        """Store an action, however long that takes: Flyte will not hand it out again."""
        try:
            identity = await retries.until_stored(self._dispatcher.keep, action)
        except NotStorable as error:
            log.error("an action cannot be kept: Flyte shows it as PENDING for ever", cause=str(error))
            return
        if identity is not None:
            log.info("action taken", command=action.command, action=identity, result=action.result)
        else:
            log.warning("Flyte handed out an action for the second time", result=action.result)
        await self._result_links.learn(action.result)

    def _answered(self) -> None:
        self._health.flyte = Condition(True, "registered; polling for actions")
        self._health.answered.beat()
        if self._failures:
            log.info("Flyte answers again")
            self._failures = 0
            self._recovered.beat()

    async def _failed(self, error: FlyteError, links: PackLinks) -> None:
        self._failures += 1
        if isinstance(error, FlyteNotFound):
            self._registration.lost(links)
            if self._failures == 1:
                return
        self._health.flyte = Condition(False, str(error))
        if self._failures == 1:
            log.warning("Flyte cannot be polled", cause=str(error))
        if error.reply_lost or isinstance(error, FlyteProtocolError):
            log.warning(
                "a take was not answered: if Flyte had an action for it, Flyte shows it as PENDING, "
                "and the pack adopts it"
            )
        if not self._stopping:
            await asyncio.sleep(retries.pause(retries.FLYTE, self._failures, error))

    async def _pause(self, asked_at: float) -> None:
        """Wait for a tenth of the time since the last sign of life; a new one shortens the wait."""
        first_sign = 0.0  # since the last poll: an action may be about to come of it
        while not self._stopping:
            now, last = time.monotonic(), self._activity.last
            if last > asked_at and not first_sign:
                first_sign = last
            pause = min(max((now - last) * _SHARE, SHORTEST_PAUSE), self._slowest)
            due = max(asked_at + pause, first_sign + _EVENT_TO_ACTION)
            if due <= now:
                return
            if not await self._activity.sleep(due - now):
                return
