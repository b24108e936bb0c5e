"""Fills gaps: what was written while nobody listened is read from Slack's history (promise 11)."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ... import logs, retries
from ...errors import StoreUnavailable
from ...pack.arrivals import LONGEST_HOLD, Arrivals, Source
from ...store import Store
from ..api.clock import SlackClock
from ..api.failures import Outcome
from ..api.timestamps import seconds
from ..workspace.history import CannotLook, History, Message
from ..workspace.identity import Identity
from ..workspace.profiles import Channel
from .listener import Listener

log = logs.get(__name__)

_NOTE = "listening_until"
_NOTE_EVERY = 10.0
_OVERLAP = 60.0  # read again and known by their keys: Slack's envelopes do not come in order
_KEYS_KEPT = 24 * 3600.0
_GIVEN_UP_AFTER = 900.0  # seconds after which a channel whose history cannot be read is let be
_PATIENCE = 60.0  # seconds for one channel, before the next one is read and this one again later


class CatchUp:
    """Reads the history of the bot's channels after every time without a connection.

    While the pack listens it notes so in the store; a gap begins at the last note. The note stands
    still until a gap is filled, so that a crash in between loses nothing of it.

    Args:
        history: what Slack remembers.
        listener: takes in what was missed, as it does what is received.
        store: remembers until when the pack listened, and the newest message of each channel.
        identity: names the workspace.
        clock: Slack's.
        horizon: how far back is read at most, in seconds; 0 for not at all.
        listening: whether messages are received at this moment.
        arrivals: told where something may be missing; what came after a gap waits a little for it.
    """

    def __init__(
        self,
        history: History,
        listener: Listener,
        store: Store,
        identity: Identity,
        clock: SlackClock,
        horizon: float,
        listening: Callable[[], bool],
        arrivals: Arrivals,
    ) -> None:
        self._history = history
        self._listener = listener
        self._store = store
        self._identity = identity
        self._clock = clock
        self._horizon = horizon
        self._listening = listening
        self._arrivals = arrivals
        self._gap = arrivals.open()
        self._gap.hold()  # a crash may have left what came after a gap, and not what is in it
        self._connected = asyncio.Event()
        self._connected_at = 0.0

    def connected(self) -> None:
        """Say that messages are received again after they were not."""
        self._arrivals.close(self._gap)
        self._gap = self._arrivals.open()
        self._gap.hold()
        asyncio.get_running_loop().call_later(LONGEST_HOLD, self._arrivals.close, self._gap)
        self._connected_at = self._clock.now()
        self._connected.set()

    async def run(self) -> None:
        """Fill gaps until cancelled."""
        await self._connected.wait()
        noted = await self._noted()
        filled = True
        while True:
            if self._connected.is_set():
                self._connected.clear()
                gap, connected_at = self._gap, self._connected_at
                filled = noted is None or await self._fill(noted, gap)
                self._arrivals.close(gap)
                noted = connected_at if noted is None else noted  # what is missed from now on is a gap
            listening = self._listening() and not self._connected.is_set()
            if noted is not None and filled and listening:
                noted = await self._note(noted)
            try:
                async with asyncio.timeout(_NOTE_EVERY):
                    await self._connected.wait()
            except TimeoutError:
                continue

    async def _noted(self) -> float | None:
        noted = await retries.until_stored(self._store.noted, _NOTE)
        return float(noted) if noted else None

    async def _note(self, before: float) -> float:
        now = self._clock.now()
        try:
            await self._store.note(_NOTE, repr(now))
        except StoreUnavailable:
            return before
        return now

    async def _fill(self, since: float, gap: Source) -> bool:
        """Read what was missed since a time; tried until Slack and the store let it.

        Returns:
            False where connections were lost again before all was read: the next gap begins with this one.
        """
        if not self._horizon:
            return True
        given_up = time.monotonic() + _GIVEN_UP_AFTER
        tries = 0
        left: list[Message] | None = None
        while left is None or left:
            try:
                if left is None:
                    left = [channel async for channel in self._history.channels(self._deadline())]
                left = [channel for channel in left if not await self._caught_up(channel, since, gap)]
            except (CannotLook, StoreUnavailable) as error:
                if isinstance(error, CannotLook) and error.failure.outcome is Outcome.REFUSED:
                    log.error("Slack's history cannot be read for missed messages", cause=str(error))
                    return True
                log.warning("missed messages cannot be read yet", cause=str(error))
            if left is None or left:
                if left and time.monotonic() > given_up:
                    log.error(
                        "missed messages of some channels are given up",
                        channels=[channel.get("id") for channel in left],
                    )
                    break
                tries += 1
                if await self._connected_again(retries.pause(retries.SLACK_LOOK, tries, TimeoutError())):
                    return False
        log.info("history was read for missed messages", since=since)
        return True

    async def _connected_again(self, seconds: float) -> bool:
        """Wait, but not for longer than until connections were lost and opened again."""
        try:
            async with asyncio.timeout(seconds):
                await self._connected.wait()
        except TimeoutError:
            return False
        return True

    async def _caught_up(self, channel: Message, since: float, gap: Source) -> bool:
        """Take in what was missed in one channel; return False where that has to be tried again."""
        try:
            await self._channel(channel, since)
        except CannotLook as error:
            cause = error.failure.code
            log.warning("a channel's history cannot be read", channel=channel.get("id"), cause=cause)
            if error.failure.outcome is not Outcome.REFUSED:
                return False
        gap.passed(str(channel.get("id") or ""))
        return True

    @staticmethod
    def _deadline() -> float:
        return time.monotonic() + _PATIENCE

    async def _channel(self, channel: Message, since: float) -> None:
        """Take in what was missed in one channel, in order."""
        id_ = str(channel.get("id") or "")
        now = self._clock.now()
        start = await self._start(id_, since, now)
        deadline = self._deadline()
        missed: dict[str, Message] = {}
        threads: list[str] = []
        # roots are looked for as far back as is allowed: a new reply can be in an old thread
        async for message in self._history.messages(id_, deadline, oldest=now - self._horizon):
            if seconds(message.get("ts")) > start:
                missed[str(message["ts"])] = message
            if seconds(message.get("latest_reply")) > start:
                threads.append(str(message.get("thread_ts") or message["ts"]))
        for thread in threads:
            async for message in self._history.replies(id_, thread, deadline, oldest=start):
                if seconds(message.get("ts")) > start:
                    missed[str(message["ts"])] = message
        kind = Channel.from_slack(id_, channel).type
        for ts in sorted(missed, key=seconds):
            await self._listener.receive(self._body(id_, kind, missed[ts]))

    async def _start(self, channel: str, since: float, now: float) -> float:
        """Return the time from which on a channel's messages may have been missed."""
        newest = await self._store.inbox.newest(channel)
        start = since if newest is None else newest
        if now - since < _KEYS_KEPT:
            start = min(start, since - _OVERLAP)
        return max(start, now - self._horizon)

    def _body(self, channel: str, kind: str, message: Message) -> dict[str, Any]:
        event = {**message, "type": "message", "channel": channel, "channel_type": kind}
        return {"type": "event_callback", "team_id": self._identity.team_id, "event": event}
