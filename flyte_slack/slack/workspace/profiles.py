"""People and channels, as flows see them, read from Slack's JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

Json = Mapping[str, Any]

_TYPES = {"channel": "channel", "group": "group", "im": "im", "app_home": "im", "mpim": "mpim"}


def mapping(value: object) -> Json:
    """Return a JSON object; what is none is an empty one."""
    return value if isinstance(value, Mapping) else {}


def objects(value: object) -> list[Json]:
    """Return the JSON objects of a list; what is no list has none."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def is_channel_id(value: str) -> bool:
    """Whether a text is the id of a channel, and not its name, or a user's id."""
    return value[:1] in {"C", "G", "D"} and value.isalnum() and value.isupper()


def text(value: object) -> str:
    """Return a scalar as a string; what is not there, or is no scalar, is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


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
        return cls._read(id_, user, mapping(user.get("profile")))

    @classmethod
    def from_event(cls, id_: str, user: Json) -> "User":
        """Read what a payload says of a user: a `user_profile`, or the `user` of an interaction."""
        return cls._read(id_, {**user, "name": user.get("name") or user.get("username")}, user)

    @classmethod
    def _read(cls, id_: str, user: Json, profile: Json) -> "User":
        return cls(
            id=id_,
            name=text(user.get("name")),
            display_name=text(profile.get("display_name")),
            email=text(profile.get("email")),
            title=text(profile.get("title")),
            first_name=text(profile.get("first_name")),
            last_name=text(profile.get("last_name")),
            is_bot=user.get("is_bot") is True,
        )

    def completed(self, other: "User") -> "User":
        """Return it with what is empty filled in from what another source says of the same user."""
        own = {field.name: getattr(self, field.name) or getattr(other, field.name) for field in fields(self)}
        return replace(self, **own)

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
        return cls(id=id_, name=text(channel.get("name")), type=kind)

    @classmethod
    def type_of(cls, told: str) -> str:
        """Return a type as an event told it; letters and anything else that is none are empty."""
        return _TYPES.get(told, "")

    @classmethod
    def unknown(cls, id_: str) -> "Channel":
        """Return what the id alone tells: only a direct message's begins with D."""
        return cls(id=id_, type="im" if id_.startswith("D") else "")
