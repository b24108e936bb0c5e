"""`ChannelCreated`, `ChannelRenamed` and `ChannelArchived`: what becomes of channels."""

from typing import Any, ClassVar

from pydantic import Field

from ..api.scopes import Scope
from ..api.timestamps import seconds
from ..workspace.directory import Directory
from ..workspace.profiles import Json, mapping, text
from ..workspace.workspace import Workspace
from .authors import is_own
from .base import Body, Bot, EventKind, Received
from .common import InChannel, Origin, channel_keys, event_key, inner, person, team_of
from .scopes import PEOPLE

_PUBLIC = Scope("channels:read", "tells what becomes of public channels")
_PRIVATE = Scope("groups:read", "tells what becomes of private channels")


class ChannelPayload(InChannel):
    """A channel, and who did something with it."""

    origin: Origin = Field(description="`channel` for what was seen, `command` for a result")
    event_timestamp: str = Field(description="when it happened, as Slack has it")


class ChannelRenamedPayload(ChannelPayload):
    """A channel with a new name; Slack does not say who gave it."""

    previous_name: str = Field(description="the name before, if the pack knew it")


class _Channel(EventKind):
    """What all have in common."""

    payload: ClassVar[type[ChannelPayload]] = ChannelPayload
    scopes: tuple[Scope, ...] = (_PUBLIC, _PRIVATE, *PEOPLE)
    slack_types: ClassVar[tuple[str, ...]]

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which channel it is, if it was not the pack itself that did it."""
        event = inner(body, *self.slack_types)
        channel = _channel_id(event)
        if not channel or is_own({**event, "user": _user_id(event)}, bot):
            return None
        return Received(event_key(self.name, body), channel, seconds(event.get("event_ts")))

    async def event(self, body: Body, workspace: Workspace) -> ChannelPayload:
        """Return the channel, and who did it."""
        event = mapping(body.get("event"))
        return self.payload(
            **await self._channel(event, workspace.directory),
            **self._more(body),
            origin="channel",
            event_timestamp=text(event.get("event_ts")),
            team_id=team_of(body, workspace),
            user=await person(workspace.directory, _user_id(event)),
        )

    async def _channel(self, event: Json, directory: Directory) -> dict[str, str]:
        channel, name = await channel_keys(directory, _channel_id(event)), _name(event)
        return {**channel, "channel_name": name or channel["channel_name"]}

    def _more(self, body: Body) -> dict[str, Any]:
        return {}


class ChannelCreated(_Channel):
    """Somebody created a public channel."""

    name = "ChannelCreated"
    slack_types = ("channel_created",)
    subscriptions = slack_types
    scopes = (_PUBLIC, *PEOPLE)
    criteria = "{{ Event.Payload.origin == 'channel' and Event.Payload.channelName|match:'^incident-' }}"

    async def _channel(self, event: Json, directory: Directory) -> dict[str, str]:
        """Slack tells of public channels only, and the event has all there is to know."""
        return {"channel_id": _channel_id(event), "channel_name": _name(event), "channel_type": "channel"}


class ChannelRenamed(_Channel):
    """Somebody gave a channel another name."""

    name = "ChannelRenamed"
    payload = ChannelRenamedPayload
    slack_types = ("channel_rename", "group_rename")
    subscriptions = slack_types
    scopes = (_PUBLIC, _PRIVATE)
    criteria = "{{ Event.Payload.previousName == 'general' }}"

    def keep(self, body: Body, directory: Directory) -> dict[str, Any]:
        """Keep the name before, while it is known."""
        event = mapping(body.get("event"))
        before = text(event.get("old_name")) or directory.last_name(_channel_id(event))
        return {**super().keep(body, directory), "previous_name": "" if before == _name(event) else before}

    def _more(self, body: Body) -> dict[str, Any]:
        return {"previous_name": text(body.get("previous_name"))}


class ChannelArchived(_Channel):
    """Somebody archived a channel."""

    name = "ChannelArchived"
    slack_types = ("channel_archive", "group_archive")
    subscriptions = slack_types
    criteria = "{{ Event.Payload.origin == 'channel' }}"


def _channel_id(event: Json) -> str:
    channel = event.get("channel")
    return text(mapping(channel).get("id")) or text(channel)


def _name(event: Json) -> str:
    return text(mapping(event.get("channel")).get("name"))


def _user_id(event: Json) -> str:
    return text(event.get("user")) or text(mapping(event.get("channel")).get("creator"))
