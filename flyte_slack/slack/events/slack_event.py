"""`SlackEvent`: any event of Slack's that `FLYTE_SLACK_EVENTS` names in Slack's own spelling."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from ..api.scopes import Scope
from ..api.timestamps import seconds
from ..workspace.profiles import Json, mapping, text
from ..workspace.workspace import Workspace
from .authors import is_own
from .base import Body, Bot, EventKind, Received
from .common import InChannel, channel_keys, digest, person, strings, team_of
from .scopes import BY_SLACK_TYPE, MESSAGE_TYPES

_OUTER_TYPES = frozenset({"app_rate_limited"})
_NOT_DONE_BY_THE_USER = frozenset({"member_joined_channel", "member_left_channel"})


class SlackEventPayload(InChannel):
    """An event of Slack's, as Slack has it. What it does not tell is empty."""

    type: str = Field(description="Slack's name of the event")
    event: dict[str, Any] = Field(description="Slack's own object: scalars as strings, null as empty")
    event_timestamp: str = Field(description="when it happened, as Slack has it")


class SlackEvent(EventKind):
    """An event that the pack has no name of its own for.

    Args:
        types: Slack's names of the events to forward.
    """

    name = "SlackEvent"
    payload = SlackEventPayload
    criteria = "{{ Event.Payload.type == 'pin_added' and Event.Payload.event.item.type == 'message' }}"

    def __init__(self, types: Sequence[str] = ()) -> None:
        self.types = tuple(dict.fromkeys(types))
        subscribed = [name for name in self.types if name not in _OUTER_TYPES]
        self.subscriptions = tuple(
            each for name in subscribed for each in (MESSAGE_TYPES if name == "message" else (name,))
        )
        self.scopes = tuple(
            Scope(scope, f"Slack's event {name}")
            for name in self.types
            for scope in BY_SLACK_TYPE.get(name, ())
        )

    @property
    def of_unknown_scope(self) -> tuple[str, ...]:
        """The types of which Slack does not document which scope they need."""
        return tuple(name for name in self.types if name not in BY_SLACK_TYPE)

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which event it is, if its type was asked for and it is not the pack's own doing."""
        event = _event(body)
        type_ = text(event.get("type"))
        if type_ not in self.types or (type_ not in _NOT_DONE_BY_THE_USER and _is_own(event, bot)):
            return None
        key = text(body.get("event_id")) or digest(event)
        lane = _channel_id(event) or _user_id(event) or type_
        return Received(f"{self.name}:{key}", lane, seconds(event.get("event_ts")))

    async def event(self, body: Body, workspace: Workspace) -> SlackEventPayload:
        """Return Slack's own object, with the names of its channel and user."""
        event, directory = _event(body), workspace.directory
        channel = mapping(event.get("channel"))
        return SlackEventPayload(
            **await channel_keys(
                directory, _channel_id(event), name=channel.get("name"), kind=event.get("channel_type")
            ),
            type=text(event.get("type")),
            event=strings({key: value for key, value in event.items() if key != "token"}),
            event_timestamp=text(event.get("event_ts")),
            team_id=team_of(body, workspace),
            user=await person(directory, _user_id(event), event.get("user_profile") or event.get("user")),
        )


def _event(body: Body) -> Json:
    """Return Slack's own object: the inner event, or the payload of an outer type."""
    return mapping(body.get("event")) if "event" in body else body


def _is_own(event: Json, bot: Bot) -> bool:
    said = mapping(event.get("message")) or mapping(event.get("previous_message"))
    return is_own({**event, "user": _user_id(event)}, bot) or is_own(said, bot)


def _channel_id(event: Json) -> str:
    channel = event.get("channel")
    candidates = (
        text(mapping(channel).get("id")) or text(channel),
        text(event.get("channel_id")),
        text(mapping(event.get("item")).get("channel")),
    )
    return next(filter(None, candidates), "")


def _user_id(event: Json) -> str:
    user, channel = event.get("user"), mapping(event.get("channel"))
    candidates = (
        text(mapping(user).get("id")) or text(user),
        text(event.get("user_id")),
        text(channel.get("creator")),
    )
    return next(filter(None, candidates), "")
