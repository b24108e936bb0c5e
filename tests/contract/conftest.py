"""What the contract tests share: stores of each kind, and one PostgreSQL, started when the first one asks."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from postgres import Postgres, free_port, postgres_server
from store_parts import Opener

from flyte_slack.store import Store


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Give the server; without one the test is skipped, with how to get it, and fails in CI."""
    with postgres_server(free_port()) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a fresh store of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres").new_database())


@pytest.fixture
def reopen(url: str) -> Opener:
    """Open the same store again, as the next run of the pack does."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[Store]:
        async with await Store.open(url, shared=True) as store:  # a test may look in from beside
            yield store

    return open_


@pytest.fixture
async def store(reopen: Opener) -> AsyncIterator[Store]:
    async with reopen() as opened:
        yield opened
