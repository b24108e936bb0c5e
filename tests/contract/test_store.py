"""The store's contract, one suite over every kind of database (promises 1, 2, 4)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from support import running

from flyte_slack.store import Store, StoredAction, StoredResult
from flyte_slack.store.schema import State
from flyte_slack.store.store import KEPT_FOR

Opener = Callable[[], AbstractAsyncContextManager[Store]]


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.db'}"


URLS: dict[str, Callable[[Path], str]] = {"sqlite": _sqlite}
"""From a test's folder to the URL of a fresh store; the second database is one more line."""


@pytest.fixture(params=URLS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return URLS[request.param](tmp_path)


@pytest.fixture
def reopen(url: str) -> Opener:
    """Open the same store again, as the next run of the pack does."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[Store]:
        async with await Store.open(url) as store:
            yield store

    return open_


@pytest.fixture
async def store(reopen: Opener) -> AsyncIterator[Store]:
    async with reopen() as opened:
        yield opened


async def keys(store: Store, lane: str = "C1") -> list[str]:
    return [event.key for event in await store.inbox.waiting(lane, 1000)]


async def action(store: Store, lane: str = "C1") -> StoredAction:
    found = await store.actions.next(lane)
    assert found is not None
    return found


async def finished(store: Store, reference: str = "r/1", result: str = "R") -> StoredResult:
    """Store an action and finish it."""
    await store.actions.add(reference, reference, "sendMessage", {})
    stored = await action(store, reference)
    await store.actions.finished(stored, {"event": result})
    waiting = await store.actions.result(stored.id)
    assert waiting is not None
    return waiting


class TestInbox:
    async def test_event_is_kept_as_it_was_received(self, store: Store) -> None:
        """What was stored comes back unchanged, whatever JSON holds."""
        body = {"event": {"text": "ü😀 <@U1> &amp;\x00", "n": 1.5, "none": None, "list": [1, {"a": True}]}}
        assert await store.inbox.add("C1:1", "C1", body)
        (event,) = await store.inbox.waiting("C1", 10)
        assert (event.key, event.lane, event.body) == ("C1:1", "C1", body)

    async def test_same_key_is_one_event(self, store: Store) -> None:
        """A redelivery is not new, and the first body stays."""
        assert await store.inbox.add("C1:1", "C1", {"n": 1})
        assert not await store.inbox.add("C1:1", "C1", {"n": 2})
        assert [event.body for event in await store.inbox.waiting("C1", 10)] == [{"n": 1}]

    async def test_concurrent_redeliveries_are_one_event(self, store: Store) -> None:
        """The same message over several connections at once is new exactly once."""
        new = await asyncio.gather(*(store.inbox.add("C1:1", "C1", {}) for _ in range(20)))
        assert sum(new) == 1

    async def test_redelivery_is_known_after_restart(self, reopen: Opener) -> None:
        """A message that comes again after a restart is known, delivered or not."""
        async with reopen() as store:
            await store.inbox.add("C1:1", "C1", {})
            await store.inbox.add("C1:2", "C1", {})
            await store.inbox.delivered((await store.inbox.waiting("C1", 1))[0])
        async with reopen() as store:
            assert not await store.inbox.add("C1:1", "C1", {})
            assert not await store.inbox.add("C1:2", "C1", {})
            assert await keys(store) == ["C1:2"]

    async def test_lane_keeps_the_order_received(self, store: Store) -> None:
        """Events of a lane come in the order received, and only those of the lane."""
        for number in range(6):
            await store.inbox.add(f"k{5 - number}", f"C{number % 2}", {})
        assert await keys(store, "C0") == ["k5", "k3", "k1"]
        assert await keys(store, "C1") == ["k4", "k2", "k0"]
        assert [event.key for event in await store.inbox.waiting("C0", 2)] == ["k5", "k3"]

    async def test_lanes_longest_waiting_first(self, store: Store) -> None:
        """Lanes with waiting events are told, the longest-waiting first, and no others."""
        for key, lane in (("1", "B"), ("2", "A"), ("3", "B"), ("4", "C")):
            await store.inbox.add(key, lane, {})
        await store.inbox.delivered((await store.inbox.waiting("C", 1))[0])
        assert await store.inbox.lanes() == ["B", "A"]

    async def test_dead_event_stays_dead(self, reopen: Opener) -> None:
        """An event put aside does not wait any more, nor after a restart, and is not new again."""
        async with reopen() as store:
            await store.inbox.add("C1:1", "C1", {})
            await store.inbox.dead((await store.inbox.waiting("C1", 1))[0], "400 Bad Request")
            assert await store.inbox.count(State.DEAD) == 1
        async with reopen() as store:
            assert (await store.inbox.lanes(), await keys(store)) == ([], [])
            assert not await store.inbox.add("C1:1", "C1", {})
            assert await store.inbox.count(State.DEAD) == 1

    async def test_order_of_concurrent_adds_is_the_order_of_calls(self, store: Store) -> None:
        """Adds that wait together are numbered in the order in which they were called."""
        await asyncio.gather(*(store.inbox.add(str(number), "C1", {}) for number in range(1000)))
        assert await keys(store) == [str(number) for number in range(1000)]

    async def test_concurrent_writes_are_each_durable(self, reopen: Opener) -> None:
        """Of many writes at once each one is on disk when it returns."""
        async with reopen() as store:
            await asyncio.gather(*(store.inbox.add(f"e{n}", f"C{n % 7}", {"n": n}) for n in range(700)))
            async with reopen() as other:  # nothing was flushed or closed for it
                assert await other.inbox.count() == 700

    async def test_one_bad_write_does_not_fail_the_others(self, store: Store) -> None:
        """A write that cannot be done fails alone, though it shares a transaction with others."""
        bad: str = None  # type: ignore[assignment]
        results = await asyncio.gather(
            store.inbox.add("1", "C1", {}),
            store.inbox.add("2", bad, {}),
            store.inbox.add("3", "C1", {}),
            return_exceptions=True,
        )
        assert [results[0], results[2]] == [True, True]
        assert isinstance(results[1], Exception)
        assert await keys(store) == ["1", "3"]

    async def test_cancelled_caller_fails_no_other(self, store: Store) -> None:
        """A caller that gives up takes nobody's write with it."""
        adds = [asyncio.create_task(store.inbox.add(str(number), "C1", {})) for number in range(10)]
        await asyncio.sleep(0)
        adds[3].cancel()
        ends = await asyncio.gather(*adds, return_exceptions=True)
        assert [end for end in ends if end is not True] == [ends[3]]
        assert set(await keys(store)) >= {str(number) for number in range(10) if number != 3}


class TestActions:
    async def test_action_is_kept_as_it_was_taken(self, store: Store) -> None:
        """Any JSON value is an input; the identity is 32 hexadecimal digits, unlike any other."""
        inputs: list[object] = [{"channelId": "C1", "n": 1.0}, "text", 3, 1.5, True, None, ["a"], {}]
        seen = []
        for number, input_ in enumerate(inputs):
            assert await store.actions.add(f"r/{number}", "C1", "sendMessage", input_)
            found = await action(store)
            assert (found.input, found.command, found.begun) == (input_, "sendMessage", False)
            assert len(found.identity) == 32
            assert int(found.identity, 16) >= 0
            seen.append(found.identity)
            await store.actions.finished(found, {"event": "R"})
        assert len(set(seen)) == len(inputs)

    async def test_action_added_twice_is_one(self, store: Store) -> None:
        """The same action handed out again is not executed again, not even when it was completed."""
        assert await store.actions.add("r/1", "C1", "sendMessage", {})
        assert not await store.actions.add("r/1", "C1", "sendMessage", {})
        await store.actions.finished(await action(store), {"event": "R"})
        assert not await store.actions.add("r/1", "C1", "sendMessage", {})
        assert await store.actions.next("C1") is None

    async def test_lane_is_executed_in_the_order_taken(self, store: Store) -> None:
        """The next action of a lane is the oldest that is not finished; other lanes do not matter."""
        for number in range(6):
            await store.actions.add(f"r/{number}", f"C{number % 2}", "c", {"n": number})
        assert await store.actions.lanes() == ["C0", "C1"]
        order = []
        while (found := await store.actions.next("C1")) is not None:
            order.append(found.input["n"])
            await store.actions.finished(found, {"event": "R"})
        assert order == [1, 3, 5]
        assert await store.actions.lanes() == ["C0"]

    async def test_begun_survives_a_restart(self, reopen: Opener) -> None:
        """An execution that was cut off is told from one that never began."""
        async with reopen() as store:
            for number in range(3):
                await store.actions.add(f"r/{number}", f"C{number}", "c", {})
            await store.actions.executing(await action(store, "C1"))
            second = await action(store, "C2")
            await store.actions.executing(second)
            await store.actions.not_executed(second)
        async with reopen() as store:
            begun = [(await action(store, lane)).begun for lane in await store.actions.lanes()]
            assert begun == [False, True, False]

    async def test_result_waits_until_delivered(self, reopen: Opener) -> None:
        """A result is on disk with its reference before it is posted, over a restart, and then no more."""
        async with reopen() as store:
            waiting = await finished(store, "/v1/packs/My Pack/actions/1/result", "MessageSent")
        async with reopen() as store:
            assert await store.actions.results() == [waiting.id]
            result = await store.actions.result(waiting.id)
            assert result == waiting
            assert result.reference == "/v1/packs/My Pack/actions/1/result"
            assert (result.result, result.in_doubt, result.refused_since) == (
                {"event": "MessageSent"},
                False,
                None,
            )
            await store.actions.delivered(result)
            assert await store.actions.result(waiting.id) is None
            assert await store.actions.results() == []
            assert await store.actions.count(State.DELIVERED) == 1

    async def test_results_come_in_the_order_taken_and_in_pages(self, store: Store) -> None:
        """Waiting results can be read on from any one of them."""
        ids = [(await finished(store, f"r/{number}")).id for number in range(5)]
        assert await store.actions.results(limit=2) == ids[:2]
        assert await store.actions.results(ids[1], limit=2) == ids[2:4]
        assert await store.actions.results(ids[3]) == ids[4:]

    async def test_doubt_and_refusal_survive_a_restart(self, reopen: Opener) -> None:
        """How the tries to deliver a result failed is known after a restart."""
        async with reopen() as store:
            result = await finished(store)
            await store.actions.delivering(result)
        async with reopen() as store:
            cut_off = await store.actions.result(result.id)
            assert cut_off is not None
            assert cut_off.in_doubt
            await store.actions.undelivered(cut_off, in_doubt=False, refused_since=123.5)
        async with reopen() as store:
            refused = await store.actions.result(result.id)
            assert refused is not None
            assert (refused.in_doubt, refused.refused_since) == (False, 123.5)
            await store.actions.undelivered(refused, in_doubt=True)
            doubted = await store.actions.result(result.id)
            assert doubted is not None
            assert (doubted.in_doubt, doubted.refused_since) == (True, 123.5)

    async def test_dead_result_stays_dead_with_its_reason(self, reopen: Opener, url: str) -> None:
        """What is dead stays so over restarts, with its reason and with what it held."""
        async with reopen() as store:
            await store.actions.dead(await finished(store), "POST …: 400 Bad Request")
        async with reopen() as store:
            assert await store.actions.results() == []
            assert await store.actions.count(State.DEAD) == 1
            async with store._engine.connect() as connection:
                row = (await connection.exec_driver_sql("SELECT reason, result FROM actions")).one()
        assert row.reason == "POST …: 400 Bad Request"
        assert "R" in row.result


class TestLife:
    async def test_prune_keeps_24_hours_and_what_is_not_delivered(self, store: Store) -> None:
        """Only what was delivered long ago is forgotten; what waits or is dead never is."""
        for key in ("old", "dead", "waits"):
            await store.inbox.add(key, key, {})
        await store.inbox.delivered((await store.inbox.waiting("old", 1))[0])
        await store.inbox.dead((await store.inbox.waiting("dead", 1))[0], "no")
        await store.actions.delivered(await finished(store, "r/1"))
        await finished(store, "r/2")

        await store.inbox.prune(time.time() - KEPT_FOR)
        await store.actions.prune(time.time() - KEPT_FOR)
        assert not await store.inbox.add("old", "old", {})
        assert not await store.actions.add("r/1", "x", "c", {})

        await store.inbox.prune(time.time() + 1)
        await store.actions.prune(time.time() + 1)
        assert await store.inbox.add("old", "old", {})
        assert await store.actions.add("r/1", "x", "c", {})
        assert (await store.inbox.count(State.DEAD), await store.inbox.count()) == (1, 2)
        assert len(await store.actions.results()) == 1

    def test_delivered_rows_are_kept_24_hours(self) -> None:
        """A redelivery is known for at least 24 hours (promise 2)."""
        assert KEPT_FOR >= 24 * 3600

    async def test_size_is_told_in_bytes(self, store: Store) -> None:
        """The size grows with what is stored."""
        before = await store.size()
        await store.inbox.add("1", "C1", {"text": "x" * 300_000})
        assert await store.size() > before + 250_000

    async def test_healthy_store_has_no_problem_and_runs(self, store: Store) -> None:
        """While writes succeed there is no problem, and nobody waits for the store."""
        async with running(store.run()):
            await store.inbox.add("1", "C1", {})
            await store.writable()
        assert store.problem is None
