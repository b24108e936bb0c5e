"""Slack's markup, read as people see it: mentions, links, dates and entities (docs.slack.dev, formatting)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

_TOKEN = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_RINGS = frozenset({"here", "channel", "everyone"})


@dataclass(slots=True)
class Names:
    """Names by id; what is asked for and not known is noted.

    Attributes:
        users: names by user id.
        channels: names by channel id.
        wanted_users: ids that were asked for, in order, each once.
        wanted_channels: likewise.
    """

    users: dict[str, str] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)
    wanted_users: dict[str, None] = field(default_factory=dict)
    wanted_channels: dict[str, None] = field(default_factory=dict)

    def user(self, id_: str, label: str = "") -> str:
        """Return a mention of a user, such as `@bobby`."""
        self.wanted_users[id_] = None
        return f"@{self.users.get(id_) or label.removeprefix('@') or id_}"

    def channel(self, id_: str, label: str = "") -> str:
        """Return a mention of a channel, such as `#general`."""
        if not label:
            self.wanted_channels[id_] = None
        return f"#{label.removeprefix('#') or self.channels.get(id_) or id_}"


def mentioned(text: str) -> Iterator[str]:
    """Yield the ids of the users that a text mentions, in order."""
    for match in _TOKEN.finditer(text):
        if match[1] == "@" and match[2]:
            yield match[2]


def readable(text: str, names: Names) -> str:
    """Return a text as a person reads it; markup and `:emoji:` stay."""
    parts, end = [], 0
    for match in _TOKEN.finditer(text):
        parts.append(unescape(text[end : match.start()]))
        parts.append(_token(match, names))
        end = match.end()
    return "".join(parts) + unescape(text[end:])


def unescape(text: str) -> str:
    """Decode the three entities that Slack encodes, each once."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def day(timestamp: object, fallback: str = "") -> str:
    """Return a date as its fallback says it, else as RFC 3339."""
    if fallback:
        return fallback
    try:
        return datetime.fromtimestamp(int(str(timestamp)), UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return ""


def _token(match: re.Match[str], names: Names) -> str:
    sign, target, label = match[1], match[2], unescape(match[3] or "")
    if not target:
        return match[0]
    if sign == "@":
        return names.user(target, label)
    if sign == "#":
        return names.channel(target, label)
    if sign == "!":
        return _special(target, label)
    return label or re.sub("^(mailto|tel):", "", unescape(target))


def _special(target: str, label: str) -> str:
    command, _, rest = target.partition("^")
    if command == "date":
        return day(rest.partition("^")[0], label)
    if command == "subteam":
        return f"@{label.removeprefix('@') or rest}"
    if command in _RINGS:
        return f"@{command}"
    return label or f"@{command}"
