"""`updateMessage` (contract, section 10)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from ...errors import CallRefused, InvalidInput
from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown, Answer, Calls
from ..api.failures import Kind
from ..events.message_updated import MessageUpdatedPayload
from .base import SlackCommand
from .content import Content
from .inputs import ChannelReference, Timestamp, read_input
from .results import was_updated
from .scopes import NAME_CHANNELS, WRITE

_TOO_LONG = {"msg_too_long", "message_too_long"}


class UpdateMessageInput(Content):
    """Input of `updateMessage`."""

    channel_id: ChannelReference = Field(description="channel id, `#name`, or a user id for a direct message")
    timestamp: Timestamp = Field(description="`timestamp` of the message")


class UpdateMessage(SlackCommand[UpdateMessageInput]):
    """Changes a message of the bot's: afterwards it shows exactly what the input says."""

    name = "updateMessage"
    input = UpdateMessageInput
    succeeds: ClassVar = {"MessageUpdated": MessageUpdatedPayload}
    fails = "MessageUpdateFailure"
    echoes = ("channelId", "timestamp")
    scopes = (WRITE, *NAME_CHANNELS)
    example = (
        'channelId: "{{ Event.Payload.channelId }}"\n'
        'timestamp: "{{ Event.Payload.timestamp }}"\n'
        "message: Done"
    )

    def replaces(self, input_: Mapping[str, Any]) -> str | None:
        """An update that waits is replaced by a newer one of the same message, if that can be read."""
        try:
            return read_input(UpdateMessageInput, input_).timestamp
        except InvalidInput:
            return None

    async def execute(self, given: UpdateMessageInput, action: ActionContext) -> Event:
        """Change it."""
        channel = await self.channel(given.channel_id)
        shown = await given.shown(self.tools.mentions, self.tools.workspace.directory)
        message = {"channel": channel, "ts": given.timestamp, **shown}
        answer = await update(self.tools.calls, message, action)
        payload = await was_updated(self.tools.workspace, answer, message)
        return self.succeeded(payload, payload.edited_timestamp)


async def update(calls: Calls, message: Mapping[str, Any], action: ActionContext) -> Answer:
    """Change a message with `chat.update`, so that nothing stays of what it showed before.

    Args:
        calls: calls Slack.
        message: arguments of the method.
        action: the action that asks for it.

    Raises:
        CallRefused: Slack refused it, or did not take it for ten minutes.
        OutcomeUnknown: it may have been changed, and Slack could not be asked again.
    """
    nothing = {"text": "", "blocks": [], "attachments": []}
    try:
        return await calls.call(
            "chat.update", {**nothing, **message}, action, after_unknown=AfterUnknown.REPEAT
        )
    except CallRefused as error:
        if error.code not in _TOO_LONG:
            raise
        raise CallRefused(
            "message_too_long",
            Kind.INPUT,
            details=error.details,
            sentence="the message is too long: Slack takes 4,000 characters at most of a message that is "
            "changed",
        ) from error
