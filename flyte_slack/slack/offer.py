"""The one list: every command and every event of the pack.

What is registered, `FLYTE_SLACK_COMMANDS` and `FLYTE_SLACK_EVENTS`, the manifest, the scopes, `check`,
`schema` and the reference documents are made from what these say of themselves.
"""

from typing import Any

from .commands.base import SlackCommand
from .events.base import EventKind

COMMANDS: tuple[type[SlackCommand[Any]], ...] = ()

EVENTS: tuple[type[EventKind], ...] = ()
