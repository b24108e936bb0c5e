"""An older store is upgraded at start, and what it holds is kept."""

from functools import partial

import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url

from flyte_slack.errors import StoreError
from flyte_slack.store import Store, schema
from flyte_slack.store.postgresql import PostgreSQL
from flyte_slack.store.schema import _UPGRADES, SCHEMA_VERSION, metadata
from flyte_slack.store.sqlite import SQLite

TO_VERSION_2 = (
    "DROP INDEX actions_by_busyness",
    "ALTER TABLE actions DROP COLUMN busy_until",
    "UPDATE meta SET value = '2' WHERE key = 'schema_version'",
)
TO_VERSION_1 = (
    *TO_VERSION_2,
    "DROP INDEX inbox_by_age",
    "DROP INDEX actions_by_age",
    "ALTER TABLE actions RENAME COLUMN refused_for TO refused_since",
    "UPDATE meta SET value = '1' WHERE key = 'schema_version'",
)


def shape(connection: Connection) -> dict[str, tuple[set[str], set[str]]]:
    """Return the columns and indexes of each table."""
    found = inspect(connection)
    return {
        name: (
            {str(column["name"]) for column in found.get_columns(name)},
            {str(index["name"]) for index in found.get_indexes(name)},
        )
        for name in metadata.tables
    }


def downgrade(statements: tuple[str, ...], connection: Connection) -> None:
    """Make an older store of one."""
    for statement in statements:
        connection.execute(text(statement))


async def test_upgrade_that_is_cut_short_is_done_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an upgrade that failed in the middle nothing is left: the next start does it."""
    async with await Store.open(url) as store:
        new = await store._database.read(shape)
        await store._database.write(partial(downgrade, TO_VERSION_1))
        old = await store._database.read(shape)
    broken = {step: (*statements, "CREATE INDEX x ON nowhere (x)") for step, statements in _UPGRADES.items()}
    with monkeypatch.context() as patched:
        patched.setattr(schema, "_UPGRADES", broken)
        with pytest.raises(StoreError):
            await Store.open(url)
        assert await stored_shape(url) == old
    async with await Store.open(url) as store:
        assert await store._database.read(shape) == new


async def stored_shape(url: str) -> object:
    """Return the shape of a store as it is, without opening it as the pack does."""
    database = PostgreSQL(make_url(url)) if "postgresql" in url else SQLite(make_url(url))
    try:
        return await database.read(shape)
    finally:
        await database.close()


@pytest.mark.parametrize("older", [TO_VERSION_1, TO_VERSION_2], ids=["1", "2"])
async def test_older_version_is_upgraded(url: str, older: tuple[str, ...]) -> None:
    """A store of an older schema version gets what this one has, and keeps its rows."""
    async with await Store.open(url) as store:
        await store.inbox.add("C1:1", "C1", {"text": "kept"}, 1.0, kind="Seen")
        new = await store._database.read(shape)
        await store._database.write(partial(downgrade, older))
        assert await store._database.read(shape) != new
    async with await Store.open(url) as store:
        assert await store._database.read(shape) == new
        assert await store.noted("schema_version") == str(SCHEMA_VERSION)
        assert [event.body for event in await store.inbox.waiting("C1", 10)] == [{"text": "kept"}]
