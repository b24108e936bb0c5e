"""Signs of life, and sleeping so that one of them can wake the sleeper."""

import asyncio
import time


class Pulse:
    """Something that happens now and then, and that others wait for.

    Attributes:
        last: when it happened last, on the monotonic clock.
    """

    def __init__(self) -> None:
        self.last = time.monotonic()
        self._next = asyncio.Event()

    def beat(self) -> None:
        """Say that it happened, and wake whoever sleeps on it."""
        self.last = time.monotonic()
        self._next.set()
        self._next = asyncio.Event()

    async def sleep(self, seconds: float) -> bool:
        """Sleep, but only until the next beat; return whether there was one."""
        try:
            async with asyncio.timeout(seconds):
                await self._next.wait()
        except TimeoutError:
            return False
        return True
