"""The failed tries to deliver one event or result: when they are enough, and what is told of them."""

import time
from collections.abc import Awaitable, Callable

from .. import logs, retries
from ..errors import FlyteError, FlyteNotFound, FlyteUnauthorized
from ..flyte import FlyteClient, PackLinks
from ..flyte.patience import LONGEST
from .health import Health
from .metrics import FAILED_TRIES

log = logs.get(__name__)

_SIGN_OF_LIFE_WITHIN = 60.0
_UNHEALTHY_AFTER = 2  # tries: one that is slow or refused can be an accident
_LET_IN = {202, 400, 500}  # answers that come from behind whatever looks at tokens


class Attempts:
    """Tells a fault of what is delivered from one of Flyte's, or of what stands before it.

    What Flyte itself calls malformed (400) is dead at once, and what its server cannot take now waits. In
    between, a refusal can mean the token, which will be rotated, or this one event (a firewall dislikes its
    text). It is the event's if enough tries were refused while others were let in.

    Args:
        what: `event` or `result`.
        key: tells it from others.
        client: asked whether the token is let in.
        health: knows what else Flyte answers, and is told.
    """

    def __init__(self, what: str, key: str, client: FlyteClient, health: Health) -> None:
        self._what = what
        self._key = key
        self._client = client
        self._health = health
        self._tries = 0
        self._refused = 0
        self._refused_at = 0.0
        self._accepted_before = 0.0
        self._others_pass = False
        self._began_at = 0.0
        self._lost_at: float | None = None
        self._given_up = 0

    def begin(self) -> None:
        """Say that a try begins."""
        self._began_at = time.monotonic()
        self._accepted_before = self._health.accepted.last

    def over(self) -> None:
        """Say that there will be no more tries."""
        self._health.hindered.pop((self._what, self._key), None)

    async def are_enough(self, error: FlyteError, links: PackLinks) -> bool:
        """Whether a failed try was the last, because the fault lies with what is delivered.

        Args:
            error: what became of the try.
            links: of the registered pack.
        """
        self._tries += 1
        FAILED_TRIES.labels(self._what, _cause(error)).inc()
        level = 30 if self._tries == 1 else 10  # the rest is for those who look for it
        log.log(
            level,
            "a delivery waits for Flyte",
            what=self._what,
            key=self._key,
            tries=self._tries,
            cause=str(error),
        )
        refused = error.slow or isinstance(error, FlyteNotFound)
        if (refused or error.waited is not None) and self._tries >= _UNHEALTHY_AFTER:
            self._health.hindered[self._what, self._key] = str(error)
        if refused:
            return await self._is_refused_alone(error, links)
        return not error.retryable

    def are_enough_unanswered(self, error: FlyteError) -> bool:
        """Whether an event was posted often enough without an answer: each time it may be processed.

        Only tries count during which Flyte answered something else; it is not merely away then.
        """
        if not error.reply_lost or error.status is not None or self._health.answered.last < self._began_at:
            return False
        self._lost_at = self._lost_at or self._began_at
        self._given_up += (error.waited or 0.0) >= LONGEST
        lost_for = time.monotonic() - self._lost_at
        return self._given_up >= retries.MOST_UNANSWERED or lost_for >= retries.UNANSWERED_FOR

    async def pause(self, error: FlyteError, sleep: Callable[[float], Awaitable[object]]) -> None:
        """Wait before the next try.

        Args:
            error: what became of the last one.
            sleep: for so many seconds, at most.
        """
        if error.waited is not None and self._health.answered.last < self._began_at:
            # a server that answers nothing has the request, and may be about to go on with it
            await self._health.answered.sleep(_SIGN_OF_LIFE_WITHIN)
        await sleep(retries.pause(retries.FLYTE_DELIVERY, self._tries, error))

    async def _is_refused_alone(self, error: FlyteError, links: PackLinks) -> bool:
        self._refused += 1
        if self._refused == 1:
            self._refused_at = time.monotonic()
        if self._others_pass or self._accepted_before > self._refused_at:
            return self._refused >= retries.MOST_REFUSALS
        if self._refused >= retries.MOST_REFUSALS - 1:
            self._others_pass = await self._would_pass(error, links)
        return False  # if others pass, it has one more try after them

    async def _would_pass(self, error: FlyteError, links: PackLinks) -> bool:
        """Whether Flyte lets in what is posted the same way and is refused for another reason."""
        try:
            await self._client.try_events(links)
        except FlyteError as answer:
            if answer.status in _LET_IN:
                return True
            if answer.status == error.status or isinstance(answer, FlyteUnauthorized):
                return False
            polled = self._health.answered.last > self._refused_at
            return polled and self._refused >= 2 * retries.MOST_REFUSALS
        return True


def _cause(error: FlyteError) -> str:
    """Return the label of a failed try: the status, or why there is none."""
    if error.status is not None:
        return str(error.status)
    return "timeout" if error.waited is not None else "no_answer" if error.reply_lost else "not_reached"
