"""`sendMessage`: posts a message, and answers when Slack has confirmed it (contract, section 4)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import model_validator

from ...errors import InvalidInput, OutcomeUnknown
from ...pack import ActionContext, Command, Event
from ..api.failures import Kind, Outcome
from ..events.message_sent import MESSAGE_SEND_FAILURE, MESSAGE_SENT, message_sent
from ..sending.advice import advise
from ..sending.posting import Poster, PostFailed
from ..workspace.channels import ChannelNames
from ..workspace.directory import Directory
from ..workspace.identity import Identity
from .inputs import (
    Boolean,
    ChannelReference,
    Input,
    JsonList,
    Text,
    Timestamp,
    as_text,
    as_timestamp,
    read_input,
)

LONGEST_MESSAGE = 40_000
"""Characters at which Slack cuts a text."""

_LONGEST_ECHO = 1_000_000  # a failure must stay below the 16 MB that Flyte takes


class SendMessageInput(Input):
    """Input of `sendMessage`, as in contract, section 4."""

    channel_id: ChannelReference
    message: Text = ""
    thread_timestamp: Timestamp = ""
    reply_broadcast: Boolean | None = None
    blocks: JsonList | None = None
    attachments: JsonList | None = None
    username: Text | None = None
    icon_emoji: Text | None = None
    icon_url: Text | None = None
    unfurl_links: Boolean | None = None
    unfurl_media: Boolean | None = None

    @model_validator(mode="after")
    def _has_content(self) -> "SendMessageInput":
        if not (self.message or self.blocks or self.attachments):
            raise ValueError("message is required, unless there are blocks or attachments")
        return self

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `chat.postMessage`."""
        arguments = {
            "channel": self.channel_id,
            "text": self.message or None,
            "thread_ts": self.thread_timestamp or None,
            "reply_broadcast": self.reply_broadcast if self.thread_timestamp else None,
            "blocks": self.blocks or None,
            "attachments": self.attachments or None,
            "username": self.username,
            "icon_emoji": self.icon_emoji,
            "icon_url": self.icon_url,
            "unfurl_links": self.unfurl_links,
            "unfurl_media": self.unfurl_media,
        }
        return {name: value for name, value in arguments.items() if value is not None}


class SendMessage:
    """The handler of `sendMessage`.

    Args:
        poster: posts.
        directory: names the channel and the bot in the result.
        identity: the bot.
        names: tell which channel a name stands for.
    """

    def __init__(self, poster: Poster, directory: Directory, identity: Identity, names: ChannelNames) -> None:
        self._names = names
        self._poster = poster
        self._directory = directory
        self._identity = identity

    def command(self, help_url: str) -> Command:
        """Return the command, as the pack declares it."""
        return Command(
            name="sendMessage",
            events=(MESSAGE_SENT, MESSAGE_SEND_FAILURE),
            help_url=help_url,
            handler=self,
            lane=self._lane,
            find_lane=self._find_lane,
        )

    async def __call__(self, input_: dict[str, Any], action: ActionContext) -> Event:
        """Post the message that the input describes; ends in exactly one event."""
        try:
            message = read_input(SendMessageInput, input_)
        except InvalidInput as error:
            return _failure(input_, f"the input cannot be used: {error}", "invalid_input", Kind.INPUT)
        if len(message.message) > LONGEST_MESSAGE:
            sentence = (
                f"the message has {len(message.message)} characters, Slack takes {LONGEST_MESSAGE} at most: "
                "send it in parts"
            )
            return _failure(input_, sentence, "message_too_long", Kind.INPUT)
        try:
            posted = await self._poster.post(message.arguments(), action)
        except PostFailed as error:
            return await self._refused(input_, message, error)
        except OutcomeUnknown as error:
            return _failure(input_, str(error), "outcome_unknown", Kind.UNKNOWN)
        return await self._sent(message, posted)

    def _lane(self, input_: Mapping[str, Any]) -> str | None:
        """Return what an action must stay in order with: its channel."""
        name = lane(input_)
        known = self._names.known(name)
        return f"?{name}" if known is None else known

    async def _find_lane(self, input_: Mapping[str, Any]) -> str:
        return await self._names.find(lane(input_))

    async def _sent(self, sent: SendMessageInput, posted: Mapping[str, Any]) -> Event:
        message = {"text": sent.message, "thread_ts": sent.thread_timestamp, **(posted.get("message") or {})}
        message["ts"] = posted.get("ts") or message.get("ts")
        bot = str(message.get("user") or self._identity.user_id)
        user = await self._directory.user(bot)
        return message_sent(
            "command",
            message,
            channel=await self._directory.channel(str(posted.get("channel") or sent.channel_id)),
            user=replace(user, is_bot=True),
            team_id=self._identity.team_id or str(message.get("team") or ""),
        )

    async def _refused(
        self, input_: Mapping[str, Any], message: SendMessageInput, error: PostFailed
    ) -> Event:
        failure = error.failure
        if failure.outcome is Outcome.NOT_POSTED:
            sentence = (
                f"Slack could not take the message for ten minutes ({failure.code}); it was not posted: "
                "send it again later"
            )
            return _failure(input_, sentence, "unavailable", Kind.UNAVAILABLE)
        sentence = advise(
            failure,
            channel=await self._known_as(message.channel_id, failure.code),
            thread=message.thread_timestamp,
            bot=self._identity.name,
        )
        return _failure(input_, sentence, failure.code, failure.kind)

    async def _known_as(self, channel: str, code: str) -> str:
        """Return a channel as people know it, such as `#ops`, where Slack tells."""
        if channel.startswith("#") or code in {"channel_not_found", "invalid_auth", "user_not_found"}:
            return channel
        name = (await self._directory.channel(channel)).name
        return f"#{name}" if name else channel


def lane(input_: Mapping[str, Any]) -> str:
    """Return the channel of an input, as it is named there."""
    return _echo(input_, "channelId").strip().lstrip("#")


def _failure(input_: Mapping[str, Any], error: str, code: str, kind: Kind) -> Event:
    echoed = {name: _echo(input_, name) for name in ("channelId", "message", "threadTimestamp")}
    return Event(MESSAGE_SEND_FAILURE, {**echoed, "error": error, "code": code, "kind": kind.value})


def _echo(input_: Mapping[str, Any], name: str) -> str:
    """Return a field of the input as the text it was understood as; what is no text is empty."""
    value = input_.get(name)
    text = as_timestamp(value) if name == "threadTimestamp" else as_text(value)
    return text[:_LONGEST_ECHO] if isinstance(text, str) else ""
