"""`MessageSent`: a message that a person wrote, or that `sendMessage` posted (contract, section 3).

Shapes: https://docs.slack.dev/reference/events/message/.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from ..api.timestamps import seconds
from ..workspace.directory import Directory
from ..workspace.profiles import Json, mapping, objects, text
from ..workspace.workspace import Workspace
from .authors import author, is_heard, is_own
from .base import Body, Bot, EventKind, Received
from .common import FileObject, InChannel, Origin, UserObject, channel_keys, inner, team_of
from .plain_text import read_message
from .scopes import CHANNELS, MESSAGE_TYPES, MESSAGES, PEOPLE

_CONTENT = {"", "file_share", "thread_broadcast", "me_message"}
_CONTENT_OF_BOTS = _CONTENT | {"bot_message"}


class MessageSentPayload(InChannel):
    """A message that a person wrote in a channel the bot is in, or that the pack posted for a flow."""

    origin: Origin = Field(description="`channel` for a message seen, `command` for a result")
    message: str = Field(description="Slack's own text, with its markup and entities")
    plain_text: str = Field(description="what a person reads; where the text is empty, what blocks say")
    timestamp: str = Field(description="Slack's `ts` of the message, which names it in its channel")
    thread_timestamp: str = Field(description="the thread's root; the message's own, if it is in no thread")
    files: list[FileObject] = Field(description="what is attached")
    mentions: list[str] = Field(description="ids of the users that are mentioned, in order, each once")
    mentions_bot: Literal["true", "false"] = Field(description="whether the pack's bot is among them")
    permalink: str = Field(description="address of the message in Slack")
    parts: list[str] = Field(description="timestamps of all messages that it became; usually one")


class MessageSent(EventKind):
    """A person wrote a message, or `sendMessage` was executed: `origin` tells which.

    Not forwarded are the pack's own messages, other bots' unless `FLYTE_SLACK_FORWARD_BOTS` names them,
    and what is no content: joins, topics and the like.
    """

    name = "MessageSent"
    payload = MessageSentPayload
    criteria = "{{ Event.Payload.origin == 'channel' and Event.Payload.message|match:'^deploy ' }}"
    subscriptions = (*MESSAGE_TYPES, "channel_rename", "group_rename", "user_change")  # and fresh names
    scopes = (*MESSAGES, *CHANNELS, *PEOPLE)

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which message it is, if it is content of somebody who is listened to."""
        message = inner(body, "message")
        channel, ts = text(message.get("channel")), text(message.get("ts"))
        if not (channel and ts and _is_content(message) and is_heard(message, bot)):
            return None
        if is_own(message, bot):
            return None
        position = seconds(ts)
        return Received(f"{channel}:{ts}", channel, position, fills_gaps=position > 0)

    def keep(self, body: Body, directory: Directory) -> dict[str, Any]:
        """Keep the message, and what tells its workspace."""
        return {
            key: body[key] for key in ("team_id", "context_team_id", "authorizations", "event") if key in body
        }

    async def event(self, body: Body, workspace: Workspace) -> MessageSentPayload:
        """Return the message with its names."""
        message = mapping(body.get("event"))
        return await message_sent(
            "channel",
            message,
            workspace,
            channel_id=text(message.get("channel")),
            channel_type=text(message.get("channel_type")),
            team_id=team_of(body, workspace),
            user=await author(message, workspace.directory),
        )


async def message_sent(
    origin: Origin,
    message: Json,
    workspace: Workspace,
    *,
    channel_id: str,
    team_id: str,
    user: UserObject,
    channel_type: str = "",
    parts: Sequence[str] = (),
) -> MessageSentPayload:
    """Return the payload for a message that was seen in Slack, or that Slack confirmed.

    Args:
        origin: `channel` for a message seen, `command` for a result.
        message: Slack's own message object.
        workspace: names users and channels.
        channel_id: where it is.
        team_id: the workspace that the app is installed in.
        user: who wrote it.
        channel_type: of the channel, if the payload told it.
        parts: timestamps of all messages that it became; its own, by default.
    """
    directory, timestamp = workspace.directory, text(message.get("ts"))
    thread = text(message.get("thread_ts"))
    channel, read, files = await asyncio.gather(
        channel_keys(directory, channel_id, kind=channel_type),
        read_message(message, directory),
        asyncio.gather(*map(directory.file, objects(message.get("files")))),
    )
    return MessageSentPayload(
        **channel,
        origin=origin,
        message=text(message.get("text")),
        plain_text=read.text,
        timestamp=timestamp,
        thread_timestamp=thread or timestamp,
        team_id=team_id,
        user=user,
        files=[FileObject.of(file) for file in files],
        mentions=read.mentions,
        mentions_bot="true" if workspace.identity.user_id in read.mentions else "false",
        permalink=workspace.identity.permalink(channel_id, timestamp, thread),
        parts=list(parts) or [timestamp],
    )


def _is_content(message: Json) -> bool:
    """Whether it is something that somebody wrote; `hidden` is never content."""
    subtype = text(message.get("subtype"))
    by_bot = bool(message.get("bot_id"))
    return not message.get("hidden") and subtype in (_CONTENT_OF_BOTS if by_bot else _CONTENT)
