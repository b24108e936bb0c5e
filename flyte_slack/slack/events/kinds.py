"""The kinds of events that are forwarded: the one place where it is decided what a payload is."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ..workspace.identity import Identity
from ..workspace.profiles import mapping, objects, text
from .base import Body, Bot, EventKind, Received

_LONGEST = 200  # characters of a key or a lane, so that a database's index can hold it


class Kinds:
    """The chosen kinds, asked by every way in, and by delivery.

    Args:
        kinds: what was chosen.
        identity: who the bot is.
        hears: bots whose messages are forwarded too.
    """

    def __init__(self, kinds: Iterable[EventKind], identity: Identity, hears: Iterable[str] = ()) -> None:
        self._kinds: Mapping[str, EventKind] = {kind.name: kind for kind in kinds}
        self._identity = identity
        self._hears = frozenset(hears)

    def __getitem__(self, name: str) -> EventKind:
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __contains__(self, name: str) -> bool:
        return name in self._kinds

    def read(self, body: object) -> list[tuple[EventKind, Received]]:
        """Return what a payload is, kind by kind; nothing, if nobody asked for it. Never raises."""
        return list(self._read(mapping(body)))

    def _read(self, body: Body) -> Iterator[tuple[EventKind, Received]]:
        bot = self._bot(body)
        for kind in self._kinds.values():
            if (received := kind.read(body, bot)) is not None:
                yield kind, replace(received, key=_storable(received.key), lane=_storable(received.lane))

    def _bot(self, body: Body) -> Bot:
        """Return who the pack is; before Slack has told, a payload says it too."""
        authorization = next(iter(objects(body.get("authorizations"))), {})
        installed_as = text(authorization.get("user_id")) if authorization.get("is_bot") is True else ""
        return Bot(
            user_id=self._identity.user_id or installed_as,
            bot_id=self._identity.bot_id,
            app_id=text(body.get("api_app_id")),
            hears=self._hears,
        )


def _storable(value: str) -> str:
    """Return a text as every database can hold and index it."""
    clean = value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    return clean if len(clean) <= _LONGEST else f"{clean[:100]}…{hashlib.sha256(clean.encode()).hexdigest()}"
