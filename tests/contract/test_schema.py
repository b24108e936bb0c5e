"""A store that an earlier version wrote is upgraded at start, and everything in it is delivered once."""

from collections import defaultdict
from functools import partial
from typing import Any

import pytest
from old_stores import ACTIONS, build, insert, reference
from pack_parts import pack
from scripted_flyte import ScriptedFlyte
from sqlalchemy import Connection, inspect
from sqlalchemy.engine import make_url
from support import count, eventually

from flyte_slack.errors import SchemaTooNew, StoreError
from flyte_slack.pack import ActionContext, Event
from flyte_slack.store import Store, schema
from flyte_slack.store.database import Work
from flyte_slack.store.file import StoreFile
from flyte_slack.store.postgresql import PostgreSQL
from flyte_slack.store.schema import _UPGRADES, SCHEMA_VERSION, State, metadata
from flyte_slack.store.sqlite import SQLite

VERSIONS = range(1, SCHEMA_VERSION)


async def beside(url: str, work: Work[Any]) -> Any:
    """Do something in a store without opening it as the pack does."""
    database = (
        PostgreSQL(make_url(url))
        if "postgresql" in url
        else SQLite(make_url(url), StoreFile(make_url(url).database or ""))
    )
    try:
        return await database.write(work)
    finally:
        await database.close()


def shape(connection: Connection) -> dict[str, tuple[dict[str, bool], set[str], list[str]]]:
    """Return of each table the columns and whether they may be null, the indexes, the primary key."""
    found = inspect(connection)
    return {
        name: (
            {str(column["name"]): bool(column["nullable"]) for column in found.get_columns(name)},
            {str(index["name"]) for index in found.get_indexes(name)},
            list(found.get_pk_constraint(name)["constrained_columns"]),
        )
        for name in found.get_table_names()
    }


@pytest.mark.parametrize("version", VERSIONS)
async def test_older_version_gets_what_this_one_has(url: str, version: int) -> None:
    """A store of an older version has afterwards the tables that a new one has."""
    await beside(url, partial(build, version))
    async with await Store.open(url) as store:
        upgraded = await store._database.read(shape)
        assert await store.noted("schema_version") == str(SCHEMA_VERSION)

    def anew(connection: Connection) -> object:
        metadata.drop_all(connection)
        schema.prepare(connection)
        return shape(connection)

    assert upgraded == await beside(url, anew)


@pytest.mark.parametrize("version", VERSIONS)
async def test_upgrade_that_is_cut_short_is_done_again(
    url: str, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an upgrade that failed in the middle nothing is left: the next start does it."""
    await beside(url, partial(build, version))
    old = await beside(url, shape)
    last = SCHEMA_VERSION - 1
    with monkeypatch.context() as patched:
        patched.setitem(_UPGRADES, last, (*_UPGRADES[last], "CREATE INDEX x ON nowhere (x)"))
        with pytest.raises(StoreError):
            await Store.open(url)
        assert await beside(url, shape) == old
    async with await Store.open(url) as store:
        assert await count(store.inbox) == 3


@pytest.mark.parametrize("version", VERSIONS)
async def test_everything_in_an_older_store_is_delivered_once(url: str, version: int) -> None:
    """What waited is delivered once and in order, what was begun is known to be, what ended stays ended."""
    await beside(url, partial(build, version))
    executed: defaultdict[str, list[tuple[int, float | None]]] = defaultdict(list)

    async def execute(input_: dict[str, Any], action: ActionContext) -> Event:
        executed[input_["channelId"]].append((input_["n"], action.begun_at))
        return Event("Echoed", {"n": input_["n"]})

    async with ScriptedFlyte().serve() as flyte:
        for number in range(1, len(ACTIONS) + 1):
            flyte.handed_out(reference(number).split("/")[-2])
        async with pack(flyte, url, execute, poll=False) as parts:
            await eventually(lambda: len(flyte.results) == 7 and len(flyte.events) == 3)
            await parts.results.idle()
            store = parts.store
            assert [await count(store.inbox, state) for state in (State.TAKEN, State.DEAD)] == [0, 1]
            assert [await count(store.actions, state) for state in State] == [0, 0, 0, 8, 1]
            assert not await store.inbox.add("C1:0", "C1", {}, kind="Seen")
            assert not await store.actions.add(reference(8), "C2", "sendMessage", {})
            assert await store.inbox.newest("C1") == 2.0
        async with pack(flyte, url, execute, poll=False) as parts:
            await parts.events.idle()
    assert [event["payload"]["key"] for event in flyte.events if "C1" in str(event)] == ["C1:1", "C1:2"]
    assert [result["payload"]["n"] for _, result in sorted(flyte.results.items())] == [1, 2, 3, 4, 5, 6, 7]
    assert [call.kind for call in flyte.calls].count("event") == 3
    assert [call.kind for call in flyte.calls].count("result") == 7
    assert executed.pop("") in ([(5, None), (6, None)], [(6, None), (5, None)]), "each in a lane of its own"
    assert executed == {"C1": [(1, 5.0), (2, None)], "#a": [(3, 6.0), (4, None)]}


@pytest.mark.parametrize("version", VERSIONS)
async def test_events_of_an_older_store_are_messages(url: str, version: int) -> None:
    """What earlier versions stored is of the one kind that they knew."""
    await beside(url, partial(build, version))
    async with await Store.open(url) as store:
        waiting = await store.inbox.waiting("C1", 10)
    assert [(event.key, event.kind, event.body) for event in waiting] == [
        ("C1:1", "MessageSent", {"n": 1}),
        ("C1:2", "MessageSent", {"n": 2}),
    ]


async def test_replica_of_the_version_before_goes_on_storing(url: str) -> None:
    """While replicas are replaced one by one, what an older one receives is stored too."""
    await beside(url, partial(build, SCHEMA_VERSION - 1))
    async with await Store.open(url) as store:
        columns = ("key", "lane", "state", "position", "stored_at", "body")
        row = ("C9:1", "C9", "taken", 1.0, 4.0, "{}")
        await store._database.write(lambda connection: insert(connection, "inbox", columns, row))
        assert [event.kind for event in await store.inbox.waiting("C9", 1)] == ["MessageSent"]


async def test_newer_version_is_refused(url: str) -> None:
    """A store that a newer version wrote is left alone."""
    async with await Store.open(url) as store:
        await store.note("schema_version", str(SCHEMA_VERSION + 1))
    with pytest.raises(SchemaTooNew, match=f"schema version {SCHEMA_VERSION + 1}.*newer one"):
        await Store.open(url)
