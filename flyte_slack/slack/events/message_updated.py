"""`MessageUpdated`: a person changed the text of a message, or a command of the pack's did."""

from pydantic import Field

from ..api.timestamps import seconds
from ..workspace.profiles import mapping, text
from ..workspace.workspace import Workspace
from .authors import author, is_heard, is_own
from .base import Body, Bot, EventKind, Received
from .common import InChannel, Origin, channel_keys, event_key, inner, team_of
from .plain_text import plain_text
from .scopes import CHANNELS, MESSAGE_TYPES, MESSAGES, PEOPLE

TOMBSTONE = "tombstone"
"""Subtype of what is left of a thread's root that was deleted."""


class MessageUpdatedPayload(InChannel):
    """A message whose text was changed."""

    origin: Origin = Field(description="`channel` for an edit seen, `command` for a result")
    message: str = Field(description="the new text, with Slack's markup and entities")
    plain_text: str = Field(description="what a person reads of it")
    previous_message: str = Field(description="the text before, if Slack tells it")
    timestamp: str = Field(description="Slack's `ts` of the message")
    thread_timestamp: str = Field(description="the thread's root; the message's own, if it is in no thread")
    edited_timestamp: str = Field(description="when it was changed, as Slack has it")
    permalink: str = Field(description="address of the message in Slack")


class MessageUpdated(EventKind):
    """A person changed what a message says. Unfurled links and the like are no change."""

    name = "MessageUpdated"
    payload = MessageUpdatedPayload
    criteria = "{{ Event.Payload.origin == 'channel' and Event.Payload.plainText|match:'urgent' }}"
    subscriptions = MESSAGE_TYPES
    scopes = (*MESSAGES, *CHANNELS, *PEOPLE)

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which edit it is, if the text of a message really changed."""
        event = inner(body, "message")
        message, before = mapping(event.get("message")), mapping(event.get("previous_message"))
        channel = text(event.get("channel"))
        if event.get("subtype") != "message_changed" or not channel or not message.get("ts"):
            return None
        if message.get("subtype") == TOMBSTONE or not is_heard(message, bot) or is_own(message, bot):
            return None
        changed = text(message.get("text")) != text(before.get("text")) if before else message.get("edited")
        if not changed:
            return None
        return Received(
            event_key(self.name, body), channel, seconds(event.get("event_ts") or event.get("ts"))
        )

    async def event(self, body: Body, workspace: Workspace) -> MessageUpdatedPayload:
        """Return the message as it is now, and its text before."""
        event = mapping(body.get("event"))
        message = mapping(event.get("message"))
        channel_id, timestamp = text(event.get("channel")), text(message.get("ts"))
        thread = text(message.get("thread_ts"))
        return MessageUpdatedPayload(
            **await channel_keys(workspace.directory, channel_id, kind=event.get("channel_type")),
            origin="channel",
            message=text(message.get("text")),
            plain_text=await plain_text(text(message.get("text")), workspace.directory),
            previous_message=text(mapping(event.get("previous_message")).get("text")),
            timestamp=timestamp,
            thread_timestamp=thread or timestamp,
            edited_timestamp=text(mapping(message.get("edited")).get("ts")),
            permalink=workspace.identity.permalink(channel_id, timestamp, thread),
            team_id=team_of(body, workspace),
            user=await author(message, workspace.directory),
        )
