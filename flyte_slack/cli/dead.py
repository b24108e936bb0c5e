"""The command `dead`: dead letters, for an operator to see and deal with."""

import argparse
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from ..errors import FlyteSlackError
from ..store import DeadRow, Store
from .store import opened


async def list_rows(arguments: argparse.Namespace) -> int:
    """Print a line for each row."""
    async with opened() as store:
        rows = _chosen(await store.dead.list(), arguments)
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    elif not rows:
        print("there are no dead letters" + (" that the filters leave" if _filtered(arguments) else ""))
    else:
        width = max(len(row.id) for row in rows)
        for row in rows:
            print(f"{row.id:{width}}  {row.since}  {row.about}  {row.reason}")
    return 0


async def show(arguments: argparse.Namespace) -> int:
    """Print one row with its content."""
    async with opened() as store:
        row = await store.dead.show(arguments.id[0])
    if row is None:
        print(_missing(arguments.id[0]))
        return 1
    print(json.dumps(asdict(row), indent=2, ensure_ascii=False))
    return 0


async def retry(arguments: argparse.Namespace) -> int:
    """Give rows back to be delivered."""
    async with opened() as store:
        return await _each(store, arguments, store.dead.retry, "will be delivered again")


async def drop(arguments: argparse.Namespace) -> int:
    """Forget rows."""
    async with opened() as store:
        return await _each(store, arguments, store.dead.drop, "is forgotten")


async def _each(
    store: Store, arguments: argparse.Namespace, change: Callable[[str], Awaitable[bool]], done: str
) -> int:
    """Change the rows that are named, or with `--all` or a filter those that it leaves."""
    many = arguments.all or _filtered(arguments)
    if bool(arguments.id) == bool(many):
        raise FlyteSlackError("name the dead letters by their ids, or give --all or a filter: one of the two")
    ids = [row.id for row in _chosen(await store.dead.list(), arguments)] if many else arguments.id
    changed = {id_: await change(id_) for id_ in ids}
    if arguments.json:
        print(json.dumps({"done": [id_ for id_ in ids if changed[id_]],
                          "missing": [id_ for id_ in ids if not changed[id_]]}, indent=2))  # fmt: skip
    else:
        for id_ in ids:
            print(f"{id_} {done}" if changed[id_] else _missing(id_))
        if not ids:
            print("there are no dead letters" + (" that the filters leave" if _filtered(arguments) else ""))
    return 0 if all(changed.values()) else 1


def _filtered(arguments: argparse.Namespace) -> bool:
    return arguments.reason is not None or arguments.older is not None


def _chosen(rows: Sequence[DeadRow], arguments: argparse.Namespace) -> list[DeadRow]:
    """Return the rows that the filters leave."""
    before = datetime.now(UTC) - timedelta(hours=arguments.older or 0)
    return [
        row
        for row in rows
        if (arguments.reason is None or arguments.reason.lower() in row.reason.lower())
        and (arguments.older is None or datetime.fromisoformat(row.since) <= before)
    ]


def _missing(id_: str) -> str:
    return f"{id_}: there is no dead letter with this id; flyte-slack dead list shows those there are"
