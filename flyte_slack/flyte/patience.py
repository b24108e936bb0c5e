"""How long an answer is waited for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LONGEST = 75.0
"""Seconds that a take, and a post to a slow server, may last. A take that is given up can lose its
action, and a server whose database is down answers only after 60 s."""

_GROWTH = 4
_QUICK_AGAIN = 50  # answers in a row
_TURNS = 20  # of the event loop: an answer that is there already goes through all layers in fewer


class Patience:
    """Seconds that a post may last: more after each that was given up, since each may be processed twice.

    Args:
        usual: seconds while the server answers in time.

    Attributes:
        seconds: for the next post.
    """

    def __init__(self, usual: float) -> None:
        self.seconds = usual
        self._usual = usual
        self._quick = 0

    def ran_out(self, waited: float) -> None:
        """Say that an answer was given up after so many seconds."""
        self._quick = 0
        self.seconds = max(self.seconds, min(waited * _GROWTH, LONGEST))

    def answered(self, after: float) -> None:
        """Say that an answer came; once enough of them came in time, it is waited for as before."""
        self._quick = self._quick + 1 if after < self._usual / 2 else 0
        if self._quick >= _QUICK_AGAIN:
            self.seconds = self._usual


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Give up after so many seconds, but not before what has arrived by then was read.

    A process that stood still (a suspended machine, an overloaded one) finds its timers due before it has
    read its sockets. `asyncio.timeout` would throw away the answers that lie there.

    Raises:
        TimeoutError: the time is up.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.Handle

    def expire(turns: int) -> None:
        nonlocal timer
        if turns:
            timer = loop.call_soon(expire, turns - 1)
        else:
            limit.reschedule(loop.time())

    async with asyncio.timeout(None) as limit:
        timer = loop.call_later(seconds, expire, _TURNS)
        try:
            yield
        finally:
            timer.cancel()
