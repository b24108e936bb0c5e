"""From what was stored to the event that flows see: which, and with which names."""

from ... import logs
from ...pack import Event
from ...store import StoredEvent
from ..api.timestamps import instant
from ..workspace.workspace import Workspace
from .filter import ChannelFilter
from .kinds import Kinds

log = logs.get(__name__)


class Forwarding:
    """Asks the kind of each row for its event, and leaves out channels that are not forwarded.

    Args:
        kinds: what is forwarded.
        workspace: names users and channels.
        channels: tells which channels are forwarded.
    """

    def __init__(self, kinds: Kinds, workspace: Workspace, channels: ChannelFilter) -> None:
        self._kinds = kinds
        self._workspace = workspace
        self._channels = channels

    async def __call__(self, stored: StoredEvent) -> Event | None:
        """Return the event, or None if nobody wants it: its kind, or its channel, is not forwarded."""
        if stored.kind not in self._kinds:
            log.info("an event is left out: FLYTE_SLACK_EVENTS no longer has it", kind=stored.kind)
            return None
        if not await self._channels.passes(stored.lane):
            return None
        await self._workspace.identity.known()
        payload = await self._kinds[stored.kind].event(stored.body, self._workspace)
        return Event(stored.kind, payload.wire(), created_at=instant(stored.position or stored.stored_at))
