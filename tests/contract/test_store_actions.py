"""The store's contract on actions and results, over every kind of database (promise 4)."""

import time

import pytest
from store_parts import Opener, action, allowed, finished
from support import count

from flyte_slack.errors import LeaseLost, NotStorable
from flyte_slack.store import Ending, Store
from flyte_slack.store.schema import State


class TestActions:
    async def test_action_is_kept_as_it_was_taken(self, store: Store) -> None:
        """Any JSON value is an input; the identity is 32 hexadecimal digits, unlike any other."""
        inputs: list[object] = [{"channelId": "C1", "n": 1.0}, "text", 3, 1.5, True, None, ["a"], {}]
        seen = []
        for number, input_ in enumerate(inputs):
            assert await store.actions.add(f"r/{number}", "C1", "sendMessage", input_)
            found = await action(store)
            assert (found.input, found.command, found.begun_at) == (input_, "sendMessage", None)
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
        assert await store.actions.waiting("C1", 1) == []

    async def test_lane_is_executed_in_the_order_taken(self, store: Store) -> None:
        """The next action of a lane is the oldest that is not finished; other lanes do not matter."""
        for number in range(6):
            await store.actions.add(f"r/{number}", f"C{number % 2}", "c", {"n": number})
        assert await store.actions.lanes() == ["C0", "C1"]
        order = []
        while found := await store.actions.waiting("C1", 2):
            for each in found:
                order.append(each.input["n"])
                await store.actions.finished(each, {"event": "R"})
        assert order == [1, 3, 5]
        assert await store.actions.lanes() == ["C0"]

    async def test_begun_survives_a_restart(self, reopen: Opener) -> None:
        """An execution that was cut off is told from one that never began."""
        async with reopen() as store:
            for number in range(3):
                await store.actions.add(f"r/{number}", f"C{number}", "c", {})
            await allowed(store, "C1", "C2")
            await store.actions.executing(await action(store, "C1"), 1234.5)
            second = await action(store, "C2")
            await store.actions.executing(second)
            await store.actions.not_executed(second)
            for lane in ("C1", "C2"):
                await store.leases.release("actions", lane)
        async with reopen() as store:
            begun = [(await action(store, lane)).begun_at for lane in await store.actions.lanes()]
            assert begun == [None, 1234.5, None]

    async def test_result_waits_until_delivered(self, reopen: Opener) -> None:
        """A result is on disk with its reference before it is posted, over a restart, and then no more."""
        async with reopen() as store:
            waiting = await finished(store, "/v1/packs/My Pack/actions/1/result", "MessageSent")
        async with reopen() as store:
            assert await store.actions.results() == [waiting.identity]
            result = await store.actions.result(waiting.identity)
            assert result == waiting
            assert result.reference == "/v1/packs/My Pack/actions/1/result"
            assert (result.result, result.in_doubt, result.refused_for) == (
                {"event": "MessageSent"},
                False,
                None,
            )
            await store.actions.delivered(result)
            assert await store.actions.result(waiting.identity) is None
            assert await store.actions.results() == []
            assert await count(store.actions, State.DELIVERED) == 1

    async def test_results_come_in_the_order_taken_and_not_all_at_once(self, store: Store) -> None:
        """As many waiting results are told as asked for, the oldest first, each a lane of its own."""
        results = [await finished(store, f"r/{number}") for number in range(12)]
        lanes = [result.identity for result in results]
        assert await store.actions.results(limit=2) == lanes[:2]
        await store.actions.delivered(results[0])
        assert await store.actions.results() == lanes[1:]

    async def test_begun_now_unless_told_otherwise(self, store: Store) -> None:
        """When an execution was begun is kept, in the tool's own count where it has one."""
        await store.actions.add("r/1", "C1", "c", {})
        await allowed(store, "C1")
        before = time.time()
        await store.actions.executing(await action(store))
        assert before <= ((await action(store)).begun_at or 0) <= time.time()
        await store.actions.executing(await action(store), 5.25)
        assert (await action(store)).begun_at == 5.25

    async def test_reference_that_no_database_holds(self, store: Store) -> None:
        """What can never be stored is refused as that: nobody tries it again, and others go on."""
        for reference in ("r/\0", "r/\ud83d", "r/" + "x" * 100_000):
            with pytest.raises(NotStorable):
                await store.actions.add(reference, "C1", "c", {})
        assert store.problem is None
        assert await store.actions.add("r/1", "x" * 100_000 + "\0", "c", {})

    async def test_action_without_a_lane_has_its_own(self, store: Store) -> None:
        """What waits for no other is a lane by itself, named by its identity."""
        first, second = [await store.actions.add(f"r/{number}", None, "c", {}) for number in range(2)]
        assert first
        assert second
        assert await store.actions.lanes() == [first, second]
        assert (await action(store, first)).identity == first

    async def test_lane_moves_into_another(self, store: Store) -> None:
        """All that is unfinished in a lane moves, begun or not, and stands there in the order taken."""
        for number in range(6):
            await store.actions.add(f"r/{number}", ("?name", "C9", "C1")[number % 3], "c", number)
        await allowed(store, "?name")
        await store.actions.executing(await action(store, "?name"), 5.0)
        assert await store.actions.move_lane("?name", "C9") == 2
        assert [each.input for each in await store.actions.waiting("C9", 10)] == [0, 1, 3, 4]
        assert (await action(store, "C9")).begun_at == 5.0
        assert await store.actions.lanes() == ["C9", "C1"]
        assert await store.actions.move_lane("?name", "C9") == 0

    async def test_what_is_finished_does_not_move(self, store: Store) -> None:
        """A lane that is moved takes along nothing that has ended: its results wait where they are."""
        waiting = await finished(store, "r/1")
        assert await store.actions.move_lane("r/1", "C9") == 0
        assert await store.actions.result(waiting.identity) == waiting

    async def test_moved_action_is_not_executed_from_its_old_lane(self, store: Store) -> None:
        """Whoever read an action before it was moved must leave it to its new lane."""
        await store.actions.add("r/1", "?name", "c", {})
        await allowed(store, "?name", "C9")
        read = await action(store, "?name")
        await store.actions.move_lane("?name", "C9")
        with pytest.raises(LeaseLost):
            await store.actions.executing(read)
        assert (await action(store, "C9")).begun_at is None

    async def test_several_actions_finish_together(self, store: Store) -> None:
        """Actions that one call has done get each its result, in one transaction."""
        for number in range(3):
            await store.actions.add(f"r/{number}", "C1", "c", number)
        first, second, third = await store.actions.waiting("C1", 3)
        await store.actions.finished(second, {"event": "before"})
        endings = [Ending(each, {"event": f"R{each.input}"}) for each in (first, second, third)]
        await store.actions.finished_together(endings)
        results = [await store.actions.result(identity) for identity in await store.actions.results()]
        assert [result and result.result["event"] for result in results] == ["R0", "before", "R2"]

    async def test_finished_action_is_not_executed_again(self, store: Store) -> None:
        """Whoever read an action before another finished it must leave it alone."""
        await store.actions.add("r/1", "C1", "c", {})
        await allowed(store, "C1")
        read = await action(store)
        await store.actions.finished(read, {"event": "first"})
        with pytest.raises(LeaseLost):
            await store.actions.executing(read)
        await store.actions.finished(read, {"event": "second"})
        result = await store.actions.result(read.identity)
        assert result is not None
        assert result.result == {"event": "first"}

    async def test_held_actions_are_known_by_a_part_of_their_reference(self, store: Store) -> None:
        """Whether an action is held can be asked by its id, whole, and in whatever state it is."""
        await store.actions.add("v1/packs/Slack/actions/65a0_f/result", "C1", "c", {})
        for part, held in (("65a0_f", True), ("65a0xf", False), ("65a0", False), ("%", False), ("9", False)):
            assert await store.actions.holds(part) is held, part
        await store.actions.finished(await action(store), {"event": "R"})
        assert await store.actions.holds("65a0_f")

    async def test_doubt_and_refusal_survive_a_restart(self, reopen: Opener) -> None:
        """How the tries to deliver a result failed is known after a restart."""
        async with reopen() as store:
            result = await finished(store)
            await store.actions.delivering(result)
        async with reopen() as store:
            cut_off = await store.actions.result(result.identity)
            assert cut_off is not None
            assert cut_off.in_doubt
            await store.actions.undelivered(cut_off, in_doubt=False, refused_for=123.5)
        async with reopen() as store:
            refused = await store.actions.result(result.identity)
            assert refused is not None
            assert (refused.in_doubt, refused.refused_for) == (False, 123.5)
            await store.actions.undelivered(refused, in_doubt=True)
            doubted = await store.actions.result(result.identity)
            assert doubted is not None
            assert (doubted.in_doubt, doubted.refused_for) == (True, None)

    async def test_lane_is_busy_until_the_latest_of_its_actions(self, store: Store) -> None:
        """Until when a lane is busy is the latest that an action of it left, delivered or not."""
        for number, busy_until in enumerate((None, 7.5, 3.0)):
            assert await store.actions.busy_until("C1") == (None if number < 2 else 7.5)
            await store.actions.add(f"r/{number}", "C1", "c", {})
            await store.actions.finished(await action(store), {"event": "R"}, busy_until)
        assert await store.actions.busy_until("C1") == 7.5
        assert await store.actions.busy_until("C2") is None

    async def test_dead_result_stays_dead_with_its_reason(self, reopen: Opener, url: str) -> None:
        """What is dead stays so over restarts, with its reason and with what it held."""
        async with reopen() as store:
            await store.actions.dead(await finished(store), "POST …: 400 Bad Request")
        async with reopen() as store:
            assert await store.actions.results() == []
            assert await count(store.actions, State.DEAD) == 1
            row = await store._database.read(
                lambda connection: connection.exec_driver_sql("SELECT reason, result FROM actions").one()
            )
        assert row.reason == "POST …: 400 Bad Request"
        assert "R" in row.result
