"""From Slack's JSON to the event `MessageSent`. Pure: nothing here waits, asks or remembers.

Shapes: https://docs.slack.dev/reference/events/message/ and contract, section 3. Every value of a
payload is a string, or an object or list of them, since Flyte's templates turn numbers into floats.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ...pack import Event

MESSAGE_SENT = "MessageSent"
MESSAGE_SEND_FAILURE = "MessageSendFailure"

Json = Mapping[str, Any]

_WRITTEN_BY_PEOPLE = {"", "file_share", "thread_broadcast", "me_message"}
_SLACKBOT = "USLACKBOT"


@dataclass(frozen=True, slots=True)
class User:
    """A user's profile, as flows see it. What is unknown is empty."""

    id: str = ""
    name: str = ""
    display_name: str = ""
    email: str = ""
    title: str = ""
    first_name: str = ""
    last_name: str = ""
    is_bot: bool = False

    @classmethod
    def from_slack(cls, id_: str, user: Json) -> "User":
        """Read a user as `users.info` gives it; no field stands in for another."""
        profile = _object(user.get("profile"))
        return cls(
            id=id_,
            name=_text(user.get("name")),
            display_name=_text(profile.get("display_name")),
            email=_text(profile.get("email")),
            title=_text(profile.get("title")),
            first_name=_text(profile.get("first_name")),
            last_name=_text(profile.get("last_name")),
            is_bot=user.get("is_bot") is True,
        )

    def payload(self) -> dict[str, str]:
        """Return it as a part of a payload."""
        return {
            "id": self.id,
            "name": self.name,
            "displayName": self.display_name,
            "email": self.email,
            "title": self.title,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "isBot": "true" if self.is_bot else "false",
        }


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, as flows see it. What is unknown is empty.

    Attributes:
        id: channel id.
        name: without `#`; empty for a direct message.
        type: `channel`, `group`, `im` or `mpim`.
    """

    id: str = ""
    name: str = ""
    type: str = ""

    @classmethod
    def from_slack(cls, id_: str, channel: Json) -> "Channel":
        """Read a channel as `conversations.info` gives it."""
        if channel.get("is_im") is True:
            return cls(id=id_, name="", type="im")
        if channel.get("is_mpim") is True:
            kind = "mpim"
        elif channel.get("is_private") is True or channel.get("is_group") is True:
            kind = "group"
        else:
            kind = "channel"
        return cls(id=id_, name=_text(channel.get("name")), type=kind)

    @classmethod
    def unknown(cls, id_: str) -> "Channel":
        """Return what the id alone tells: only a direct message's begins with D."""
        return cls(id=id_, type="im" if id_.startswith("D") else "")


def is_from_people(message: Json, own_user: str = "") -> bool:
    """Whether a `message` event is content that a person wrote.

    A bot can post without the subtype `bot_message`: `bot_id` tells. `hidden` is never content.

    Args:
        message: the inner event.
        own_user: the pack's own user id, where it is known.
    """
    return (
        message.get("type") == "message"
        and str(message.get("subtype") or "") in _WRITTEN_BY_PEOPLE
        and not message.get("bot_id")
        and not message.get("hidden")
        and str(message.get("user") or "") not in {_SLACKBOT, own_user or _SLACKBOT}
        and bool(message.get("ts"))
        and bool(message.get("channel"))
    )


def place(message: Json) -> tuple[str, float]:
    """Return what a message must stay in order with, its channel, and its place in there, its time."""
    return str(message["channel"]), instant(str(message["ts"])).timestamp()


def message_sent(
    origin: Literal["channel", "command"],
    message: Json,
    *,
    channel: Channel,
    user: User,
    team_id: str,
) -> Event:
    """Return the event for a message that was seen in Slack, or that Slack confirmed.

    Args:
        origin: `channel` for a message seen, `command` for the result of `sendMessage`.
        message: Slack's own message object.
        channel: where it is.
        user: who wrote it.
        team_id: the workspace.
    """
    timestamp = _text(message.get("ts"))
    files = message.get("files")
    return Event(
        MESSAGE_SENT,
        {
            "origin": origin,
            "channelId": channel.id,
            "channelName": "" if channel.type == "im" else channel.name,
            "channelType": channel.type,
            "message": _text(message.get("text")),
            "timestamp": timestamp,
            "threadTimestamp": _text(message.get("thread_ts")) or timestamp,
            "teamId": team_id,
            "user": user.payload(),
            "files": [_file(file) for file in files if isinstance(file, Mapping)]
            if isinstance(files, Iterable)
            else [],
        },
        created_at=instant(timestamp),
    )


def instant(timestamp: str) -> datetime:
    """Return the time that a `ts` stands for; now, where it stands for none."""
    try:
        return datetime.fromtimestamp(float(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)


def _file(file: Json) -> dict[str, str]:
    return {key: _text(file.get(key)) for key in ("id", "name", "mimetype", "size", "permalink")}


def _object(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    """Return a scalar as a string; what is not there, or is no scalar, is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""
