"""Nothing overtakes what was received before it on another connection (promise 3)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pack_parts import impatient, pack
from scripted_flyte import ScriptedFlyte
from support import breathe, eventually

from flyte_slack.pack import arrivals as module
from flyte_slack.pack.arrivals import Arrivals, Source


async def held(passed: Awaitable[bool], release: Callable[[], None]) -> bool:
    """Whether a wait is only over after something was done."""
    task = asyncio.ensure_future(passed)
    await breathe()
    waited = not task.done()
    release()
    return await task and waited


async def test_nothing_is_on_its_way() -> None:
    """A connection with nothing to read holds nothing up."""
    arrivals = Arrivals()
    arrivals.open()
    assert not await arrivals.passed("C1", 1.0, time.time())


async def test_an_earlier_one_is_not_stored_yet() -> None:
    """What was received earlier in the lane is waited for until it is stored, wherever it came from."""
    arrivals = Arrivals()
    source = arrivals.open()
    source.arrived("e1", "C1", 1.0)
    assert not await arrivals.passed("C2", 2.0, time.time())
    assert not await arrivals.passed("C1", 1.0, time.time())
    assert await held(arrivals.passed("C1", 2.0, time.time()), lambda: source.settled("e1"))
    assert not await arrivals.passed("C1", 2.0, time.time())


async def test_a_closed_connection_is_not_waited_for() -> None:
    """What a connection held when it was closed is redelivered by Slack, and not waited for."""
    arrivals = Arrivals()
    source = arrivals.open()
    source.arrived("e1", "C1", 1.0)
    assert await held(arrivals.passed("C1", 2.0, time.time()), lambda: arrivals.close(source))


async def test_a_connection_that_is_still_read() -> None:
    """While a connection brings older messages one after the other, it is waited for."""
    arrivals = Arrivals()
    source = arrivals.open()
    last = 0.0

    async def read() -> None:
        nonlocal last
        for number in range(1, 200):
            last = float(number)
            source.arrived(number, "C2", last)
            await asyncio.sleep(0)

    reading = asyncio.ensure_future(read())
    assert await arrivals.passed("C1", 100.0, time.time())
    assert last >= 100
    await reading


async def test_a_connection_that_is_being_opened() -> None:
    """What is sent into a connection before it is read is waited for, though not for long."""
    arrivals = Arrivals()
    source = arrivals.open()
    source.opening()
    assert await held(arrivals.passed("C1", 2.0, time.time()), source.opened)
    source.opening()
    assert await arrivals.passed("C1", 2.0, time.time()), "it takes too long"
    assert not await arrivals.passed("C1", 2.0, time.time())


async def test_the_same_envelope_twice() -> None:
    """An envelope that comes twice over one connection is settled as a whole."""
    arrivals = Arrivals()
    source = arrivals.open()
    source.arrived("e1", "C1", 1.0)
    source.arrived("e1", "C1", 1.0)
    source.settled("e1")
    source.settled("e1")
    assert not await arrivals.passed("C1", 2.0, time.time())


async def test_the_hold_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never gets stored holds nothing up for long, and what waits since long not at all."""
    monkeypatch.setattr(module, "LONGEST_HOLD", 0.05)
    arrivals = Arrivals()
    arrivals.open().arrived("e1", "C1", 1.0)
    assert await arrivals.passed("C1", 2.0, time.time())
    assert not await arrivals.passed("C1", 2.0, time.time() - 1)
    assert await arrivals.passed("C1", 2.0, time.time() + 3600), "a clock that was set back"


async def test_a_gap_is_filled_first() -> None:
    """After a time without connections a lane is held until what it missed is read."""
    arrivals = Arrivals()
    gap = arrivals.open()
    gap.hold()
    assert await held(arrivals.passed("C1", 1.0, time.time()), lambda: gap.passed("C1"))
    assert await held(arrivals.passed("C2", 1.0, time.time()), lambda: arrivals.close(gap))


@pytest.mark.parametrize(("changes", "expected"), [(0, False), (1, True), (3, True)])
async def test_other_replicas_store(monkeypatch: pytest.MonkeyPatch, changes: int, expected: bool) -> None:
    """While other replicas store into a lane it is held, until none has for a moment."""
    monkeypatch.setattr(module, "_QUIET", 0.001)
    monkeypatch.setattr(module, "_QUIET_IN_A_BURST", 0.001)
    asked = 0

    async def mark() -> int:
        nonlocal asked
        asked += 1
        return min(asked, changes + 1)

    assert await Arrivals.quiet(mark, time.time()) is expected
    assert asked == changes + 2


