"""Whom a store belongs to: what waits in it must not be taken by a pack that it is not for."""

import json
from collections.abc import Mapping

from sqlalchemy import Connection, select

from ..errors import StoreOfAnother
from .schema import meta
from .sql import insert_new, replace_all

_KEY = "owner"


def owner(connection: Connection) -> dict[str, str]:
    """Return the owner of a store, by what tells owners apart; empty if it is nobody's."""
    found = connection.scalar(select(meta.c.value).where(meta.c.key == _KEY).with_for_update())
    return dict(json.loads(found)) if found else {}


def claim(claimed: Mapping[str, str], connection: Connection) -> None:
    """Make a store an owner's. Of several that claim it at once the first gets it.

    Raises:
        StoreOfAnother: it is somebody else's.
    """
    insert_new(connection, meta, "key", [{"key": _KEY, "value": "{}"}])
    known = owner(connection)
    differ = [
        f"its {what} is {known[what]!r}, and not {value!r}"
        for what, value in claimed.items()
        if known.get(what, value) != value
    ]
    if differ:
        raise StoreOfAnother(
            f"the store belongs to another pack: {'; '.join(differ)}. "
            "Each pack needs a store of its own: set FLYTE_SLACK_STORE to another place"
        )
    if new := {what: value for what, value in claimed.items() if what not in known}:
        value = json.dumps({**known, **new})
        replace_all(connection, meta, [{"key": _KEY, "value": value}])
