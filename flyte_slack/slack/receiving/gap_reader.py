"""Reads one gap from Slack's history: channel by channel, page by page, thread by thread.

What was read is kept in the store after every page, so that nothing is read twice: not after a limit,
a failure or a restart.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel

from ... import logs, retries
from ...errors import StoreUnavailable
from ...pack.arrivals import Source
from ...store import Gap, Gaps
from ..api.clock import SlackClock
from ..api.failures import Outcome
from ..api.timestamps import seconds
from ..workspace.history import CannotLook, History, Message
from ..workspace.identity import Identity
from ..workspace.profiles import Channel, text
from .listener import Listener

log = logs.get(__name__)

LISTING = ""
"""Lane of a gap that tells how far the channels are listed."""

OVERLAP = 60.0  # read again and known by their keys: Slack's envelopes do not come in order
KEYS_KEPT = 24 * 3600.0  # for so long it is known which messages were received
_SIDE_BY_SIDE = 8
_TOGETHER = 1.5  # seconds that a channel's messages wait for the replies in its threads, to be in order
_STORED_AT_ONCE = 100
_JOINS = frozenset({"channel_join", "group_join"})
_GONE = frozenset(
    {
        "channel_is_archived",
        "channel_not_found",
        "im_not_found",
        "is_archived",
        "not_in_channel",
        "thread_not_found",
    }
)


class Progress(BaseModel):
    """How far a channel is read.

    Attributes:
        start: what was written after this may have been missed.
        type: of the channel.
        cursor: of the next page of its history, or of the first thread's replies.
        read: whether its history is read, and only threads are left.
        messages: what was read, and is not stored yet.
        threads: whose replies are still to be read.
    """

    start: float
    type: str = ""
    cursor: str = ""
    read: bool = False
    messages: list[dict[str, Any]] = []
    threads: list[str] = []


class GapReader:
    """Reads one gap, for as long as it takes.

    Args:
        gap: as it is in the store.
        gaps: where its progress is kept.
        history: what Slack remembers.
        listener: takes in what was missed, as it does what is received.
        identity: names the workspace, and the bot.
        clock: Slack's.
        horizon: how far back is read at most, in seconds.
        source: told which lanes are complete.
        newest: newest known message of each channel: those with the newest are read first.
    """

    def __init__(
        self,
        gap: Gap,
        gaps: Gaps,
        history: History,
        listener: Listener,
        identity: Identity,
        clock: SlackClock,
        horizon: float,
        source: Source,
        newest: Mapping[str, float],
    ) -> None:
        self._gap = gap
        self._gaps = gaps
        self._history = history
        self._listener = listener
        self._identity = identity
        self._clock = clock
        self._horizon = horizon
        self._source = source
        self._newest = newest
        self._channels = {
            lane: Progress.model_validate(known.progress)
            for lane, known in gap.lanes.items()
            if lane != LISTING and not known.done
        }
        self._stored: set[str] = set()  # channels whose messages wait for no thread any more
        self._storing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._histories = asyncio.Semaphore(_SIDE_BY_SIDE)
        self._threads = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def read(self) -> None:
        """Return when all of the gap is read, and that is stored."""
        await self._identity.known()
        await self._until_done(self._list)
        newest_first = sorted(self._channels, key=lambda id_: self._newest.get(id_, 0.0), reverse=True)
        async with asyncio.TaskGroup() as group:
            for id_ in newest_first:
                group.create_task(self._read_channel(id_))
        await retries.until_stored(self._gaps.close, self._gap.id)
        log.info("history was read for missed messages", since=self._gap.since, channels=len(newest_first))

    async def _until_done(
        self,
        step: Callable[[], Awaitable[None]],
        channel: str = "",
        at_once: contextlib.AbstractAsyncContextManager[object] | None = None,
    ) -> None:
        """Do a step until Slack and the store let it; a refusal delays it, and never counts as done."""
        tries = 0
        while True:
            try:
                async with at_once or contextlib.nullcontext():
                    return await step()
            except StoreUnavailable as error:
                cause, wait = str(error), retries.STORE
            except CannotLook as error:
                cause = error.failure.code
                if cause in _GONE:
                    log.warning("a channel's history cannot be read", channel=channel, cause=cause)
                    return None
                refused = error.failure.outcome is Outcome.REFUSED
                wait = retries.SLACK_REFUSED if refused else retries.SLACK_LOOK
            tries += 1
            if self._clock.now() - (self._gap.until or self._clock.now()) > KEYS_KEPT:
                log.error("missed messages are given up after a day", channel=channel, cause=cause)
                return None
            log.log(
                30 if tries == 1 else 10, "missed messages cannot be read yet", channel=channel, cause=cause
            )
            await asyncio.sleep(retries.pause(wait, tries, TimeoutError()))

    async def _list(self) -> None:
        """Note each channel that the bot is in."""
        listing = self._gap.lanes.get(LISTING)
        if listing is not None and listing.done:
            return
        cursor = text((listing.progress or {}).get("cursor")) if listing is not None else ""
        seen: set[str] = set()
        while cursor not in seen:
            seen.add(cursor)
            page = await self._history.channels_page(cursor, self._identity.team_id)
            new = {text(channel.get("id")): channel for channel in page.items if channel.get("id")}
            await asyncio.gather(*(self._begin(id_, channel) for id_, channel in new.items()))
            cursor = page.cursor
            if not cursor:
                break
            await self._gaps.put(self._gap.id, LISTING, {"cursor": cursor})
        for id_ in [id_ for id_, progress in self._channels.items() if not progress.type]:
            del self._channels[id_]  # the bot has left it
        await self._gaps.done(self._gap.id, LISTING)

    async def _begin(self, id_: str, channel: Message) -> None:
        """Note a channel, and since when something of it may have been missed."""
        known = self._gap.lanes.get(id_)
        if known is not None and known.done:
            return
        now = self._clock.now()
        if id_ in self._channels:
            start = self._channels[id_].start
        else:
            start = self._gap.since - (OVERLAP if now - self._gap.since < KEYS_KEPT else 0.0)
        type_ = Channel.from_slack(id_, channel).type
        self._channels[id_] = Progress(start=max(start, now - self._horizon), type=type_)
        await self._keep(id_)

    async def _read_channel(self, id_: str) -> None:
        progress = self._channels[id_]
        store = partial(self._store, id_, progress)
        await self._until_done(partial(self._read_history, id_, progress), id_, self._histories)
        if progress.read:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read_threads(id_, progress))
                await asyncio.wait([reading], timeout=_TOGETHER)
                self._stored.add(id_)
                await self._until_done(store, id_)
                self._source.passed(id_)
            await self._until_done(store, id_)
        self._source.passed(id_)
        await retries.until_stored(self._gaps.done, self._gap.id, id_)

    async def _read_history(self, id_: str, progress: Progress) -> None:
        """Read a channel's messages, and which of its threads have new replies."""
        seen = {""}
        # roots are looked for as far back as is allowed: a new reply can be in an old thread
        oldest = min(progress.start, self._clock.now() - self._horizon)
        while not progress.read:
            page = await self._history.messages_page(id_, progress.cursor, oldest)
            for message in page.items:
                if self._is_own_joining(message):
                    progress.start = max(progress.start, seconds(message.get("ts")))
                if seconds(message.get("ts")) > progress.start:
                    progress.messages.append(dict(message))
                if seconds(message.get("latest_reply")) > progress.start:
                    progress.threads.append(text(message.get("thread_ts")) or text(message.get("ts")))
            progress.read = page.cursor in seen
            seen.add(page.cursor)
            progress.cursor = "" if progress.read else page.cursor
            await retries.until_stored(self._keep, id_)

    async def _read_threads(self, id_: str, progress: Progress) -> None:
        """Read the new replies, thread by thread; each is stored at once if the messages are by then."""
        while progress.threads:
            await self._until_done(partial(self._read_thread, id_, progress), id_, self._threads)
            progress.threads, progress.cursor = progress.threads[1:], ""
            await retries.until_stored(self._keep, id_)
            if id_ in self._stored:
                await self._until_done(partial(self._store, id_, progress), id_)

    async def _read_thread(self, id_: str, progress: Progress) -> None:
        seen = {""}
        while True:
            page = await self._history.replies_page(id_, progress.threads[0], progress.cursor, progress.start)
            progress.messages += [dict(one) for one in page.items if seconds(one.get("ts")) > progress.start]
            if page.cursor in seen:
                return
            seen.add(page.cursor)
            progress.cursor = page.cursor
            await retries.until_stored(self._keep, id_)

    async def _store(self, id_: str, progress: Progress) -> None:
        """Store what was read so far, in order."""
        async with self._storing[id_]:
            messages = sorted(progress.messages, key=lambda message: seconds(message.get("ts")))
            for first in range(0, len(messages), _STORED_AT_ONCE):
                some = messages[first : first + _STORED_AT_ONCE]
                bodies = [self._body(id_, progress.type, message) for message in some]
                await asyncio.gather(*map(self._listener.receive, bodies))
            progress.messages = progress.messages[len(messages) :]
            await self._keep(id_)

    async def _keep(self, id_: str) -> None:
        await self._gaps.put(self._gap.id, id_, self._channels[id_].model_dump())

    def _body(self, id_: str, type_: str, message: Message) -> dict[str, Any]:
        event = {**message, "type": "message", "channel": id_, "channel_type": type_}
        return {"type": "event_callback", "team_id": self._identity.team_id, "event": event}

    def _is_own_joining(self, message: Message) -> bool:
        return message.get("subtype") in _JOINS and text(message.get("user")) == self._identity.user_id
