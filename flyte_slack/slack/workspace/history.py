"""Reads what is in Slack already: the bot's channels, their history, their threads.

Methods of tier 3 (50 calls a minute): a `Retry-After` holds back every call of that method, for all of
that time.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from ... import logs, retries
from ..api.clock import SlackClock
from ..api.failures import Failure, Outcome, read_failure
from ..api.holds import Holds, NotDone
from .profiles import mapping, objects, text

log = logs.get(__name__)

Message = Mapping[str, Any]

_PAGE = 200
_CHANNEL_TYPES = "public_channel,private_channel,mpim,im"
_LISTING = {"types": _CHANNEL_TYPES, "exclude_archived": "true"}
_NOT_FOR_THIS_WORKSPACE = frozenset(
    {"unknown_method", "method_not_supported", "missing_argument", "enterprise_is_restricted"}
)


class CannotLook(Exception):
    """Slack does not let the bot look, or could not be asked in time.

    Attributes:
        failure: of the last call.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing.

    Attributes:
        items: what is on it.
        cursor: of the next one; empty, if this is the last.
    """

    items: list[Message]
    cursor: str


class History:
    """What Slack remembers.

    Args:
        web: the Web API, with the bot token.
        clock: set by each answer.
    """

    def __init__(self, web: AsyncWebClient, clock: SlackClock) -> None:
        self._web = web
        self._clock = clock
        self._holds = Holds(clock.machine)
        self._lists_all = False

    async def channels(self, deadline: float) -> AsyncIterator[Message]:
        """Yield the channels that the bot is a member of, direct messages included.

        Args:
            deadline: on the monotonic clock, when to give up.

        Raises:
            CannotLook: Slack does not tell.
        """
        try:
            async for channel in self._items("users.conversations", "channels", _LISTING, deadline):
                yield channel
        except CannotLook as error:
            if error.failure.code not in _NOT_FOR_THIS_WORKSPACE:
                raise
            async for channel in self._items("conversations.list", "channels", _LISTING, deadline):
                if _is_member(channel):
                    yield channel

    async def channels_page(self, cursor: str, team_id: str) -> Page:
        """Return one page of the channels that the bot is a member of.

        Args:
            cursor: from the page before; empty for the first.
            team_id: the workspace, which some organisations want to be told.

        Raises:
            CannotLook: Slack does not tell.
        """
        if not self._lists_all:
            try:
                return await self._page("users.conversations", "channels", _LISTING, cursor)
            except CannotLook as error:
                if error.failure.code not in _NOT_FOR_THIS_WORKSPACE:
                    raise
                self._lists_all, cursor = True, ""
        listing = {**_LISTING, **({"team_id": team_id} if team_id else {})}
        page = await self._page("conversations.list", "channels", listing, cursor)
        return Page([channel for channel in page.items if _is_member(channel)], page.cursor)

    async def messages_page(self, channel: str, cursor: str, oldest: float) -> Page:
        """Return one page of a channel's messages, the newest first; replies are not among them.

        Raises:
            CannotLook: Slack does not tell.
        """
        arguments = {"channel": channel, "oldest": f"{oldest:.6f}"}
        return await self._page("conversations.history", "messages", arguments, cursor)

    async def replies_page(self, channel: str, thread: str, cursor: str, oldest: float) -> Page:
        """Return one page of a thread's messages, its root first, then the oldest first.

        Raises:
            CannotLook: Slack does not tell.
        """
        arguments = {"channel": channel, "ts": thread, "oldest": f"{oldest:.6f}"}
        return await self._page("conversations.replies", "messages", arguments, cursor)

    async def messages(
        self, channel: str, deadline: float, *, oldest: float | None = None
    ) -> AsyncIterator[Message]:
        """Yield a channel's messages with their metadata, the newest first; replies are not among them.

        Raises:
            CannotLook: Slack does not tell.
        """
        arguments = {"channel": channel, "include_all_metadata": "true"}
        if oldest is not None:
            arguments["oldest"] = f"{oldest:.6f}"
        async for message in self._items("conversations.history", "messages", arguments, deadline):
            yield message

    async def replies(
        self, channel: str, thread: str, deadline: float, *, oldest: float | None = None
    ) -> AsyncIterator[Message]:
        """Yield a thread's messages with their metadata, its root first, then the oldest first.

        Raises:
            CannotLook: Slack does not tell.
        """
        arguments = {"channel": channel, "ts": thread, "include_all_metadata": "true"}
        if oldest is not None:
            arguments["oldest"] = f"{oldest:.6f}"
        async for message in self._items("conversations.replies", "messages", arguments, deadline):
            yield message

    async def all_channels(self, deadline: float) -> AsyncIterator[Message]:
        """Yield the channels that the bot can see, direct messages included.

        Raises:
            CannotLook: Slack does not tell.
        """
        async for channel in self._items("conversations.list", "channels", _LISTING, deadline):
            yield channel

    async def channel_id(self, channel: str, deadline: float) -> str | None:
        """Return the id of a channel given by `#name`, by its id, or by the user it is a direct message with.

        Raises:
            CannotLook: Slack does not tell.
        """
        if channel[:1] in {"C", "G", "D"} and channel.isalnum() and channel.isupper():
            return channel
        name = channel.lstrip("#")
        async for found in self.all_channels(deadline):
            if name in {found.get("name"), found.get("user"), found.get("id")}:
                return str(found["id"])
        return None

    async def _items(
        self, method: str, key: str, arguments: Mapping[str, str], deadline: float
    ) -> AsyncIterator[Message]:
        cursor, seen = "", {""}
        while True:
            answer = await self._call(method, _paged(arguments, cursor), deadline)
            for item in objects(answer.get(key)):
                yield item
            cursor = _next_cursor(answer)
            if cursor in seen:  # the last page, or a Slack that goes in circles
                return
            seen.add(cursor)

    async def _page(self, method: str, key: str, arguments: Mapping[str, str], cursor: str) -> Page:
        """Return one page, however long Slack asks to wait for it; any other trouble is the caller's."""
        answer = await self._attempt(method, _paged(arguments, cursor), math.inf)
        return Page(objects(answer.get(key)), _next_cursor(answer))

    async def _call(self, method: str, arguments: Mapping[str, str], deadline: float) -> Message:
        """Call until Slack answers, or until the deadline."""
        machine = self._clock.machine
        tries = 0
        while True:
            try:
                return await self._attempt(method, arguments, deadline)
            except CannotLook as error:
                failure = error.failure
                if failure.outcome is Outcome.REFUSED or failure.retry_after is not None:
                    raise
                if machine.monotonic() >= deadline:
                    raise
                tries += 1
                pause = retries.pause(retries.SLACK_LOOK, tries, error)
                await machine.sleep(min(pause, max(0.0, deadline - machine.monotonic())))

    async def _attempt(self, method: str, arguments: Mapping[str, str], deadline: float) -> Message:
        """Call once; if Slack asks to wait, again after that, unless it is after the deadline."""
        machine, hold = self._clock.machine, self._holds.of(method)
        while True:
            try:
                await hold.turn(deadline)
                left = None if math.isinf(deadline) else max(1.0, deadline - machine.monotonic())
                async with asyncio.timeout(left):
                    answer = await self._web.api_call(method, http_verb="GET", params=dict(arguments))
            except NotDone as error:
                raise CannotLook(error.failure) from error
            except Exception as error:
                failure = read_failure(error)
                hold.failed(failure)
                if failure.retry_after is None or machine.monotonic() + failure.retry_after > deadline:
                    log.debug("looking into Slack failed", method=method, cause=failure.code)
                    raise CannotLook(failure) from error
            else:
                self._clock.read(answer.headers)
                return mapping(answer.data)


def _paged(arguments: Mapping[str, str], cursor: str) -> dict[str, str]:
    return {**arguments, "limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}


def _next_cursor(answer: Message) -> str:
    return text(mapping(answer.get("response_metadata")).get("next_cursor"))


def _is_member(channel: Message) -> bool:
    return bool(channel.get("is_member") or channel.get("is_im") or channel.get("is_mpim"))
