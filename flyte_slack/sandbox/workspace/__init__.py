"""A Slack workspace in memory: people, channels, messages and what happens to them, without any I/O.

Shapes follow Slack's own JSON (users, conversations, messages, Events API inner events), because what
reads them expects Slack. Sources: docs.slack.dev on the types ``user``, ``conversation`` and
``message``, and the project's notes of what Slack does.
"""

from .feed import Change
from .messages import Workspace
from .model import TOMBSTONE, Channel, Event, Message, NotInWorkspaceError, Pin, User, escape

__all__ = [
    "TOMBSTONE",
    "Change",
    "Channel",
    "Event",
    "Message",
    "NotInWorkspaceError",
    "Pin",
    "User",
    "Workspace",
    "escape",
]
