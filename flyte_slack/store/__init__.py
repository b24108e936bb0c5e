"""What must not be lost: inbound events and actions, as rows with a state.

States: `taken → executing → finished → delivered`, or `dead` with the reason. An inbound event
goes from `taken` to `delivered` or `dead`.
"""

from .actions import Actions
from .dead import DeadRow
from .examine import examine
from .gaps import Gap, GapLane, Gaps
from .inbox import Inbox, StoredEvent
from .keys import Key, Keys
from .leases import Leases
from .maintenance import Info, Stats
from .records import Ending, StoredAction, StoredResult
from .sql import Held, storable
from .store import Store
from .trace import Step

__all__ = [
    "Actions",
    "DeadRow",
    "Ending",
    "Gap",
    "GapLane",
    "Gaps",
    "Held",
    "Inbox",
    "Info",
    "Key",
    "Keys",
    "Leases",
    "Stats",
    "Step",
    "Store",
    "StoredAction",
    "StoredEvent",
    "StoredResult",
    "examine",
    "storable",
]
