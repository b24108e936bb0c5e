"""Lanes: order within, independence between, and no wake-up lost (promise 3)."""

import asyncio
from collections import defaultdict

import pytest
from support import breathe, eventually, running

from flyte_slack.pack.lanes import Lanes
from flyte_slack.store.leases import SoleOwner


class Bench:
    """Work that waits at a gate a lane, and notes what is going on."""

    def __init__(self, most: int = 1000) -> None:
        self.lanes = Lanes("inbox", self._work, self._find, SoleOwner(), most)
        self.waiting: defaultdict[str, list[int]] = defaultdict(list)
        self.done: list[tuple[str, int]] = []
        self.busy: list[str] = []
        self.most_busy = 0
        self.twice = False
        self._gates: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(0))

    def give(self, lane: str, *numbers: int) -> None:
        """Add work and wake the lane."""
        self.waiting[lane] += numbers
        self.lanes.wake(lane)

    def let(self, lane: str, times: int = 1) -> None:
        """Let pieces of work of a lane end."""
        for _ in range(times):
            self._gates[lane].release()

    async def _find(self, limit: int) -> list[str]:
        return [lane for lane, waiting in self.waiting.items() if waiting][:limit]

    async def _work(self, lane: str) -> None:
        self.twice |= lane in self.busy
        self.busy.append(lane)
        self.most_busy = max(self.most_busy, len(self.busy))
        while self.waiting[lane]:
            await self._gates[lane].acquire()
            self.done.append((lane, self.waiting[lane].pop(0)))
        self.busy.remove(lane)


async def nothing(limit: int) -> list[str]:
    return []


async def test_order_within_a_lane() -> None:
    """Work of one lane is done in order, one piece at a time."""
    bench = Bench()
    async with running(bench.lanes.run()):
        for number in range(5):
            bench.give("A", number)
            await breathe()
        bench.let("A", 5)
        await bench.lanes.idle()
    assert bench.done == [("A", number) for number in range(5)]
    assert not bench.twice


async def test_lanes_do_not_wait_for_each_other() -> None:
    """A lane that is stuck holds up no other."""
    bench = Bench()
    async with running(bench.lanes.run()):
        bench.give("stuck", 1)
        for number in range(50):
            bench.give(f"L{number}", number)
            bench.let(f"L{number}")
        await eventually(lambda: len(bench.done) == 50)
        assert bench.busy == ["stuck"]


async def test_wake_during_work_is_not_lost() -> None:
    """Work that comes while its lane is about to return is done."""
    seen: list[int] = []
    given: list[int] = [1]
    lanes: Lanes

    async def work(lane: str) -> None:
        seen.extend(given)
        given.clear()
        await asyncio.sleep(0)  # has looked, and found nothing more
        if len(seen) < 5:
            given.append(len(seen) + 1)
            lanes.wake(lane)

    lanes = Lanes("inbox", work, nothing, SoleOwner())
    async with running(lanes.run()):
        lanes.wake("A")
        await lanes.idle()
    assert seen == [1, 2, 3, 4, 5]


async def test_wake_before_run_is_kept() -> None:
    """What was woken before the lanes run is worked on when they do."""
    bench = Bench()
    bench.give("A", 1)
    bench.let("A")
    async with running(bench.lanes.run()):
        await bench.lanes.idle()
    assert bench.done == [("A", 1)]


async def test_many_wakes_are_one_task() -> None:
    """However often a lane is woken, it is worked in by one task."""
    bench = Bench()
    async with running(bench.lanes.run()):
        for number in range(100):
            bench.give("A", number)
        bench.let("A", 100)
        await bench.lanes.idle()
    assert bench.most_busy == 1
    assert len(bench.done) == 100


async def test_lanes_at_once_are_limited_and_all_get_their_turn() -> None:
    """No more lanes than allowed are worked in at once, and those that wait come next."""
    bench = Bench(most=3)
    async with running(bench.lanes.run()):
        for number in range(10):
            bench.give(f"L{number}", number)
        await breathe()
        assert bench.busy == ["L0", "L1", "L2"]
        for number in range(10):
            bench.let(f"L{number}")
        await bench.lanes.idle()
    assert bench.most_busy == 3
    assert sorted(number for _, number in bench.done) == list(range(10))


async def test_idle_waits_for_what_was_woken() -> None:
    """Idle means that no lane has work: not before it was begun, not while it goes on."""
    bench = Bench()
    await bench.lanes.idle()
    async with running(bench.lanes.run()):
        bench.give("A", 1)
        bench.give("B", 1)
        idle = asyncio.create_task(bench.lanes.idle())
        bench.let("A")
        await breathe()
        assert not idle.done()
        bench.let("B")
        await idle
        bench.give("A", 2)
        idle = asyncio.create_task(bench.lanes.idle())
        await breathe()
        assert not idle.done()
        bench.let("A")
        await idle


async def test_failing_work_is_not_swallowed() -> None:
    """A defect in the work is told, not forgotten with its task."""

    async def work(lane: str) -> None:
        raise ZeroDivisionError

    lanes = Lanes("inbox", work, nothing, SoleOwner())
    lanes.wake("A")
    with pytest.raises(ExceptionGroup) as caught:
        await lanes.run()
    assert caught.group_contains(ZeroDivisionError)