async def test_events_are_delivered_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An event that is stored late, and was received early, is delivered first."""
    impatient(monkeypatch)
    async with ScriptedFlyte().serve() as flyte, pack(flyte, tmp_path, poll=False) as parts:
        slow = parts.arrivals.open()
        slow.arrived("e1", "C1", 1.0)
        await parts.store.inbox.add("second", "C1", {}, 2.0, kind="Seen")
        parts.events.wake("C1")
        await parts.see("elsewhere", "C2")
        await eventually(lambda: flyte.events)
        await parts.store.inbox.add("first", "C1", {}, 1.0, kind="Seen")
        slow.settled("e1")
        await eventually(lambda: len(flyte.events) == 3)
    assert [event["payload"]["key"] for event in flyte.events] == ["elsewhere", "first", "second"]


async def test_what_a_hold_brings_up_is_asked_for_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An event that was stored while an earlier one was held waits for what comes before it as well."""
    impatient(monkeypatch)
    async with ScriptedFlyte().serve() as flyte, pack(flyte, tmp_path, poll=False) as parts:
        slow, fast = parts.arrivals.open(), parts.arrivals.open()

        async def store(source: Source, position: float) -> None:
            await parts.store.inbox.add(str(position), "C1", {}, position, kind="Seen")
            parts.events.wake("C1")
            source.settled(position)

        slow.arrived(90.0, "C1", 90.0)
        fast.arrived(100.0, "C1", 100.0)
        await store(fast, 100.0)
        await parts.see("elsewhere", "C2")
        await eventually(lambda: flyte.events)
        slow.arrived(150.0, "C1", 150.0)
        fast.arrived(200.0, "C1", 200.0)
        await store(fast, 200.0)
        await store(slow, 90.0)
        await eventually(lambda: len(flyte.events) >= 3)
        await store(slow, 150.0)
        await eventually(lambda: len(flyte.events) == 5)
    keys = [event["payload"]["key"] for event in flyte.events]
    assert keys == ["elsewhere", "90.0", "100.0", "150.0", "200.0"]


async def test_held_lanes_do_not_wake_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a thousand lanes wait for a gap, what is stored in another lane costs none of them anything."""
    looks = 0
    holds = module.Source.holds_before

    def counted(source: module.Source, lane: str, position: float) -> bool:
        nonlocal looks
        looks += 1
        return holds(source, lane, position)

    monkeypatch.setattr(module.Source, "holds_before", counted)
    arrivals = Arrivals()
    gap, socket = arrivals.open(), arrivals.open()
    gap.hold()
    held_lanes = [
        asyncio.ensure_future(arrivals.passed(f"C{number}", 1.0, time.time())) for number in range(1000)
    ]
    await breathe()
    before = looks
    for number in range(100):
        socket.arrived(number, "elsewhere", float(number))
        socket.settled(number)
        await breathe(5)
    assert looks == before
    arrivals.close(gap)
    assert all(await asyncio.gather(*held_lanes))


async def calm(arrivals: Arrivals) -> bool:
    """Return True, when nothing waits for an acknowledgement."""
    await arrivals.calm()
    return True


async def test_acknowledgements_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever delivers waits until all that was received is acknowledged, or its connection is closed."""
    monkeypatch.setattr(module, "_MOMENT", 60.0)
    arrivals = Arrivals()
    one, other = arrivals.open(), arrivals.open()
    assert await calm(arrivals)
    one.arrived("e1", "C1", 1.0)
    other.arrived("e2", "C2", 2.0)
    one.settled("e1")
    assert await held(calm(arrivals), lambda: other.settled("e2"))
    one.arrived("e3", "C1", 3.0)
    assert await held(calm(arrivals), lambda: arrivals.close(one))
    assert await calm(arrivals)


async def test_acknowledgements_that_do_not_come_hold_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood, or a store that takes nothing, does not keep from Flyte what is stored."""
    monkeypatch.setattr(module, "_MOMENT", 0.001)
    arrivals = Arrivals()
    arrivals.open().arrived("e1", "C1", 1.0)
    for _ in range(3):
        assert await calm(arrivals)


async def test_drain_pauses_for_acknowledgements(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No stored event is posted while one that was received is not acknowledged."""
    monkeypatch.setattr(module, "_MOMENT", 60.0)
    impatient(monkeypatch)
    async with ScriptedFlyte().serve() as flyte, pack(flyte, tmp_path, poll=False) as parts:
        source = parts.arrivals.open()
        source.arrived("e1", "C2", 1.0)
        await parts.see("C1:1")
        await breathe()
        assert flyte.events == []
        source.settled("e1")
        await eventually(lambda: flyte.events)
