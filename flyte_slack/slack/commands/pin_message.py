"""`pinMessage` and `unpinMessage` (contract, section 10)."""

from typing import ClassVar

from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown
from ..api.scopes import Scope
from .base import SlackCommand
from .named_message import MessageReference, NamedMessage
from .scopes import NAME_CHANNELS

_PINS = Scope("pins:write", "pins and unpins messages")


class PinMessage(SlackCommand[NamedMessage]):
    """Pins a message to its channel. One that is pinned already is a success too."""

    name = "pinMessage"
    input = NamedMessage
    succeeds: ClassVar = {"MessagePinned": MessageReference}
    fails = "MessagePinFailure"
    echoes = ("channelId", "timestamp")
    scopes = (_PINS, *NAME_CHANNELS)
    example = 'channelId: "{{ Event.Payload.channelId }}"\ntimestamp: "{{ Event.Payload.timestamp }}"'

    async def execute(self, given: NamedMessage, action: ActionContext) -> Event:
        """Pin it."""
        channel = await self.channel(given.channel_id)
        await self.tools.calls.call(
            "pins.add",
            {"channel": channel, "timestamp": given.timestamp},
            action,
            after_unknown=AfterUnknown.REPEAT,
            done={"already_pinned"},
        )
        return self.succeeded(MessageReference(channel_id=channel, timestamp=given.timestamp))


class UnpinMessage(SlackCommand[NamedMessage]):
    """Takes a message off its channel's pins. One that is not pinned is a success too."""

    name = "unpinMessage"
    input = NamedMessage
    succeeds: ClassVar = {"MessageUnpinned": MessageReference}
    fails = "MessageUnpinFailure"
    echoes = ("channelId", "timestamp")
    scopes = (_PINS, *NAME_CHANNELS)
    example = PinMessage.example

    async def execute(self, given: NamedMessage, action: ActionContext) -> Event:
        """Unpin it."""
        channel = await self.channel(given.channel_id)
        await self.tools.calls.call(
            "pins.remove",
            {"channel": channel, "timestamp": given.timestamp},
            action,
            after_unknown=AfterUnknown.REPEAT,
            done={"no_pin", "not_pinned"},
        )
        return self.succeeded(MessageReference(channel_id=channel, timestamp=given.timestamp))
