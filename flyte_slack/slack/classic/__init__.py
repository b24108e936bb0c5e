"""The names and shapes of the Go pack (flyte-slack), over the same parts (contract, section 11)."""

from .commands import COMMANDS, commands
from .events import EVENTS

__all__ = ["COMMANDS", "EVENTS", "commands"]
