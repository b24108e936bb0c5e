"""`sendEphemeralMessage` (contract, section 10)."""

from typing import ClassVar

from pydantic import Field

from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown
from ..events.base import Payload
from .base import SlackCommand
from .content import Content
from .inputs import ChannelReference, Timestamp, Word
from .scopes import NAME_CHANNELS, WRITE


class SendEphemeralMessageInput(Content):
    """Input of `sendEphemeralMessage`."""

    channel_id: ChannelReference = Field(description="channel id, `#name`, or a user id for a direct message")
    user_id: Word = Field(description="id of the user who sees it; a member of the channel")
    thread_timestamp: Timestamp = Field("", description="thread to show it in")


class EphemeralMessageSent(Payload):
    """Slack has taken the message; whether the user saw it nobody can tell."""

    channel_id: str = Field(description="channel id")
    user_id: str = Field(description="id of the user")
    message: str = Field(description="text, as it was sent")
    thread_timestamp: str = Field(description="thread it is shown in, or empty")
    timestamp: str = Field(description="as Slack gave it; no other method takes it")


class SendEphemeralMessage(SlackCommand[SendEphemeralMessageInput]):
    """Shows a message to one member of a channel, until that member reloads Slack."""

    name = "sendEphemeralMessage"
    input = SendEphemeralMessageInput
    succeeds: ClassVar = {"EphemeralMessageSent": EphemeralMessageSent}
    fails = "EphemeralMessageSendFailure"
    echoes = ("channelId", "userId")
    scopes = (WRITE, *NAME_CHANNELS)
    after_crash = "It is not repeated: it ends in `outcome_unknown`, since nobody can look it up."
    example = (
        'channelId: "{{ Event.Payload.channelId }}"\n'
        'userId: "{{ Event.Payload.user.id }}"\n'
        "message: Only you can see this"
    )

    async def execute(self, given: SendEphemeralMessageInput, action: ActionContext) -> Event:
        """Send it."""
        channel = await self.channel(given.channel_id)
        shown = await given.shown(self.tools.mentions, self.tools.workspace.directory)
        arguments = {"channel": channel, "user": given.user_id, "thread_ts": given.thread_timestamp or None}
        answer = await self.tools.calls.call(
            "chat.postEphemeral",
            {**arguments, **shown},
            action,
            after_unknown=AfterUnknown.NEVER,
            promises={"message_ts"},
        )
        timestamp = str(answer["message_ts"])
        payload = EphemeralMessageSent(
            channel_id=channel,
            user_id=given.user_id,
            message=str(shown.get("text", "")),
            thread_timestamp=given.thread_timestamp,
            timestamp=timestamp,
        )
        return self.succeeded(payload, timestamp)
