"""`deleteMessage` (contract, section 10)."""

from typing import ClassVar

from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown
from ..events.message_deleted import MessageDeletedPayload
from .base import SlackCommand
from .named_message import NamedMessage
from .results import was_deleted
from .scopes import NAME_CHANNELS, WRITE


class DeleteMessage(SlackCommand[NamedMessage]):
    """Deletes a message of the bot's. One that is gone already is a success too."""

    name = "deleteMessage"
    input = NamedMessage
    succeeds: ClassVar = {"MessageDeleted": MessageDeletedPayload}
    fails = "MessageDeleteFailure"
    echoes = ("channelId", "timestamp")
    scopes = (WRITE, *NAME_CHANNELS)
    example = 'channelId: "{{ Event.Payload.channelId }}"\ntimestamp: "{{ Event.Payload.timestamp }}"'

    async def execute(self, given: NamedMessage, action: ActionContext) -> Event:
        """Delete it."""
        channel = await self.channel(given.channel_id)
        await self.tools.calls.call(
            "chat.delete",
            {"channel": channel, "ts": given.timestamp},
            action,
            after_unknown=AfterUnknown.REPEAT,
            done={"message_not_found"},
        )
        return self.succeeded(await was_deleted(self.tools.workspace, channel, given.timestamp))
