"""Replicas on one PostgreSQL: one works in a lane, and another takes over when it vanishes (promises 3-5)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from postgres import Postgres
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from store_parts import action, finished
from support import breathe, count, eventually, eventually_true, running

from flyte_slack.errors import LeaseLost, StoreUnavailable
from flyte_slack.store import Store
from flyte_slack.store import leases as module
from flyte_slack.store.postgresql import PostgreSQL
from flyte_slack.store.schema import State


@dataclass
class Replica:
    """A store of one replica, which notes the leases that it lost."""

    store: Store
    lost: list[str] = field(default_factory=list)

    async def claim(self, lane: str = "C1", kind: str = "actions") -> bool:
        return await self.store.leases.claim(kind, lane, self._loses(lane))

    async def release(self, lane: str = "C1", kind: str = "actions") -> None:
        await self.store.leases.release(kind, lane)

    def held(self, lane: str = "C1", kind: str = "actions") -> bool:
        return self.store.leases.held(kind, lane)

    def _loses(self, lane: str) -> Callable[[], object]:
        return lambda: self.lost.append(lane)


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new_database()


@pytest.fixture
async def one(url: str) -> AsyncIterator[Replica]:
    async with await Store.open(url) as store:
        yield Replica(store)


@pytest.fixture
async def other(url: str) -> AsyncIterator[Replica]:
    async with await Store.open(url) as store:
        yield Replica(store)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let leases run out soon, so that tests need not wait."""
    monkeypatch.setattr(module, "TTL", 1.5)
    monkeypatch.setattr(module, "_MARGIN", 0.1)
    monkeypatch.setattr(module, "_RENEW_EVERY", 0.1)


def expire(postgres: Postgres, url: str, seconds: float = 3600) -> None:
    """Let the database's clock be so much later, as far as leases go."""
    postgres.query(url, f"UPDATE leases SET until = until - interval '{seconds} seconds'")


async def test_lane_is_one_replicas(one: Replica, other: Replica) -> None:
    """A lane that one replica works in is refused to another, until it is given back."""
    assert await one.claim()
    assert not await other.claim()
    assert (one.held(), other.held()) == (True, False)
    await one.release()
    assert not one.held()
    assert await other.claim()
    assert not await one.claim()


async def test_lanes_and_kinds_are_independent(one: Replica, other: Replica) -> None:
    """Leases of other lanes, and of the same lane's other kinds of work, are nobody's business."""
    assert await one.claim("C1", "actions")
    assert await other.claim("C2", "actions")
    assert await other.claim("C1", "inbox")


async def test_many_claims_at_once_have_one_winner(one: Replica, other: Replica) -> None:
    """However many ask for new lanes at the same time, each lane gets one."""
    lanes = [f"C{number}" for number in range(50)]
    won = await asyncio.gather(*(replica.claim(lane) for lane in lanes for replica in (one, other)))
    assert [first + second for first, second in zip(won[::2], won[1::2], strict=True)] == [1] * 50
    assert [one.held(lane) + other.held(lane) for lane in lanes] == [1] * 50


async def test_many_claims_of_what_ran_out_have_one_winner(
    one: Replica, other: Replica, postgres: Postgres, url: str
) -> None:
    """Nor is a lease that ran out given to two."""
    lanes = [f"C{number}" for number in range(50)]
    async with await Store.open(url) as store:
        assert all([await Replica(store).claim(lane) for lane in lanes])
    expire(postgres, url)
    won = await asyncio.gather(*(replica.claim(lane) for lane in lanes for replica in (one, other)))
    assert [first + second for first, second in zip(won[::2], won[1::2], strict=True)] == [1] * 50


async def test_release_of_another_s_lease_changes_nothing(
    one: Replica, other: Replica, postgres: Postgres, url: str
) -> None:
    """A replica that lost a lane without knowing does not give back what is another's now."""
    assert await one.claim()
    expire(postgres, url)
    assert await other.claim()
    await one.release()
    assert not await one.claim()


