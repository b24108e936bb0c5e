"""What several kinds of events share: the common keys of their payloads, and how they are filled."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from ..workspace.directory import Directory
from ..workspace.profiles import Channel, Json, User, mapping, objects, text
from ..workspace.workspace import Workspace
from .base import Body, Payload

Origin = Literal["channel", "command"]

_PLACEHOLDERS = frozenset({"directmessage", "privategroup"})


class UserObject(Payload):
    """A user, as flows see it."""

    id: str = Field("", description="user id, or the bot's id for a bot without a user")
    name: str = Field("", description="user name")
    display_name: str = Field("", description="display name")
    email: str = Field("", description="e-mail address, if the app may read it")
    title: str = Field("", description="title")
    first_name: str = Field("", description="first name")
    last_name: str = Field("", description="last name")
    is_bot: Literal["true", "false"] = Field("false", description="whether it is a bot: `true` or `false`")

    @classmethod
    def of(cls, user: User) -> "UserObject":
        """Return a user as a part of a payload."""
        return cls.model_validate(user.payload())


class FileObject(Payload):
    """A file of a message, as flows see it."""

    id: str = Field("", description="file id")
    name: str = Field("", description="its name")
    mimetype: str = Field("", description="its media type")
    size: str = Field("", description="bytes")
    permalink: str = Field("", description="address of its page in Slack")

    @classmethod
    def of(cls, file: Json) -> "FileObject":
        """Return one of Slack's file objects as a part of a payload."""
        return cls(**{key: text(file.get(key)) for key in cls.model_fields})


class ByUser(Payload):
    """Keys of every event."""

    team_id: str = Field(description="workspace that the app is installed in")
    user: UserObject = Field(description="who did it")


class InChannel(ByUser):
    """Keys of every event that happens in a channel."""

    channel_id: str = Field(description="channel id")
    channel_name: str = Field(description="its name without `#`; empty for a direct message")
    channel_type: str = Field(description="`channel`, `group`, `im` or `mpim`")


def inner(body: Body, *types: str) -> Json:
    """Return the event of a payload of the Events API if it has one of these types, else an empty one."""
    event = mapping(body.get("event"))
    return event if text(event.get("type")) in types else {}


def event_key(kind: str, body: Body) -> str:
    """Return what makes two deliveries of an event the same: Slack's `event_id`, or all that it says."""
    return f"{kind}:{text(body.get('event_id')) or digest(body.get('event'))}"


def digest(value: object) -> str:
    """Return a short text that only the same JSON value has."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def clean_key(key: object) -> str:
    """Return a key as Flyte's database can hold it: without a point, and without a dollar at its start."""
    return re.sub(r"^\$", "_", str(key).replace(".", "_"))


def team_of(body: Body, workspace: Workspace) -> str:
    """Return the workspace that the app is installed in: in shared channels `team_id` is the writer's."""
    authorization = next(iter(objects(body.get("authorizations"))), {})
    return (
        text(authorization.get("team_id"))
        or text(body.get("context_team_id"))
        or workspace.identity.team_id
        or text(body.get("team_id"))
        or text(mapping(body.get("team")).get("id"))
    )


async def person(directory: Directory, id_: str, known: object = None, *, bot: bool = False) -> UserObject:
    """Return a user; what Slack does not tell is filled in from what the payload knows of it.

    Args:
        directory: looks the user up.
        id_: user id; without one, it is a user object of empty values.
        known: a `user_profile`, or the `user` of an interaction.
        bot: whether it is known to be one.
    """
    hint = User.from_event(id_, {**mapping(known), "is_bot": bot})
    return UserObject.of((await directory.user(id_)).completed(hint))


async def channel_keys(
    directory: Directory, id_: str, *, name: object = "", kind: object = ""
) -> dict[str, str]:
    """Return the three keys of a channel.

    Args:
        directory: looks the channel up.
        id_: channel id; without one, all are empty.
        name: as the payload has it, which may be a placeholder.
        kind: its type, if the payload is one that tells it.
    """
    found = await directory.channel(id_, text(kind)) if id_ else Channel()
    given = text(name)
    if given and not found.name and found.type != "im" and given not in _PLACEHOLDERS:
        found = Channel(id_, given, found.type or ("mpim" if given.startswith("mpdm-") else ""))
    return {"channel_id": found.id, "channel_name": found.name, "channel_type": found.type}


def strings(value: object) -> Any:
    """Return a JSON value with scalars as strings, null as empty, and keys that can be stored."""
    if isinstance(value, Mapping):
        return {clean_key(key): strings(item) for key, item in value.items()}
    if isinstance(value, list):
        return [strings(item) for item in value]
    return text(value)
