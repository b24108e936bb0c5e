"""The scopes and events of the Slack app, each with what it is for."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """When the pack cannot do without a scope."""

    ALWAYS = "always"
    LISTING = "listing"
    """Where channels are listed or named: for missed messages, and for `#names` in FLYTE_SLACK_CHANNELS."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope of the bot token.

    Attributes:
        name: as Slack has it.
        purpose: what the pack does with it.
        need: when it cannot be done without.
    """

    name: str
    purpose: str
    need: Need


SCOPES = (
    Scope("channels:history", "receives and looks up messages of public channels", Need.ALWAYS),
    Scope("channels:read", "lists and names public channels", Need.LISTING),
    Scope("chat:write", "posts messages", Need.ALWAYS),
    Scope("chat:write.customize", "username, iconEmoji and iconUrl of sendMessage", Need.NEVER),
    Scope("chat:write.public", "posts to public channels that the bot is not in", Need.NEVER),
    Scope("groups:history", "receives and looks up messages of private channels", Need.ALWAYS),
    Scope("groups:read", "lists and names private channels", Need.LISTING),
    Scope("im:history", "receives and looks up direct messages", Need.ALWAYS),
    Scope("im:read", "lists direct messages", Need.LISTING),
    Scope("mpim:history", "receives and looks up group direct messages", Need.ALWAYS),
    Scope("mpim:read", "lists and names group direct messages", Need.LISTING),
    Scope("users:read", "names of users", Need.NEVER),
    Scope("users:read.email", "e-mail addresses of users", Need.NEVER),
)

EVENTS = (
    "channel_rename",
    "group_rename",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "user_change",
)


def missing(granted: Collection[str], *, listing: bool) -> tuple[list[Scope], list[Scope]]:
    """Return the scopes that are not granted: those that are needed, and those that can be done without.

    Args:
        granted: names of scopes.
        listing: whether channels are listed or named.
    """
    absent = [scope for scope in SCOPES if scope.name not in granted]
    needed = {Need.ALWAYS, Need.LISTING} if listing else {Need.ALWAYS}
    return (
        [scope for scope in absent if scope.need in needed],
        [scope for scope in absent if scope.need not in needed],
    )