async def test_databases_clock_decides(
    one: Replica, other: Replica, postgres: Postgres, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica whose own clock is hours ahead takes nothing that still holds."""
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    assert await one.claim()
    assert not await other.claim()
    expire(postgres, url)
    assert await other.claim()


@pytest.mark.usefixtures("short")
async def test_lease_is_renewed_while_it_is_held(
    one: Replica, other: Replica, postgres: Postgres, url: str
) -> None:
    """A replica that lives keeps its lanes, however long their work takes."""
    assert await one.claim()

    def until() -> str:
        return postgres.query(url, "SELECT until FROM leases WHERE kind = 'actions'")

    async with running(one.store.leases.run()):
        seen = {until()}
        while len(seen) < 5:
            await eventually(lambda: until() not in seen)
            seen.add(until())
            assert not await other.claim()
            assert one.held()
    assert one.lost == []


@pytest.mark.usefixtures("short")
async def test_vanished_replica_loses_its_lanes(one: Replica, other: Replica) -> None:
    """A replica that renews nothing any more (it was killed) loses its lanes, and knows when it wakes."""
    assert await one.claim()
    await eventually_true(other.claim)
    assert not one.held(), "a holder gives up before the database lets another in"
    async with running(one.store.leases.run()):
        await eventually(lambda: one.lost == ["C1"])
    assert other.held()


async def test_lost_lease_is_told_to_whoever_works(
    one: Replica, other: Replica, postgres: Postgres, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that another took over is not renewed, and its lane's work is told to stop."""
    for name, value in (("TTL", 1.0), ("_MARGIN", 0.2), ("_RENEW_EVERY", 0.05)):
        monkeypatch.setattr(module, name, value)
    assert await one.claim("C1")
    assert await one.claim("C2")
    expire(postgres, url)
    assert await other.claim("C1")
    async with running(one.store.leases.run(), other.store.leases.run()):
        await eventually(lambda: sorted(one.lost) == ["C1", "C2"])
        assert other.held("C1")
    assert other.lost == []


async def test_defaults_let_another_in_within_30_seconds() -> None:
    """Take-over is done within 30 s of a kill: the lease runs out, and somebody looks."""
    from flyte_slack.pack.lanes import LOOK_EVERY

    assert module.TTL + LOOK_EVERY < 30
    assert module._RENEW_EVERY * 2 < module.TTL - module._MARGIN, "one renewal may fail"


async def test_former_holder_does_not_execute(
    one: Replica, other: Replica, postgres: Postgres, url: str
) -> None:
    """A replica that was stopped for a while does not begin what another has taken over (promise 5)."""
    await one.store.actions.add("r/1", "C1", "c", {})
    assert await one.claim()
    read = await action(one.store)
    expire(postgres, url)
    with pytest.raises(LeaseLost):
        await one.store.actions.executing(read)
    assert await other.claim()
    with pytest.raises(LeaseLost):
        await one.store.actions.executing(read)
    await other.store.actions.executing(read, 5.0)
    assert (await action(one.store)).begun_at == 5.0


async def test_former_holder_does_not_take_back_what_another_began(
    one: Replica, other: Replica, postgres: Postgres, url: str
) -> None:
    """That another began to execute stays on disk, whatever a former holder thinks of its own try."""
    await one.store.actions.add("r/1", "C1", "c", {})
    assert await one.claim()
    read = await action(one.store)
    await one.store.actions.executing(read, 1.0)
    expire(postgres, url)
    assert await other.claim()
    await other.store.actions.executing(await action(other.store), 2.0)
    with contextlib.suppress(LeaseLost):
        await one.store.actions.not_executed(read)
    assert (await action(other.store)).begun_at == 2.0


async def test_without_a_lease_nothing_is_executed(one: Replica) -> None:
    """Who did not claim a lane does not work in it."""
    await one.store.actions.add("r/1", "C1", "c", {})
    with pytest.raises(LeaseLost):
        await one.store.actions.executing(await action(one.store))


async def test_lanes_of_others_are_left_out(
    one: Replica, other: Replica, postgres: Postgres, url: str
) -> None:
    """Who looks for work finds the lanes that nobody works in, and those of a replica that vanished."""
    for lane in ("C1", "C2"):
        await one.store.inbox.add(lane, lane, {}, kind="Seen")
        await one.store.actions.add(f"r/{lane}", lane, "c", {})
    results = [(await finished(one.store, f"r/{number}")).identity for number in range(2)]
    for kind, lane in (("inbox", "C1"), ("actions", "C1"), ("results", results[0])):
        assert await one.claim(lane, kind)

    async def found(replica: Replica) -> tuple[list[str], list[str], list[str]]:
        store = replica.store
        return await store.inbox.lanes(), await store.actions.lanes(), await store.actions.results()

    assert await found(one) == (["C1", "C2"], ["C1", "C2"], results)
    assert await found(other) == (["C2"], ["C2"], results[1:])
    expire(postgres, url)
    assert await found(other) == (["C1", "C2"], ["C1", "C2"], results)


async def test_vanished_replicas_action_is_taken_over_as_begun(
    one: Replica, other: Replica, postgres: Postgres, url: str
) -> None:
    """What a killed replica was executing is found by another, which knows that it was begun."""
    await one.store.actions.add("r/1", "C1", "c", {"n": 1})
    assert await one.claim()
    await one.store.actions.executing(await action(one.store), 7.5)
    expire(postgres, url)
    assert await other.store.actions.lanes() == ["C1"]
    assert await other.claim()
    taken_over = await action(other.store)
    assert (taken_over.begun_at, taken_over.input) == (7.5, {"n": 1})
    await other.store.actions.finished(taken_over, {"event": "other"})
    await one.store.actions.finished(taken_over, {"event": "one"})
    result = await one.store.actions.result(taken_over.identity)
    assert result is not None
    assert result.result == {"event": "other"}, "one action has one result"


async def test_same_message_over_two_replicas_is_one(one: Replica, other: Replica) -> None:
    """A message that reaches two replicas, at once or later, is new once (promise 2)."""
    for number in range(1, 21):
        adds = (
            replica.store.inbox.add(f"C1:{number}", "C1", {}, float(number), kind="Seen", fills_gaps=True)
            for replica in (one, other)
        )
        assert sum(await asyncio.gather(*adds)) == 1
    assert await count(one.store.inbox) == 20
    assert await other.store.inbox.newest("C1") == 20.0


async def test_replicas_that_start_at_once(postgres: Postgres) -> None:
    """A new database that several replicas open at the same time is prepared once, and all go on."""
    url = postgres.new_database()
    stores = await asyncio.gather(*(Store.open(url) for _ in range(5)))
    for number, opened in enumerate(stores):
        async with opened as store:
            assert await store.inbox.add(str(number), "C1", {}, kind="Seen")
    async with await Store.open(url) as store:
        assert await count(store.inbox) == 5


async def test_no_lease_outlives_a_clean_stop(one: Replica, postgres: Postgres, url: str) -> None:
    """What was given back leaves no trace: the table does not grow."""
    for number in range(30):
        assert await one.claim(f"C{number}")
        await one.release(f"C{number}")
    await breathe()
    assert postgres.query(url, "SELECT count(*) FROM leases").strip() == "0"
    assert await count(one.store.actions, State.TAKEN) == 0


@pytest.mark.usefixtures("short")
async def test_locked_row_of_another_replica_delays_nothing(
    one: Replica, postgres: Postgres, url: str
) -> None:
    """A replica that is frozen while it shows itself keeps no other from doing so, or from its lanes."""
    assert await one.claim()
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    row = "'replica', 'z', 'z', now() - interval '1 hour'"
    postgres.query(url, f"INSERT INTO leases (kind, lane, owner, until) VALUES ({row})")

    def until() -> str:
        return postgres.query(url, "SELECT until FROM leases WHERE kind = 'replica' AND lane <> 'z'")

    async with engine.connect() as frozen:
        await frozen.execute(text("SELECT * FROM leases WHERE lane = 'z' FOR UPDATE"))
        async with running(one.store.leases.run()):
            seen = {until()}
            while len(seen) < 5:
                await eventually(lambda: until() not in seen)
                seen.add(until())
                assert one.held()
    await engine.dispose()
    assert one.lost == []


async def test_claim_that_nobody_waits_for_any_more(one: Replica, other: Replica) -> None:
    """Lanes that a replica was about to take when it was stopped are free at once."""
    claims = [asyncio.create_task(one.claim(f"C{number}")) for number in range(50)]
    await asyncio.sleep(0)
    for claim in claims:
        claim.cancel()
    await asyncio.gather(*claims, return_exceptions=True)
    for number in range(50):
        await eventually_true(lambda number=number: other.claim(f"C{number}"))  # type: ignore[misc]
    assert not one.held("C0")


async def test_lanes_that_change_hands_both_ways(
    one: Replica, other: Replica, postgres: Postgres, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replicas that give lanes back and take others at the same time never wait for each other."""
    patient = text(str(module._CLAIM_NEW).replace("150ms", "10s"))  # it would end a deadlock before it is one
    monkeypatch.setattr(module, "_CLAIM_NEW", patient)
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await one.claim("x")
    assert await other.claim("y")
    mine, theirs = "x", "y"
    for _ in range(30):
        await asyncio.gather(one.release(mine), one.claim(theirs), other.release(theirs), other.claim(mine))
        mine, theirs = theirs, mine
        await eventually_true(lambda lane=mine: one.claim(lane))  # type: ignore[misc]
        await eventually_true(lambda lane=theirs: other.claim(lane))  # type: ignore[misc]
    assert postgres.query(url, deadlocks).strip() == "0"


async def test_lane_that_a_frozen_replica_holds_keeps_no_other(
    one: Replica, url: str, postgres: Postgres
) -> None:
    """A claim that waits for a transaction that does not end is given up, and holds up no other lane."""
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as frozen:
        row = "'actions', 'C1', 'z', now() + interval '1 hour'"
        await frozen.execute(text(f"INSERT INTO leases (kind, lane, owner, until) VALUES ({row})"))
        claims = await asyncio.gather(*map(one.claim, ("C1", "C2", "C3")), return_exceptions=True)
        assert isinstance(claims[0], StoreUnavailable)
        assert claims[1:] == [True, True]
    await engine.dispose()
    assert await one.claim("C1")


async def test_transaction_of_a_frozen_replica_is_ended(one: Replica) -> None:
    """The server ends what stands still in the middle of a transaction; the session keeps no such setting."""
    setting = text("SHOW idle_in_transaction_session_timeout")
    database = one.store._database
    assert await database.write(lambda connection: connection.scalar(setting)) == "5s"
    assert await database.read(lambda connection: connection.scalar(setting)) == "0"


async def test_leases_are_changed_outside_of_transactions(one: Replica) -> None:
    """A replica that freezes between two statements on its leases holds up no other."""
    database = one.store._database
    assert isinstance(database, PostgreSQL)
    begun_at = text("SELECT now()")
    for write in (database.write_one, database.write_aside):
        first, second = await write(lambda connection: [connection.scalar(begun_at) for _ in range(2)])
        assert first < second
