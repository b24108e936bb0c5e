"""What must not be lost: inbound events and actions, as rows with a state.

States: `taken → executing → finished → delivered`, or `dead` with the reason. An inbound event
goes from `taken` to `delivered` or `dead`.
"""

from .actions import PARKED, Actions, StoredAction, StoredResult
from .dead import DeadRow
from .examine import examine
from .inbox import Inbox, StoredEvent
from .leases import Leases
from .sql import Held
from .store import Store

__all__ = [
    "PARKED",
    "Actions",
    "DeadRow",
    "Held",
    "Inbox",
    "Leases",
    "Store",
    "StoredAction",
    "StoredEvent",
    "StoredResult",
    "examine",
]
