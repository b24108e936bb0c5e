"""Channels by the names that flows give them, so that one channel is one lane whatever it is called."""

import asyncio
import time

from cachetools import TTLCache

from ... import logs
from ...pack import Named
from .history import CannotLook, History

log = logs.get(__name__)

_LISTING_TAKES = 60.0
_PATIENCE = _LISTING_TAKES + 5  # seconds that the actions of a new name wait for it
_MISSING_FOR = 60.0


class ChannelNames:
    """Ids of channels by `#name`, and of direct messages by user id.

    Args:
        history: lists the channels.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._ids: dict[str, str] = {}
        self._listing: asyncio.Task[None] | None = None
        self._missing: TTLCache[str, bool] = TTLCache(1000, _MISSING_FOR)

    def known(self, channel: str) -> str | None:
        """Return the id of a channel if it is one or is known, else None."""
        name = channel.lstrip("#")
        return name if not name or _is_id(name) else self._ids.get(name)

    def lane(self, channel: str) -> str | Named:
        """Return what actions for a channel stay in order with: its id, or the name to look it up by."""
        known = self.known(channel)
        return channel if known == channel else Named(channel, known)

    async def find(self, channel: str) -> str:
        """Return the id of a channel, or its bare name if Slack does not tell in time."""
        name = channel.lstrip("#")
        if name not in self._ids and name not in self._missing:
            if self._listing is None:
                self._listing = asyncio.create_task(self._list())
            await asyncio.wait([self._listing], timeout=_PATIENCE)
            if name not in self._ids:
                self._missing[name] = True
        return self._ids.get(name, name)

    def forget(self) -> None:
        """List anew: a channel was renamed."""
        self._ids.clear()
        self._missing.clear()

    async def _list(self) -> None:
        try:
            async for channel in self._history.all_channels(time.monotonic() + _LISTING_TAKES):
                for key in ("name", "user"):
                    if channel.get(key):
                        self._ids[str(channel[key])] = str(channel.get("id"))
        except CannotLook as error:
            log.warning("channels cannot be listed: a name stands for itself", cause=error.failure.code)
        finally:
            self._listing = None


def _is_id(name: str) -> bool:
    return name[:1] in {"C", "G", "D"} and name.isalnum() and name.isupper()
