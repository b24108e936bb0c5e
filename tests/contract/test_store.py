"""The store's contract on events and its life, over every kind of database (promises 1, 2)."""

import asyncio
import random
import time

import pytest
from store_parts import Opener, finished, keys
from support import count, eventually, running

from flyte_slack.store import Store
from flyte_slack.store import store as store_module
from flyte_slack.store.schema import State
from flyte_slack.store.store import KEPT_FOR


class TestInbox:
    async def test_event_is_kept_as_it_was_received(self, store: Store) -> None:
        """What was stored comes back unchanged, whatever JSON holds."""
        body = {"event": {"text": "ü😀 <@U1> &amp;\x00", "n": 1.5, "none": None, "list": [1, {"a": True}]}}
        assert await store.inbox.add("C1:1", "C1", body, kind="Seen")
        (event,) = await store.inbox.waiting("C1", 10)
        assert (event.key, event.lane, event.body) == ("C1:1", "C1", body)

    async def test_same_key_is_one_event(self, store: Store) -> None:
        """A redelivery is not new, and the first body stays."""
        assert await store.inbox.add("C1:1", "C1", {"n": 1}, kind="Seen")
        assert not await store.inbox.add("C1:1", "C1", {"n": 2}, kind="Seen")
        assert [event.body for event in await store.inbox.waiting("C1", 10)] == [{"n": 1}]

    async def test_concurrent_redeliveries_are_one_event(self, store: Store) -> None:
        """The same message over several connections at once is new exactly once."""
        new = await asyncio.gather(*(store.inbox.add("C1:1", "C1", {}, kind="Seen") for _ in range(20)))
        assert sum(new) == 1

    async def test_redelivery_is_known_after_restart(self, reopen: Opener) -> None:
        """A message that comes again after a restart is known, delivered or not."""
        async with reopen() as store:
            await store.inbox.add("C1:1", "C1", {}, kind="Seen")
            await store.inbox.add("C1:2", "C1", {}, kind="Seen")
            await store.inbox.delivered((await store.inbox.waiting("C1", 1))[0])
        async with reopen() as store:
            assert not await store.inbox.add("C1:1", "C1", {}, kind="Seen")
            assert not await store.inbox.add("C1:2", "C1", {}, kind="Seen")
            assert await keys(store) == ["C1:2"]

    async def test_lane_keeps_the_order_received(self, store: Store) -> None:
        """Events of a lane come in the order received, and only those of the lane."""
        for number in range(6):
            await store.inbox.add(f"k{5 - number}", f"C{number % 2}", {}, kind="Seen")
        assert await keys(store, "C0") == ["k5", "k3", "k1"]
        assert await keys(store, "C1") == ["k4", "k2", "k0"]
        assert [event.key for event in await store.inbox.waiting("C0", 2)] == ["k5", "k3"]

    async def test_waiting_events_are_in_the_order_of_their_positions(self, store: Store) -> None:
        """Connections overtake each other: what waits is in the tool's own order, equals as received."""
        for key, position in (("c", 3.0), ("a", 1.5), ("d", 3.0), ("b", 2.0)):
            await store.inbox.add(key, "C1", {}, position, kind="Seen")
        assert await keys(store) == ["a", "b", "c", "d"]

    async def test_positions_decide_among_adds_that_wait_together(self, store: Store) -> None:
        """Of adds at once the oldest message is stored first, whoever called first."""
        await asyncio.gather(
            *(store.inbox.add(str(n), f"C{n}", {}, float(10 - n), kind="Seen") for n in range(10))
        )
        assert await store.inbox.lanes() == [f"C{n}" for n in range(9, -1, -1)]

    async def test_newest_position_is_remembered(self, reopen: Opener) -> None:
        """The newest position of what fills gaps is known of each lane after a restart."""
        async with reopen() as store:
            assert await store.inbox.newest("C1") is None
            for key, position in (("1", 5.25), ("2", 4.0), ("2", 9.0), ("3", 1700000000.000123)):
                lane = "C2" if key == "3" else "C1"
                await store.inbox.add(key, lane, {}, position, kind="Seen", fills_gaps=True)
            await store.inbox.add("4", "C1", {}, 8.0, kind="Seen")
            await store.inbox.add("5", "C3", {}, kind="Seen")
        async with reopen() as store:
            assert await store.inbox.newest("C1") == 5.25, "neither a redelivery nor what fills no gap"
            assert await store.inbox.newest("C2") == 1700000000.000123
            assert await store.inbox.newest("C3") is None

    async def test_event_without_a_position_stands_where_it_arrived(self, store: Store) -> None:
        """In a lane what has no position of its own comes after what is older and before what is newer."""
        now = time.time()
        await store.inbox.add("new", "C1", {}, now + 60, kind="Seen")
        await store.inbox.add("arrived", "C1", {}, kind="Other")
        await store.inbox.add("old", "C1", {}, now - 60, kind="Seen")
        waiting = await store.inbox.waiting("C1", 10)
        assert [(event.key, event.kind) for event in waiting] == [
            ("old", "Seen"),
            ("arrived", "Other"),
            ("new", "Seen"),
        ]

    async def test_clock_that_is_set_back_changes_no_order(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What has no position stays in the order received, whatever becomes of the clock."""
        clock = iter((1000.0, 5000.0))
        monkeypatch.setattr(time, "time", lambda: next(clock, 2000.0))
        for number in range(4):
            await store.inbox.add(str(number), "C1", {}, kind="Seen")
        assert await keys(store) == ["0", "1", "2", "3"]

    async def test_lanes_longest_waiting_first(self, store: Store) -> None:
        """Lanes with waiting events are told, the longest-waiting first, and no others."""
        for key, lane in (("1", "B"), ("2", "A"), ("3", "B"), ("4", "C")):
            await store.inbox.add(key, lane, {}, kind="Seen")
        await store.inbox.delivered((await store.inbox.waiting("C", 1))[0])
        assert await store.inbox.lanes() == ["B", "A"]

    async def test_dead_event_stays_dead(self, reopen: Opener) -> None:
        """An event put aside does not wait any more, nor after a restart, and is not new again."""
        async with reopen() as store:
            await store.inbox.add("C1:1", "C1", {}, kind="Seen")
            await store.inbox.dead((await store.inbox.waiting("C1", 1))[0], "400 Bad Request")
            assert await count(store.inbox, State.DEAD) == 1
        async with reopen() as store:
            assert (await store.inbox.lanes(), await keys(store)) == ([], [])
            assert not await store.inbox.add("C1:1", "C1", {}, kind="Seen")
            assert await count(store.inbox, State.DEAD) == 1

    async def test_order_of_concurrent_adds_is_the_order_of_calls(self, store: Store) -> None:
        """Adds that wait together are numbered in the order in which they were called."""
        await asyncio.gather(*(store.inbox.add(str(number), "C1", {}, kind="Seen") for number in range(1000)))
        assert await keys(store) == [str(number) for number in range(1000)]

    async def test_concurrent_writes_are_each_durable(self, reopen: Opener) -> None:
        """Of many writes at once each one is on disk when it returns."""
        async with reopen() as store:
            await asyncio.gather(
                *(store.inbox.add(f"e{n}", f"C{n % 7}", {"n": n}, kind="Seen") for n in range(700))
            )
            async with reopen() as other:  # nothing was flushed or closed for it
                assert await count(other.inbox) == 700

    async def test_one_bad_write_does_not_fail_the_others(self, store: Store) -> None:
        """A write that cannot be done fails alone, though it shares a transaction with others."""
        bad: str = None  # type: ignore[assignment]
        results = await asyncio.gather(
            store.inbox.add("1", "C1", {}, kind="Seen"),
            store.inbox.add("2", bad, {}, kind="Seen"),
            store.inbox.add("3", "C1", {}, kind="Seen"),
            return_exceptions=True,
        )
        assert [results[0], results[2]] == [True, True]
        assert isinstance(results[1], Exception)
        assert await keys(store) == ["1", "3"]

    async def test_cancelled_caller_fails_no_other(self, store: Store) -> None:
        """A caller that gives up takes nobody's write with it."""
        adds = [
            asyncio.create_task(store.inbox.add(str(number), "C1", {}, kind="Seen")) for number in range(10)
        ]
        await asyncio.sleep(0)
        adds[3].cancel()
        ends = await asyncio.gather(*adds, return_exceptions=True)
        assert [end for end in ends if end is not True] == [ends[3]]
        assert set(await keys(store)) >= {str(number) for number in range(10) if number != 3}


class TestLife:
    async def test_prune_keeps_24_hours_and_what_is_not_delivered(self, store: Store) -> None:
        """Only what was delivered long ago is forgotten; what waits or is dead never is."""
        for key in ("old", "dead", "waits"):
            await store.inbox.add(key, key, {}, kind="Seen")
        await store.inbox.delivered((await store.inbox.waiting("old", 1))[0])
        await store.inbox.dead((await store.inbox.waiting("dead", 1))[0], "no")
        await store.actions.delivered(await finished(store, "r/1"))
        await finished(store, "r/2")

        await store.inbox.prune(time.time() - KEPT_FOR)
        await store.actions.prune(time.time() - KEPT_FOR)
        assert not await store.inbox.add("old", "old", {}, kind="Seen")
        assert not await store.actions.add("r/1", "x", "c", {})

        await store.inbox.prune(time.time() + 1)
        await store.actions.prune(time.time() + 1)
        assert await store.inbox.add("old", "old", {}, kind="Seen")
        assert await store.actions.add("r/1", "x", "c", {})
        assert (await count(store.inbox, State.DEAD), await count(store.inbox)) == (1, 2)
        assert len(await store.actions.results()) == 1

    def test_delivered_rows_are_kept_24_hours(self) -> None:
        """A redelivery is known for at least 24 hours (promise 2)."""
        assert KEPT_FOR >= 24 * 3600

    async def test_size_is_told_in_bytes(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """The size grows with what is stored."""
        monkeypatch.setattr(store_module, "_LOOK_EVERY", 0.02)
        noise = random.Random(1).randbytes(300_000).hex()  # PostgreSQL compresses what is alike
        async with running(store.run()):
            await eventually(lambda: store.stats.size)
            before = store.stats.size
            await store.inbox.add("1", "C1", {"text": noise}, kind="Seen")
            await eventually(lambda: store.stats.size > before + 250_000)

    async def test_what_is_held_is_counted(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """What waits and what was put aside is told in numbers, and in a sentence for people."""
        monkeypatch.setattr(store_module, "_LOOK_EVERY", 0.02)
        for number in range(4):
            await store.inbox.add(str(number), "C1", {}, kind="Seen")
        await store.inbox.dead((await store.inbox.waiting("C1", 1))[0], "400")
        await finished(store, "r/1")
        await store.actions.dead(await finished(store, "r/2"), "400")
        await store.actions.add("r/3", "C1", "c", {})
        async with running(store.run()):
            await eventually(lambda: store.stats.size)
        stats = store.stats
        held = (stats.events, stats.actions, stats.results, stats.dead_events, stats.dead_results)
        assert [each.number for each in held] == [3, 1, 1, 1, 1]
        assert all(each.since for each in held)
        assert "3 events, 1 actions, 1 results; dead: 2" in str(stats)

    async def test_notes_outlive_a_restart(self, reopen: Opener) -> None:
        """A note is kept under its key, the last one holds, and others do not matter."""
        async with reopen() as store:
            assert await store.noted("a") is None
            await store.note("a", "1")
            await store.note("b", "x")
            await store.note("a", "2")
        async with reopen() as store:
            assert (await store.noted("a"), await store.noted("b")) == ("2", "x")

    async def test_healthy_store_has_no_problem_and_runs(self, store: Store) -> None:
        """While writes succeed there is no problem, and nobody waits for the store."""
        async with running(store.run()):
            await store.inbox.add("1", "C1", {}, kind="Seen")
            await store.writable()
        assert store.problem is None
