"""A pooler between the pack and its database: each transaction may reach another session of the server."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from pack_parts import Parts, pack
from pgbouncer import pgbouncer
from postgres import Postgres
from scripted_flyte import ScriptedFlyte
from sqlalchemy.engine import make_url
from support import eventually

from flyte_slack.store import Store, examine
from flyte_slack.store.postgresql import PostgreSQL


@pytest.fixture
def direct(postgres: Postgres) -> str:
    """Give a database by its server's own port."""
    return postgres.new_database()


@pytest.fixture
def url(postgres: Postgres, direct: str) -> Iterator[str]:
    """Give the same by the pooler's."""
    with pgbouncer(postgres) as port:
        yield direct.replace(f":{postgres.port}/", f":{port}/")


async def test_pooler_is_noticed(url: str, direct: str) -> None:
    """Whether a pooler stands between is found out, and only then its price is paid."""
    for where, pooled in ((url, True), (direct, False)):
        database = await PostgreSQL.open(make_url(where))
        assert database._pooled is pooled
        await database.close()


async def test_store_is_examined_through_a_pooler(url: str) -> None:
    """Looking whether the store can be used works there too."""
    assert "its tables will be made at start" in await examine(url)
    async with await Store.open(url):
        assert "can be written, schema version" in await examine(url)


async def test_replicas_that_start_at_once(url: str) -> None:
    """Several replicas prepare the tables one after the other, and all go on."""
    stores = await asyncio.gather(*(Store.open(url) for _ in range(4)))
    for number, opened in enumerate(stores):
        async with opened as store:
            assert await store.inbox.add(str(number), "C1", {}, kind="Seen")


async def test_replicas_deliver_everything_once_and_in_order(url: str) -> None:
    """Two replicas over three sessions of the server: every message and every action once, in order."""
    async with ScriptedFlyte().serve() as flyte, AsyncExitStack() as stack:
        replicas: list[Parts] = [await stack.enter_async_context(pack(flyte, url)) for _ in range(2)]
        ids = [flyte.action({"channelId": f"C{number % 5}", "n": number}) for number in range(40)]
        keys = [f"C{number % 5}:{number}" for number in range(150)]
        for first in range(0, 150, 10):
            receives = replicas[first // 10 % 2]
            await asyncio.gather(
                *(receives.see(key, key.partition(":")[0]) for key in keys[first : first + 10])
            )
        await eventually(lambda: len(flyte.events) >= 150 and set(ids) <= flyte.results.keys(), within=60)
        seen = [event["payload"]["key"] for event in flyte.events if event["event"] == "MessageSent"]
    assert sorted(seen) == sorted(keys), "each of them once"
    for lane in range(5):
        assert [key for key in seen if key.startswith(f"C{lane}:")] == [
            key for key in keys if key.startswith(f"C{lane}:")
        ]
    assert [flyte.results[id_]["payload"]["n"] for id_ in ids] == list(range(40))
