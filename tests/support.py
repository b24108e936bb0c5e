"""What the tests share: waiting, serving, running parts in the background."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from flyte_slack.store import Actions, Inbox, Store
from flyte_slack.store.schema import State


async def eventually(condition: Callable[[], object], within: float = 10) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.005)


async def eventually_true(condition: Callable[[], Awaitable[object]], within: float = 10) -> None:
    """Wait until a condition that must be awaited holds."""
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.005)


async def breathe(turns: int = 20) -> None:
    """Let everything that can go on go on, without time passing; for asserting that nothing happens."""
    for _ in range(turns):
        await asyncio.sleep(0)


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port; give its address, without a slash at the end."""
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@asynccontextmanager
async def running(*parts: Coroutine[Any, Any, Any]) -> AsyncIterator[None]:
    """Run parts in the background; what ends one of them unexpectedly ends the test."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


@asynccontextmanager
async def opened(where: Path | str, *, shared: bool = False) -> AsyncIterator[Store]:
    """Open the SQLite store in a folder, or one by its URL; `shared` looks in beside its owner."""
    url = where if isinstance(where, str) else f"sqlite:///{where / 'store.db'}"
    async with await Store.open(url, shared=shared) as store:
        yield store


async def count(table: Inbox | Actions, *states: State) -> int:
    """Return how many rows of a store are in these states, or wait."""
    return (await table.held(*(states or [State.TAKEN]))).number


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Let no file of this process grow beyond the store's largest; SQLite cannot write another page."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in folder.iterdir())
    assert largest > 20_000, "the test's own output needs some room"
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
