"""The commands of the Go pack."""

import time
from collections.abc import Mapping
from html import escape
from typing import Any, ClassVar

from cachetools import TTLCache
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from ...errors import CallRefused, OutcomeUnknown
from ...pack import FATAL, ActionContext, Event
from ...pack.definition import Lane
from ..api.timestamps import instant
from ..commands.base import SlackCommand
from ..commands.find_channel import FindChannel
from ..commands.send_message import SendMessage
from ..commands.tools import Tools
from ..events.base import Payload
from ..workspace.history import CannotLook
from ..workspace.profiles import mapping, text

_LISTED_WITHIN = 60.0  # seconds


class ClassicInput(BaseModel):
    """Input as Go reads it: types are strict, and unknown fields are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, alias_generator=to_camel)


class ClassicPayload(Payload):
    """A payload of the Go pack's; it may have further keys."""

    model_config = ConfigDict(extra="allow")


class _Classic(SlackCommand[Any]):
    """What they have in common: wrong types are `FATAL`, and a failure has the Go pack's keys."""

    where: ClassVar[str] = "channelId"

    async def __call__(self, input_: dict[str, Any], action: ActionContext) -> Event:
        """Do what the input says; ends in exactly one event."""
        try:
            given = self.input.model_validate(input_)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
                for each in error.errors(include_url=False, include_input=False)
            )
            return Event(FATAL, {"error": f"the input cannot be read: {wrong}", "command": self.name})
        try:
            return await self.execute(given, action)
        except CallRefused as error:
            told = {**input_, "channelId": input_.get(self.where)}
            return Event(self.fails, self.failure(input_, await self._advice(told, error)))
        except OutcomeUnknown as error:
            return Event(self.fails, self.failure(input_, str(error)))

    def failure(self, input_: Mapping[str, Any], error: str) -> dict[str, Any]:
        """Return the payload of a failure."""
        return {name: input_.get(name) or "" for name in self.echoes} | {"error": error}

    def _lane(self, input_: Mapping[str, Any]) -> Lane:
        channel = text(input_.get(self.where)).strip().lstrip("#")
        if not self.writes_to_channel or not channel:
            return None
        return self.tools.workspace.channels.lane(channel)


class SendMessageInput(ClassicInput):
    """Input of `SendMessage`."""

    message: str = ""
    channel_id: str = ""
    thread_timestamp: str = ""


class ClassicSendMessage(_Classic):
    """Posts a text."""

    name = "SendMessage"
    input = SendMessageInput
    succeeds: ClassVar = {"MessageSent": ClassicPayload}
    fails = "SendMessageFailed"
    echoes = ("message", "channelId", "threadTimestamp")
    scopes = SendMessage.scopes

    async def execute(self, given: SendMessageInput, action: ActionContext) -> Event:
        """Post it."""
        thread = {"thread_ts": given.thread_timestamp} if given.thread_timestamp else {}
        message = {"channel": given.channel_id, "text": given.message, **thread}
        answer = await self.tools.posting.post(message, action)
        payload = {
            "message": given.message,
            "channelId": given.channel_id,
            "threadTimestamp": given.thread_timestamp,
        }
        return Event("MessageSent", payload, created_at=instant(text(answer.get("ts"))))


class SendRichMessageInput(BaseModel):
    """Input of `SendRichMessage`: arguments of `chat.postMessage`, as Slack names them."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    channel: str = ""
    text: str = ""
    attachments: list[Any] | None = None
    blocks: list[Any] | None = None
    username: str = ""
    icon_url: str = ""
    icon_emoji: str = ""
    thread_ts: str = ""
    reply_broadcast: bool | None = None
    link_names: int | None = None
    parse: str = ""
    mrkdwn: bool | None = None
    unfurl_links: bool | None = None
    unfurl_media: bool | None = None
    escape_text: bool = False


class SendRichMessage(_Classic):
    """Posts a message with attachments, blocks, or an author of its own."""

    name = "SendRichMessage"
    input = SendRichMessageInput
    succeeds: ClassVar = {"RichMessageSent": ClassicPayload}
    fails = "SendRichMessageFailed"
    scopes = SendMessage.scopes
    where = "channel"

    async def execute(self, given: SendRichMessageInput, action: ActionContext) -> Event:
        """Post it."""
        message = given.model_dump(exclude={"escape_text"}, exclude_defaults=True) | {
            "channel": given.channel
        }
        if given.escape_text and given.text:
            message["text"] = escape(given.text, quote=False)
        answer = await self.tools.posting.post(message, action)
        timestamp = text(answer.get("ts"))
        payload = {
            **given.model_dump(exclude_unset=True),
            "channelId": text(answer.get("channel")) or given.channel,
            "threadTimestamp": timestamp,
        }
        return Event("RichMessageSent", payload, created_at=instant(timestamp))

    def failure(self, input_: Mapping[str, Any], error: str) -> dict[str, Any]:
        """Return the payload of a failure."""
        return {"inputMessage": input_, "error": error}


class GetChannelInfoInput(ClassicInput):
    """Input of `GetChannelInfo`."""

    channel_name: str = ""


class GetChannelInfo(_Classic):
    """Finds a channel by its name."""

    name = "GetChannelInfo"
    input = GetChannelInfoInput
    succeeds: ClassVar = {"GetChannelInfoSuccess": ClassicPayload}
    fails = "GetChannelInfoFail"
    scopes = FindChannel.scopes
    writes_to_channel = False

    def __init__(self, tools: Tools, renewed_after: float) -> None:
        super().__init__(tools)
        self._known: TTLCache[str, Mapping[str, Any]] = TTLCache(100_000, renewed_after)

    async def execute(self, given: GetChannelInfoInput, action: ActionContext) -> Event:
        """Find it; the list of channels is read again if it is old, or does not have the name."""
        name = given.channel_name.lstrip("#")
        if name not in self._known:
            try:
                async for channel in self.tools.history.all_channels(time.monotonic() + _LISTED_WITHIN):
                    self._known[text(channel.get("name"))] = channel
            except CannotLook as error:
                reason = f"the channels cannot be listed: {error.failure.code}"
                return Event(self.fails, {"channelName": given.channel_name, "reason": reason})
        found = self._known.get(name) if name else None
        if found is None:
            reason = f"there is no channel {name!r} that the bot can see"
            return Event(self.fails, {"channelName": given.channel_name, "reason": reason})
        conversation = {
            "id": text(found.get("id")),
            "name": text(found.get("name")),
            "topic": text(mapping(found.get("topic")).get("value")),
        }
        payload = {"channelName": given.channel_name, "conversation": conversation}
        return Event("GetChannelInfoSuccess", payload)

    def failure(self, input_: Mapping[str, Any], error: str) -> dict[str, Any]:
        """Return the payload of a failure."""
        return {"channelName": input_.get("channelName") or "", "reason": error}


COMMANDS: tuple[type[_Classic], ...] = (ClassicSendMessage, SendRichMessage, GetChannelInfo)


def commands(tools: Tools, renewed_after: float) -> tuple[SlackCommand[Any], ...]:
    """Return the commands, ready to be executed.

    Args:
        tools: what they work with.
        renewed_after: seconds after which the list of channels is read again.
    """
    return (ClassicSendMessage(tools), SendRichMessage(tools), GetChannelInfo(tools, renewed_after))
