"""`readThread` (contract, section 10)."""

import asyncio
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from ...pack import ActionContext, Event
from ..api.scopes import Scope
from ..events.authors import author
from ..events.base import Payload
from ..events.common import FileObject, UserObject
from ..events.plain_text import read_message
from ..workspace.profiles import Json, mapping, objects, text
from .base import SlackCommand
from .inputs import ChannelReference, Input, Timestamp

_MOST = 1000
_PAGE = 200


def _whole(value: object) -> object:
    if isinstance(value, str) and value.strip().removesuffix(".0").isdecimal():
        return int(value.strip().removesuffix(".0"))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"must be a number from 1 to {_MOST}")
    return value


class ReadThreadInput(Input):
    """Input of `readThread`."""

    channel_id: ChannelReference = Field(description="channel id, `#name`, or a user id for a direct message")
    thread_timestamp: Timestamp = Field(description="`threadTimestamp` of any message of the thread")
    limit: Annotated[int, BeforeValidator(_whole)] = Field(
        100, ge=1, le=_MOST, description=f"messages at most; {_MOST} is the limit"
    )


class ThreadMessage(Payload):
    """A message of a thread."""

    timestamp: str = Field(description="Slack's `ts` of the message")
    message: str = Field(description="Slack's own text, with its markup and entities")
    plain_text: str = Field(description="what a person reads")
    user: UserObject = Field(description="who wrote it")
    files: list[FileObject] = Field(description="what is attached")


class ThreadRead(Payload):
    """A thread."""

    channel_id: str = Field(description="channel id")
    thread_timestamp: str = Field(description="the thread's root")
    messages: list[ThreadMessage] = Field(description="its messages, the root first, then oldest first")
    has_more: Literal["true", "false"] = Field(description="whether there are more")


class ReadThread(SlackCommand[ReadThreadInput]):
    """Reads the messages of a thread, its root included, oldest first."""

    name = "readThread"
    input = ReadThreadInput
    succeeds: ClassVar = {"ThreadRead": ThreadRead}
    fails = "ThreadReadFailure"
    echoes = ("channelId", "threadTimestamp")
    scopes = (
        Scope("channels:history", "reads threads of public channels"),
        Scope("groups:history", "reads threads of private channels"),
        Scope("im:history", "reads threads of direct messages"),
        Scope("mpim:history", "reads threads of group direct messages"),
        Scope("users:read", "names of users", required=False),
    )
    writes_to_channel = False
    after_crash = "It is repeated: it changes nothing."
    example = (
        'channelId: "{{ Event.Payload.channelId }}"\nthreadTimestamp: "{{ Event.Payload.threadTimestamp }}"'
    )

    async def execute(self, given: ReadThreadInput, action: ActionContext) -> Event:
        """Read it."""
        channel = await self.channel(given.channel_id)
        messages, more = await self._messages(channel, given.thread_timestamp, given.limit)
        payload = ThreadRead(
            channel_id=channel,
            thread_timestamp=given.thread_timestamp,
            messages=await asyncio.gather(*map(self._message, messages)),
            has_more="true" if more else "false",
        )
        return self.succeeded(payload)

    async def _messages(self, channel: str, thread: str, limit: int) -> tuple[list[Json], bool]:
        """Return the first messages of a thread, and whether there are more."""
        found: list[Json] = []
        cursor = ""
        while True:
            arguments: dict[str, Any] = {"channel": channel, "ts": thread, "limit": min(_PAGE, limit)}
            page = await self.tools.calls.read(
                "conversations.replies", {**arguments, "cursor": cursor or None}
            )
            known = {message.get("ts") for message in found}  # each page may begin with the root
            found += [message for message in objects(page.get("messages")) if message.get("ts") not in known]
            cursor = text(mapping(page.get("response_metadata")).get("next_cursor"))
            more = bool(cursor) or page.get("has_more") is True
            if len(found) >= limit or not cursor:
                return found[:limit], len(found) > limit or more

    async def _message(self, message: Json) -> ThreadMessage:
        directory = self.tools.workspace.directory
        return ThreadMessage(
            timestamp=text(message.get("ts")),
            message=text(message.get("text")),
            plain_text=(await read_message(message, directory)).text,
            user=await author(message, directory),
            files=[FileObject.of(file) for file in objects(message.get("files"))],
        )
