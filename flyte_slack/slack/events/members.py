"""`MemberJoined` and `MemberLeft`: who comes into a channel, and who goes."""

from typing import ClassVar

from pydantic import Field

from ..api.scopes import Scope
from ..api.timestamps import seconds
from ..workspace.profiles import mapping, text
from ..workspace.workspace import Workspace
from .base import Body, Bot, EventKind, Received
from .common import InChannel, UserObject, channel_keys, event_key, inner, person, team_of
from .scopes import PEOPLE

_TELLS = (
    Scope("channels:read", "tells who joins and leaves public channels"),
    Scope("groups:read", "tells who joins and leaves private channels"),
)


class MemberPayload(InChannel):
    """A member of a channel who came or went."""

    inviter: UserObject = Field(description="who invited the member; empty if nobody did")
    event_timestamp: str = Field(description="when it happened, as Slack has it")


class _Member(EventKind):
    """What both have in common."""

    payload = MemberPayload
    scopes = (*_TELLS, *PEOPLE)
    slack_type: ClassVar[str]

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which one it is; the bot's own coming and going too."""
        event = inner(body, self.slack_type)
        channel = text(event.get("channel"))
        if not channel or not event.get("user"):
            return None
        return Received(event_key(self.name, body), channel, seconds(event.get("event_ts")))

    async def event(self, body: Body, workspace: Workspace) -> MemberPayload:
        """Return who it is, and who invited them."""
        event, directory = mapping(body.get("event")), workspace.directory
        return MemberPayload(
            **await channel_keys(directory, text(event.get("channel"))),
            inviter=await person(directory, text(event.get("inviter"))),
            event_timestamp=text(event.get("event_ts")),
            team_id=team_of(body, workspace),
            user=await person(directory, text(event.get("user")), event.get("user_profile")),
        )


class MemberJoined(_Member):
    """Somebody, maybe the bot itself, joined a channel that the bot is in."""

    name = "MemberJoined"
    slack_type = "member_joined_channel"
    subscriptions = (slack_type,)
    criteria = "{{ Event.Payload.channelName == 'new-hires' and Event.Payload.user.isBot == 'false' }}"


class MemberLeft(_Member):
    """Somebody, maybe the bot itself, left a channel that the bot is in."""

    name = "MemberLeft"
    slack_type = "member_left_channel"
    subscriptions = (slack_type,)
    criteria = "{{ Event.Payload.channelName == 'on-call' }}"
