"""Scopes that several commands need."""

from ..api.scopes import Scope

WRITE = Scope("chat:write", "posts, changes and deletes messages")

NAME_CHANNELS = (
    Scope("channels:read", "finds public channels by name", required=False),
    Scope("groups:read", "finds private channels by name", required=False),
    Scope("im:read", "finds direct messages", required=False),
    Scope("im:write", "opens direct messages", required=False),
    Scope("mpim:read", "finds group direct messages", required=False),
)

LOOK_UP = (
    Scope("channels:history", "looks up what became of a message in public channels"),
    Scope("groups:history", "looks up what became of a message in private channels"),
    Scope("im:history", "looks up what became of a direct message"),
    Scope("mpim:history", "looks up what became of a group direct message"),
)
