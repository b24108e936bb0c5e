"""Reads what is in Slack already: the bot's channels, their history, their threads.

Methods of tier 3 (50 calls a minute): a `Retry-After` holds back every call of that method.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from ... import logs, retries
from ..api.clock import SlackClock
from ..api.failures import Failure, Outcome, read_failure
from ..api.holds import Holds, NotDone

log = logs.get(__name__)

Message = Mapping[str, Any]

_PAGE = 200
_CHANNEL_TYPES = "public_channel,private_channel,mpim,im"


class CannotLook(Exception):
    """Slack does not let the bot look, or could not be asked in time.

    Attributes:
        failure: of the last call.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


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

    async def channels(self, deadline: float) -> AsyncIterator[Message]:
        """Yield the channels that the bot is a member of, direct messages included.

        Args:
            deadline: on the monotonic clock, when to give up.

        Raises:
            CannotLook: Slack does not tell.
        """
        method, arguments = "users.conversations", {"types": _CHANNEL_TYPES, "exclude_archived": "true"}
        try:
            async for channel in self._items(method, "channels", arguments, deadline):
                yield channel
        except CannotLook as error:
            if error.failure.code not in {"unknown_method", "method_not_supported"}:
                raise
            async for channel in self._items("conversations.list", "channels", arguments, deadline):
                if channel.get("is_member") or channel.get("is_im") or channel.get("is_mpim"):
                    yield channel

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
        arguments = {"types": _CHANNEL_TYPES, "exclude_archived": "true"}
        async for channel in self._items("conversations.list", "channels", arguments, deadline):
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
        cursor = ""
        while True:
            page = await self._call(
                method,
                {**arguments, "limit": str(_PAGE), **({"cursor": cursor} if cursor else {})},
                deadline,
            )
            for item in page.get(key) or ():
                if isinstance(item, Mapping):
                    yield item
            cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    async def _call(self, method: str, arguments: Mapping[str, str], deadline: float) -> Message:
        machine, hold = self._clock.machine, self._holds.of(method)
        tries = 0
        while True:
            try:
                await hold.turn(deadline)
                async with asyncio.timeout(max(1.0, deadline - machine.monotonic())):
                    answer = await self._web.api_call(method, http_verb="GET", params=dict(arguments))
            except NotDone as error:
                raise CannotLook(error.failure) from error
            except Exception as error:
                failure = read_failure(error)
                tries += 1
                hold.failed(failure)
                if failure.outcome is Outcome.REFUSED or machine.monotonic() >= deadline:
                    raise CannotLook(failure) from error
                log.debug("looking into Slack failed", method=method, cause=failure.code)
                if failure.retry_after is None:
                    pause = retries.pause(retries.SLACK_LOOK, tries, error)
                    await machine.sleep(min(pause, max(0.0, deadline - machine.monotonic())))
            else:
                self._clock.read(answer.headers)
                data: Any = answer.data
                return dict(data) if isinstance(data, Mapping) else {}
