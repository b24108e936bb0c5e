"""Every retry of the pack, as a named policy.

A policy says how long to wait before try `n` and when to give up. Which errors are worth another
try is said by their class (`retryable`), never here.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.stop import stop_after_delay, stop_never
from tenacity.wait import wait_base, wait_random_exponential

P = ParamSpec("P")
T = TypeVar("T")

SLOWEST = 30.0
"""Longest wait, in seconds, of any policy towards Flyte (promise 8)."""


class _FlyteWait(wait_base):
    """Quick at first where Flyte is merely away; slow where somebody has to change something first."""

    def __init__(self, slowest: float) -> None:
        self._away = wait_random_exponential(multiplier=0.2, min=0.05, max=slowest)
        self._refused = wait_random_exponential(multiplier=1, min=1, max=15)

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        own = (self._refused if getattr(error, "slow", False) else self._away)(retry_state)
        asked = getattr(error, "retry_after", None)
        if asked is not None:
            return min(max(float(asked), own), SLOWEST)
        return own


FLYTE: wait_base = _FlyteWait(slowest=5)
"""Waits between two tries to register, or to take."""

FLYTE_DELIVERY: wait_base = _FlyteWait(slowest=15)
"""Waits between two tries to deliver: many lanes may wait, and are woken when Flyte answers a take."""

RESULT_REFUSED_FOR = 900.0
"""Seconds that a result answered 500 is tried again: Flyte's database may be away (promise 4)."""

MOST_REFUSALS = 7
"""Tries of an event or result that Flyte refuses while it accepts others; it is dead then. With the waits of
`FLYTE_DELIVERY` these are about half a minute."""

MOST_UNANSWERED = 2
"""Tries of an event that Flyte leaves without an answer for as long as a take may last."""

UNANSWERED_FOR = 900.0
"""Seconds after which an event is dead whose connection breaks each time, while others do not."""

SLACK_CALL: wait_base = wait_random_exponential(multiplier=0.5, min=0.25, max=15)
"""Waits between two tries of a call that Slack did not take, if Slack names no time itself."""

SLACK_UNAVAILABLE_AFTER = 600.0
"""Seconds after which a call that Slack does not take ends in `unavailable` (contract, section 4)."""

SLACK_LOOK: wait_base = wait_random_exponential(multiplier=0.5, min=0.5, max=15)
"""Waits between two tries to read what is in Slack."""

SLACK_REFUSED: wait_base = wait_random_exponential(multiplier=2, min=2, max=300)
"""Waits between two tries to read what Slack refuses to show: somebody has to change something first."""

SLACK_CONNECT: wait_base = wait_random_exponential(multiplier=0.5, min=0.25, max=20)
"""Waits between two tries of a Socket Mode connection; `apps.connections.open` is a tier 1 method."""

STORE: wait_base = wait_random_exponential(multiplier=0.1, min=0.1, max=2)
"""Waits between two tries to use a store that could not be written."""


def is_retryable(error: BaseException) -> bool:
    """Whether the class of an error says that the same call can succeed later."""
    return bool(getattr(error, "retryable", False))


def pause(wait: wait_base, tries: int, error: BaseException) -> float:
    """Return the seconds that a policy waits after so many failed tries, for loops that outlive one call."""
    state = RetryCallState(retry_object=AsyncRetrying(), fn=None, args=(), kwargs={})
    state.attempt_number = tries
    state.set_exception((type(error), error, error.__traceback__))
    return float(wait(state))


async def repeat(call: Callable[[], Awaitable[T]], wait: wait_base, within: float | None = None) -> T:
    """Call again while it fails with a retryable error, and raise any other.

    Args:
        call: what to do.
        wait: one of the policies above.
        within: seconds after which it is given up, and the last error raised; never, by default.
    """
    begun_at = time.monotonic()
    try:
        return await call()  # as a rule that does it: no machinery is set up for it
    except Exception as error:
        if not is_retryable(error) or (within is not None and time.monotonic() - begun_at >= within):
            raise
        first = pause(wait, 1, error)
    await asyncio.sleep(first)
    async for attempt in AsyncRetrying(
        wait=wait,
        stop=stop_never if within is None else stop_after_delay(begun_at + within - time.monotonic()),
        retry=retry_if_exception(is_retryable),
        reraise=True,
    ):
        with attempt:
            return await call()
    raise AssertionError("a loop without a stop does not end")


async def until_stored(call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call the store until it answers."""
    return await repeat(partial(call, *args, **kwargs), STORE)
