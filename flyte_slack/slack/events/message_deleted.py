"""`MessageDeleted`: somebody deleted a message, or a command of the pack's did."""

from pydantic import Field

from ..api.timestamps import seconds
from ..workspace.profiles import Json, mapping, text
from ..workspace.workspace import Workspace
from .authors import author, is_own
from .base import Body, Bot, EventKind, Received
from .common import InChannel, Origin, channel_keys, event_key, inner, team_of
from .message_updated import TOMBSTONE
from .scopes import CHANNELS, MESSAGE_TYPES, MESSAGES, PEOPLE


class MessageDeletedPayload(InChannel):
    """A message that was deleted; `user` is who wrote it."""

    origin: Origin = Field(description="`channel` for a deletion seen, `command` for a result")
    message: str = Field(description="the last text, if Slack tells it")
    timestamp: str = Field(description="Slack's `ts` of the message")
    thread_timestamp: str = Field(description="the thread's root; the message's own, if it was in no thread")


class MessageDeleted(EventKind):
    """Somebody deleted a message that was not the pack's own."""

    name = "MessageDeleted"
    payload = MessageDeletedPayload
    criteria = "{{ Event.Payload.origin == 'channel' and Event.Payload.channelName == 'audit' }}"
    subscriptions = MESSAGE_TYPES
    scopes = (*MESSAGES, *CHANNELS, *PEOPLE)

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which deletion it is. Of a thread's root a tombstone stays until its last reply goes."""
        event = inner(body, "message")
        channel = text(event.get("channel"))
        if not channel or not _deleted(event):
            return None
        before = mapping(event.get("previous_message"))
        if before.get("subtype") == TOMBSTONE or is_own(before, bot):
            return None
        return Received(
            event_key(self.name, body), channel, seconds(event.get("event_ts") or event.get("ts"))
        )

    async def event(self, body: Body, workspace: Workspace) -> MessageDeletedPayload:
        """Return the message as it was."""
        event = mapping(body.get("event"))
        before, timestamp = mapping(event.get("previous_message")), _deleted(event)
        channel_id = text(event.get("channel"))
        return MessageDeletedPayload(
            **await channel_keys(workspace.directory, channel_id, kind=event.get("channel_type")),
            origin="channel",
            message=text(before.get("text")),
            timestamp=timestamp,
            thread_timestamp=text(before.get("thread_ts")) or timestamp,
            team_id=team_of(body, workspace),
            user=await author(before, workspace.directory),
        )


def _deleted(event: Json) -> str:
    """Return the timestamp of the message that an event says is deleted; empty if it says no such thing."""
    message, before = mapping(event.get("message")), mapping(event.get("previous_message"))
    if event.get("subtype") == "message_deleted":
        return text(event.get("deleted_ts")) or text(before.get("ts"))
    if event.get("subtype") == "message_changed" and message.get("subtype") == TOMBSTONE:
        return text(message.get("ts"))
    return ""
