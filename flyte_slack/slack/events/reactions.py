"""`ReactionAdded` and `ReactionRemoved`: somebody reacted to a message, or a command of the pack's did."""

from typing import ClassVar

from pydantic import Field

from ..api.scopes import Scope
from ..api.timestamps import seconds
from ..workspace.profiles import mapping, text
from ..workspace.workspace import Workspace
from .authors import is_own
from .base import Body, Bot, EventKind, Received
from .common import InChannel, Origin, UserObject, channel_keys, event_key, inner, person, team_of
from .scopes import CHANNELS, PEOPLE


class ReactionPayload(InChannel):
    """A reaction to a message."""

    origin: Origin = Field(description="`channel` for a reaction seen, `command` for a result")
    reaction: str = Field(description="name of the emoji, without colons")
    timestamp: str = Field(description="Slack's `ts` of the message")
    item_user: UserObject = Field(description="who wrote the message")
    event_timestamp: str = Field(description="when it happened, as Slack has it")


class _Reaction(EventKind):
    """What both have in common."""

    payload = ReactionPayload
    scopes = (Scope("reactions:read", "receives reactions"), *CHANNELS, *PEOPLE)
    slack_type: ClassVar[str]

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which reaction it is, if it is one to a message and not the pack's own."""
        event = inner(body, self.slack_type)
        item = mapping(event.get("item"))
        channel = text(item.get("channel"))
        if item.get("type") != "message" or not channel or not item.get("ts") or is_own(event, bot):
            return None
        return Received(event_key(self.name, body), channel, seconds(event.get("event_ts")))

    async def event(self, body: Body, workspace: Workspace) -> ReactionPayload:
        """Return the reaction, who it is from, and whose message it is to."""
        event = mapping(body.get("event"))
        item, directory = mapping(event.get("item")), workspace.directory
        return ReactionPayload(
            **await channel_keys(directory, text(item.get("channel"))),
            origin="channel",
            reaction=text(event.get("reaction")).strip(":"),
            timestamp=text(item.get("ts")),
            item_user=await person(directory, text(event.get("item_user"))),
            event_timestamp=text(event.get("event_ts")),
            team_id=team_of(body, workspace),
            user=await person(directory, text(event.get("user")), event.get("user_profile")),
        )


class ReactionAdded(_Reaction):
    """Somebody reacted to a message with an emoji."""

    name = "ReactionAdded"
    slack_type = "reaction_added"
    subscriptions = (slack_type,)
    criteria = "{{ Event.Payload.origin == 'channel' and Event.Payload.reaction == 'eyes' }}"


class ReactionRemoved(_Reaction):
    """Somebody took a reaction back."""

    name = "ReactionRemoved"
    slack_type = "reaction_removed"
    subscriptions = (slack_type,)
    criteria = "{{ Event.Payload.origin == 'channel' and Event.Payload.reaction == 'eyes' }}"
