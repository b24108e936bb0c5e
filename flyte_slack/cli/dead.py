"""The command `dead`: what was put aside, for an operator to see and deal with."""

import argparse
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict

from .. import logs
from ..settings.slack import StoreSettings
from ..store import Store


@asynccontextmanager
async def _store() -> AsyncIterator[Store]:
    settings = StoreSettings.load()
    logs.configure(settings.log_level, settings.log_format)
    logs.add_secrets(settings.secrets())
    async with await Store.open(settings.store.get_secret_value(), shared=True, must_exist=True) as store:
        yield store


async def list_rows(arguments: argparse.Namespace) -> int:
    """Print a line for each row."""
    async with _store() as store:
        rows = await store.dead.list()
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    elif not rows:
        print("nothing was put aside")
    else:
        width = max(len(row.id) for row in rows)
        for row in rows:
            print(f"{row.id:{width}}  {row.since}  {row.about}  {row.reason}")
    return 0


async def show(arguments: argparse.Namespace) -> int:
    """Print one row with its content."""
    async with _store() as store:
        row = await store.dead.show(arguments.id[0])
    if row is None:
        return _missing(arguments.id[0])
    print(json.dumps(asdict(row), indent=2, ensure_ascii=False))
    return 0


async def retry(arguments: argparse.Namespace) -> int:
    """Give rows back to be delivered."""
    async with _store() as store:
        return await _each(arguments.id, store.dead.retry, "will be delivered again")


async def drop(arguments: argparse.Namespace) -> int:
    """Forget rows."""
    async with _store() as store:
        return await _each(arguments.id, store.dead.drop, "is forgotten")


async def _each(ids: list[str], change: Callable[[str], Awaitable[bool]], done: str) -> int:
    status = 0
    for id_ in ids:
        if await change(id_):
            print(f"{id_} {done}")
        else:
            status = _missing(id_)
    return status


def _missing(id_: str) -> int:
    print(f"{id_}: nothing with this id was put aside; flyte-slack dead list shows what was")
    return 1
