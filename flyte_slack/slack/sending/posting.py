"""Posts messages: paced, retried where nothing was posted, and never blindly twice (promises 5 and 6)."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cachetools import TTLCache
from slack_sdk.web.async_client import AsyncWebClient

from ... import logs, retries
from ...pack import ActionContext
from ..api.clock import SlackClock
from ..api.failures import Failure, Kind, Outcome, read_failure
from .reconciliation import Reconciliation, metadata

log = logs.get(__name__)

BURST = 3
"""Messages that a channel may get at once after it was quiet; Slack allows short bursts."""

_INTERVAL = 1.0  # seconds between two messages to one channel, in the long run

_SEVERAL = 3  # channels that are refused one after the other, before it is the workspace's limit
_SLOWER, _FASTER = 0.05, 0.98  # seconds between any two messages at first; its share with each one served

_ASKED_TO_WAIT = Failure(Outcome.NOT_POSTED, "ratelimited", Kind.UNAVAILABLE)


class PostFailed(Exception):
    """Slack did not take a message, and surely did not post it.

    Attributes:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


class _NotPosted(PostFailed):
    """Can be tried again."""

    retryable = True

    @property
    def retry_after(self) -> float | None:
        return self.failure.retry_after


class Pace:
    """When the next message may go to one channel: one a second, with a small burst.

    Attributes:
        was_quiet: whether the last message could have been the first of a whole burst.
    """

    def __init__(self) -> None:
        self._due = 0.0  # when the channel would be quiet again
        self._held_until = 0.0
        self.was_quiet = True

    def hold(self, seconds: float) -> None:
        """Let nothing through for so long: Slack asked for it."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds until the next message may go."""
        return max(self._held_until, self._due - (BURST - 1) * _INTERVAL) - time.monotonic()

    def take(self) -> None:
        """Take the place of the next message."""
        now = time.monotonic()
        self.was_quiet = self._due <= now
        self._due = max(self._due, now) + _INTERVAL

    def answered(self) -> float:
        """Note that Slack has answered: it may have counted the message as late as now.

        Returns:
            The seconds until the channel is quiet again.
        """
        now = time.monotonic()
        self._due = max(self._due, now + _INTERVAL)
        return self._due - now

    def busy(self, seconds: float) -> None:
        """Note that the channel is quiet in so many seconds; more than a burst's are a wrong clock's."""
        if seconds <= (BURST + 1) * _INTERVAL:
            self._due = max(self._due, time.monotonic() + seconds)


class Workspace:
    """When the next message may go to any channel, where Slack limits the workspace as a whole.

    Slack does not say which limit was hit. Where several channels that were quiet are refused in a row
    and none is served, it is hardly their own: messages then go one after the other, ever more slowly,
    until they are served. Each channel that was refused is held by itself.
    """

    def __init__(self) -> None:
        self._refused: set[str] = set()
        self._interval = 0.0
        self._due = 0.0

    def refused(self, channel: str) -> None:
        """Note that Slack asked to wait with a channel that was quiet."""
        self._refused.add(channel)
        if len(self._refused) >= _SEVERAL:
            self._refused.clear()
            self._interval = min(max(2 * self._interval, _SLOWER), _INTERVAL)

    def served(self) -> None:
        """Note that Slack took a message."""
        self._refused.clear()
        self._interval = self._interval * _FASTER if self._interval > _SLOWER / 10 else 0.0

    def left(self) -> float:
        """Return the seconds until the next message may go."""
        return self._due - time.monotonic()

    def take(self) -> None:
        """Take the place of the next message."""
        self._due = time.monotonic() + self._interval


class Poster:
    """Posts to Slack with `chat.postMessage`.

    Args:
        web: the Web API, with the bot token and without retries of its own.
        clock: Slack's.
        reconciliation: finds out what became of a post whose outcome is unknown.
    """

    def __init__(self, web: AsyncWebClient, clock: SlackClock, reconciliation: Reconciliation) -> None:
        self._web = web
        self._clock = clock
        self._reconciliation = reconciliation
        self._paces: TTLCache[str, Pace] = TTLCache(10_000, 3600)
        self._workspace = Workspace()

    async def post(self, message: Mapping[str, Any], action: ActionContext) -> Mapping[str, Any]:
        """Post a message once, and return Slack's confirmation.

        Args:
            message: arguments of `chat.postMessage`.
            action: the action that asks for it; its identity goes into the message's metadata.

        Raises:
            PostFailed: Slack refused it, or could not take it for ten minutes; nothing was posted.
            OutcomeUnknown: it may have been posted.
        """
        channel = str(message["channel"]).lstrip("#")
        pace = self._paces.setdefault(channel, Pace())
        deadline = time.monotonic() + retries.SLACK_UNAVAILABLE_AFTER
        busy_until = await action.lane_busy_until()  # by other replicas, or before a restart
        if busy_until is not None:
            pace.busy(busy_until - time.time())
        posted = None
        if action.begun_at is not None:
            posted = await self._reconciled(message, action, action.begun_at)
        if posted is None:

            async def post() -> Mapping[str, Any]:
                await self._turn(pace, deadline)
                return await self._try(message, action, pace)

            posted = await retries.repeat(post, retries.SLACK_POST, retries.SLACK_UNAVAILABLE_AFTER)
        # a channel known by name and by id is one channel
        self._paces[channel] = self._paces.setdefault(str(posted.get("channel")), pace)
        return posted

    async def _turn(self, pace: Pace, deadline: float) -> None:
        """Wait until the channel may get its next message."""
        while (wait := max(pace.left(), self._workspace.left())) > 0:
            left = deadline - time.monotonic()
            if left <= 0:
                raise PostFailed(_ASKED_TO_WAIT)
            await asyncio.sleep(min(wait, left))
        pace.take()
        self._workspace.take()

    async def _try(self, message: Mapping[str, Any], action: ActionContext, pace: Pace) -> Mapping[str, Any]:
        begun_at = self._clock.now()
        await action.executing(begun_at)
        try:
            try:
                answer = await self._web.chat_postMessage(**message, metadata=metadata(action.identity))
            finally:
                action.busy_until(time.time() + pace.answered())
        except Exception as error:
            failure = read_failure(error)
            log.info("a post failed", action=action.identity, outcome=failure.outcome, cause=failure.code)
            if failure.outcome is Outcome.UNKNOWN:
                found = await self._reconciled(message, action, begun_at)
                if found is not None:
                    return found
            else:
                await action.not_executed()
            if failure.outcome is Outcome.REFUSED:
                raise PostFailed(failure) from error
            if failure.retry_after:
                pace.hold(failure.retry_after)
                if pace.was_quiet:
                    self._workspace.refused(str(message["channel"]))
            raise _NotPosted(replace(failure, outcome=Outcome.NOT_POSTED, kind=Kind.UNAVAILABLE)) from error
        self._clock.read(answer.headers)
        self._workspace.served()
        confirmation: Any = answer.data
        log.info(
            "message posted",
            action=action.identity,
            key=f"{confirmation.get('channel')}:{confirmation.get('ts')}",
        )
        return dict(confirmation)

    async def _reconciled(
        self, message: Mapping[str, Any], action: ActionContext, begun_at: float
    ) -> Mapping[str, Any] | None:
        """Return Slack's confirmation of a post whose outcome was unknown; None where it was not posted."""
        found = await self._reconciliation.find(message, action.identity, begun_at)
        if found is None:
            await action.not_executed()
        return found
