"""The soak, briefly: nothing is lost or doubled under random faults (promises 1 to 5, 7 and 11)."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import Postgres
from soak import own_postgres, run_soak

SECONDS = float(os.environ.get("SOAK_SECONDS", "25"))


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """Give a server of the test's own: it is restarted."""
    with own_postgres() as server:
        yield server


@pytest.mark.timeout(SECONDS + 300)
async def test_nothing_is_lost_or_doubled(tmp_path: Path, postgres: Postgres) -> None:
    """Two replicas, random faults, then quiescence: every message and every action is accounted for."""
    seed = int(os.environ.get("SOAK_SEED", random.randrange(1_000_000)))
    account = await run_soak(SECONDS, tmp_path, postgres, seed)
    print(account)
    assert {name: wrong for name, wrong in account.wrong.items() if wrong} == {}
    assert account.rows["messages lost"] == account.rows["messages doubled"] == 0
    assert account.rows["actions lost"] == account.rows["posts doubled"] == 0
    assert account.rows["results"] == account.rows["actions taken and stored"] > 0
