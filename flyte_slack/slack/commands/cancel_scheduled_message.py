"""`cancelScheduledMessage` (contract, section 10)."""

from typing import ClassVar

from pydantic import Field

from ...errors import CallRefused, OutcomeUnknown
from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown
from ..events.base import Payload
from ..workspace.profiles import text
from .base import SlackCommand
from .inputs import ChannelReference, Input, Word
from .scheduled import remembered_time, scheduled_messages
from .scopes import NAME_CHANNELS, WRITE

_NOT_THERE = "invalid_scheduled_message_id"


class CancelScheduledMessageInput(Input):
    """Input of `cancelScheduledMessage`."""

    channel_id: ChannelReference = Field(description="channel id, `#name`, or a user id for a direct message")
    scheduled_message_id: Word = Field(description="`scheduledMessageId` of `MessageScheduled`")


class ScheduledMessageCancelled(Payload):
    """Slack will not post the message."""

    channel_id: str = Field(description="channel id")
    scheduled_message_id: str = Field(description="id of the message that was scheduled")


class CancelScheduledMessage(SlackCommand[CancelScheduledMessageInput]):
    """Takes back a message that was scheduled, as long as it is not posted."""

    name = "cancelScheduledMessage"
    input = CancelScheduledMessageInput
    succeeds: ClassVar = {"ScheduledMessageCancelled": ScheduledMessageCancelled}
    fails = "ScheduledMessageCancelFailure"
    echoes = ("channelId", "scheduledMessageId")
    scopes = (WRITE, *NAME_CHANNELS)
    after_crash = (
        "It is repeated. If the message is not there any more, it was cancelled if its time is still to "
        "come; else it ends in `outcome_unknown`."
    )
    example = (
        'channelId: "{{ Event.Payload.channelId }}"\n'
        'scheduledMessageId: "{{ Event.Payload.scheduledMessageId }}"'
    )

    async def execute(self, given: CancelScheduledMessageInput, action: ActionContext) -> Event:
        """Cancel it."""
        channel, id_ = await self.channel(given.channel_id), given.scheduled_message_id
        post_at = await self._time(channel, id_, action)
        try:
            await self.tools.calls.call(
                "chat.deleteScheduledMessage",
                {"channel": channel, "scheduled_message_id": id_},
                action,
                after_unknown=AfterUnknown.REPEAT,
            )
        except CallRefused as error:
            if error.code != _NOT_THERE or not error.in_doubt:
                raise
            if post_at is None or self.tools.calls.clock.now() >= post_at:
                raise OutcomeUnknown(
                    "whether the message was cancelled or posted is not known: look into the channel"
                ) from error
        return self.succeeded(ScheduledMessageCancelled(channel_id=channel, scheduled_message_id=id_))

    async def _time(self, channel: str, id_: str, action: ActionContext) -> float | None:
        """Return when the message is to be posted; Slack does not tell any more when it is cancelled."""
        known = await remembered_time(action, id_)
        if known is not None:
            return known
        try:
            async for message in scheduled_messages(self.tools.calls, channel):
                if text(message.get("id")) == id_:
                    return float(text(message.get("post_at")) or 0) or None
        except CallRefused:
            return None
        return None
