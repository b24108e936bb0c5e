"""What a workspace consists of: users, conversations and messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]
"""One message as Slack stores it: ``type``, ``ts``, ``text``, ``user`` or ``bot_id``, ``thread_ts``, …"""

Event = dict[str, Any]
"""The inner event of the Events API: ``{"type": "message", "channel": "C…", "ts": "…", …}``."""

TOMBSTONE = "tombstone"


class NotInWorkspaceError(LookupError):
    """The workspace has no such channel, person, thread, message or view."""


def escape(text: str) -> str:
    """Text as Slack stores what a person writes: only ``&``, ``<`` and ``>`` become entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(slots=True)
class User:
    """A member of the workspace, person or bot."""

    id: str
    name: str
    real_name: str
    display_name: str = ""
    email: str = ""
    title: str = ""
    bot_id: str = ""

    def as_slack(self, team_id: str) -> dict[str, Any]:
        """Return the ``user`` object of ``users.info``."""
        first, _, last = self.real_name.partition(" ")
        profile = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.display_name,
            "display_name_normalized": self.display_name,
            "first_name": first,
            "last_name": last,
            "title": self.title,
            "team": team_id,
        }
        # Bots have no address, and what they do have is the id of the bot behind them.
        profile |= {"bot_id": self.bot_id} if self.bot_id else {"email": self.email}
        return {
            "id": self.id,
            "team_id": team_id,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": False,
            "tz": "Etc/UTC",
            "tz_label": "Coordinated Universal Time",
            "tz_offset": 0,
            "is_admin": False,
            "is_owner": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_bot": bool(self.bot_id),
            "is_app_user": False,
            "updated": 0,
            "profile": profile,
        }


@dataclass(frozen=True, slots=True)
class Pin:
    """A message that somebody pinned to its channel."""

    ts: str
    user_id: str
    created: int


@dataclass(slots=True)
class Channel:
    """A conversation. ``kind`` is Slack's ``channel_type``: ``channel``, ``group``, ``im`` or ``mpim``.

    ``messages`` are in the order of their ``ts``. ``ephemerals`` are those that only one person sees,
    whose id is in their ``ephemeral_to``; no history has them.
    """

    id: str
    name: str
    kind: str
    members: list[str]
    topic: str = ""
    purpose: str = ""
    is_archived: bool = False
    created: int = 0
    creator: str = "U0ALICE"
    messages: list[Message] = field(default_factory=list)
    ephemerals: list[Message] = field(default_factory=list)
    pins: list[Pin] = field(default_factory=list)
