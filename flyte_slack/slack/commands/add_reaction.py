"""`addReaction` and `removeReaction` (contract, section 10)."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown
from ..api.scopes import Scope
from ..events.reactions import ReactionPayload
from .base import SlackCommand
from .inputs import Word
from .named_message import NamedMessage
from .results import was_reacted_to
from .scopes import NAME_CHANNELS

_REACTIONS = Scope("reactions:write", "adds and removes reactions")


def _bare(value: object) -> object:
    return value.strip().strip(":") if isinstance(value, str) else value


class ReactionInput(NamedMessage):
    """Input of `addReaction` and `removeReaction`."""

    reaction: Annotated[Word, BeforeValidator(_bare)] = Field(
        description="name of the emoji, with or without colons"
    )


class AddReaction(SlackCommand[ReactionInput]):
    """Reacts to a message as the bot. A reaction that is there already is a success too."""

    name = "addReaction"
    input = ReactionInput
    succeeds: ClassVar = {"ReactionAdded": ReactionPayload}
    fails = "ReactionAddFailure"
    echoes = ("channelId", "timestamp", "reaction")
    scopes = (_REACTIONS, *NAME_CHANNELS)
    example = (
        'channelId: "{{ Event.Payload.channelId }}"\n'
        'timestamp: "{{ Event.Payload.timestamp }}"\n'
        "reaction: eyes"
    )

    async def execute(self, given: ReactionInput, action: ActionContext) -> Event:
        """Add it."""
        channel = await self.channel(given.channel_id)
        await self.tools.calls.call(
            "reactions.add",
            {"channel": channel, "timestamp": given.timestamp, "name": given.reaction},
            action,
            after_unknown=AfterUnknown.REPEAT,
            done={"already_reacted"},
        )
        payload = await was_reacted_to(self.tools.workspace, channel, given.timestamp, given.reaction)
        return self.succeeded(payload)


class RemoveReaction(SlackCommand[ReactionInput]):
    """Takes a reaction of the bot's back. One that is not there is a success too."""

    name = "removeReaction"
    input = ReactionInput
    succeeds: ClassVar = {"ReactionRemoved": ReactionPayload}
    fails = "ReactionRemoveFailure"
    echoes = ("channelId", "timestamp", "reaction")
    scopes = (_REACTIONS, *NAME_CHANNELS)
    example = AddReaction.example

    async def execute(self, given: ReactionInput, action: ActionContext) -> Event:
        """Remove it."""
        channel = await self.channel(given.channel_id)
        await self.tools.calls.call(
            "reactions.remove",
            {"channel": channel, "timestamp": given.timestamp, "name": given.reaction},
            action,
            after_unknown=AfterUnknown.REPEAT,
            done={"no_reaction"},
        )
        payload = await was_reacted_to(self.tools.workspace, channel, given.timestamp, given.reaction)
        return self.succeeded(payload)
