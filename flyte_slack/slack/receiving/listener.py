"""Stores what Slack sends before it is acknowledged (promise 1)."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from ... import logs
from ...errors import StoreUnavailable
from ...pack.metrics import EVENT_STORED
from ...store import Inbox
from ..events.base import EventKind, Received
from ..events.kinds import Kinds
from ..workspace.directory import Directory
from ..workspace.identity import Identity
from ..workspace.profiles import Json, mapping, text
from .counts import PAYLOADS

log = logs.get(__name__)

Missed = Callable[[str | None, float], None]
"""Told that something may be missed: in which lane (None for any), and since when."""

_DEEPEST = 200  # levels of a payload, far from where Python's JSON gives up
_TOKEN_GONE = frozenset({"tokens_revoked", "app_uninstalled"})
_MINUTE = 60.0


class Listener:
    """The one listener of every way in: stores what is forwarded, takes in what else Slack tells.

    Args:
        kinds: tells what a payload is.
        inbox: where events are kept.
        wake: told the lane of each event that was stored.
        directory: told of changed names.
        identity: told that the token may be gone.
        missed: told of what Slack dropped, and of what could not be stored.
    """

    def __init__(
        self,
        kinds: Kinds,
        inbox: Inbox,
        wake: Callable[[str], None],
        directory: Directory,
        identity: Identity,
        missed: Missed = lambda lane, since: None,
    ) -> None:
        self._kinds = kinds
        self._inbox = inbox
        self._wake = wake
        self._directory = directory
        self._identity = identity
        self._missed = missed

    async def receive(self, body: object) -> None:
        """Take in one payload, whatever it is; returns when it can be acknowledged.

        Raises:
            StoreUnavailable: it must not be acknowledged.
        """
        payload = mapping(body)
        try:
            await self._keep(payload)
        except StoreUnavailable:
            raise
        except Exception:  # if it were refused, Slack would only send the same again
            PAYLOADS.labels("unreadable").inc()
            log.exception(
                "a payload cannot be read: acknowledged and left out", type=text(payload.get("type"))
            )
            return
        self._take_in(payload)

    async def _keep(self, payload: Json) -> None:
        readings = self._kinds.read(payload)
        if readings and _deeper_than(payload, _DEEPEST):
            PAYLOADS.labels("unreadable").inc()
            log.error("a payload is nested too deeply: left out", kinds=[kind.name for kind, _ in readings])
            return
        if not readings:
            PAYLOADS.labels("left_out").inc()
            log.debug("a payload that nobody asked for is acknowledged", type=text(payload.get("type")))
        for kind, received in readings:
            await self._store(
                kind, received, kind.keep(payload, self._directory), text(payload.get("event_id"))
            )

    async def _store(self, kind: EventKind, received: Received, body: dict[str, Any], event_id: str) -> None:
        key, position = received.key, received.position
        try:
            new = await self._inbox.add(
                key, received.lane, body, position, kind=kind.name, fills_gaps=received.fills_gaps
            )
        except StoreUnavailable:
            if received.fills_gaps:
                self._missed(received.lane, position)
            raise
        PAYLOADS.labels("stored" if new else "again").inc()
        if not new:
            log.info("event came again", kind=kind.name, key=key, event_id=event_id)
            return
        if position:
            EVENT_STORED.observe(max(0.0, time.time() - position))
        log.info("event stored", kind=kind.name, key=key, event_id=event_id)
        self._wake(received.lane)

    def _take_in(self, payload: Json) -> None:
        """Take in what Slack tells of names, of its token, and of what it dropped."""
        event = mapping(payload.get("event"))
        self._directory.learn(event)
        told = text(event.get("type"))
        if told in _TOKEN_GONE:
            self._identity.doubt(told)
        if payload.get("type") == "app_rate_limited":
            log.warning("Slack dropped events of a minute: they are read from the history")
            minute = payload.get("minute_rate_limited")
            since = float(minute) if isinstance(minute, int | float) and minute > 0 else time.time() - _MINUTE
            self._missed(None, since)


def _deeper_than(value: object, levels: int) -> bool:
    """Whether a JSON value is nested more deeply than so many levels."""
    layer = [value]
    for _ in range(levels):
        layer = [
            item
            for each in layer
            if isinstance(each, Mapping | list)
            for item in (each.values() if isinstance(each, Mapping) else each)
        ]
        if not layer:
            return False
    return any(isinstance(each, Mapping | list) for each in layer)
