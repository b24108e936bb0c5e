"""The events of the Go pack."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from ..events.base import Body, EventKind, Payload
from ..events.common import UserObject, person
from ..events.message_sent import MessageSent
from ..events.reactions import ReactionAdded
from ..workspace.profiles import mapping, text
from ..workspace.workspace import Workspace


class ClassicUser(Payload):
    """A user; of one who cannot be read, the `id` alone is not empty."""

    id: str = Field(description="user id")
    name: str = Field(description="user name")
    email: str = Field(description="e-mail address")
    title: str = Field(description="title")
    first_name: str = Field(description="first name")
    last_name: str = Field(description="last name")

    @classmethod
    def of(cls, user: UserObject) -> "ClassicUser":
        """Return what the Go pack tells of a user."""
        return cls.model_validate({name: getattr(user, name) for name in cls.model_fields})


class ReceivedMessagePayload(Payload):
    """A message that somebody wrote."""

    channel_id: str
    user: ClassicUser
    message: str
    timestamp: str
    thread_timestamp: str
    reply_count: Literal[0] = 0
    replies: list[Any] = Field(default_factory=list)


class ReceivedMessage(EventKind):
    """Somebody wrote a message."""

    name = "ReceivedMessage"
    payload = ReceivedMessagePayload
    criteria = "{{ Event.Payload.message|match:'^deploy ' }}"
    subscriptions = MessageSent.subscriptions
    scopes = MessageSent.scopes
    read = MessageSent.read
    keep = MessageSent.keep

    async def event(self, body: Body, workspace: Workspace) -> ReceivedMessagePayload:
        """Return the message, and who wrote it."""
        message = mapping(body.get("event"))
        timestamp = text(message.get("ts"))
        user = await person(workspace.directory, text(message.get("user")), message.get("user_profile"))
        return ReceivedMessagePayload(
            channel_id=text(message.get("channel")),
            user=ClassicUser.of(user),
            message=text(message.get("text")),
            timestamp=timestamp,
            thread_timestamp=text(message.get("thread_ts")) or timestamp,
        )


class Item(Payload):
    """What was reacted to."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str
    channel: str
    timestamp: str


class ClassicReactionPayload(Payload):
    """A reaction."""

    type: Literal["reaction_added"] = "reaction_added"
    user: ClassicUser
    item_user: ClassicUser
    item: Item
    reaction: str
    event_timestamp: str


class ClassicReactionAdded(ReactionAdded):
    """Somebody reacted to a message with an emoji."""

    payload = ClassicReactionPayload  # type: ignore[assignment]

    async def event(  # type: ignore[override]
        self, body: Body, workspace: Workspace
    ) -> ClassicReactionPayload:
        """Return the reaction, who it is from, and whose message it is to."""
        event = mapping(body.get("event"))
        item = mapping(event.get("item"))
        return ClassicReactionPayload(
            user=ClassicUser.of(await person(workspace.directory, text(event.get("user")))),
            item_user=ClassicUser.of(await person(workspace.directory, text(event.get("item_user")))),
            item=Item(
                type=text(item.get("type")), channel=text(item.get("channel")), timestamp=text(item.get("ts"))
            ),
            reaction=text(event.get("reaction")),
            event_timestamp=text(event.get("event_ts")),
        )


EVENTS: tuple[type[EventKind], ...] = (ReceivedMessage, ClassicReactionAdded)
