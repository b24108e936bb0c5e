"""Delivering events to Flyte: in order, again and again, and never in each other's way (promises 1, 3, 4)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pack_parts import impatient, pack
from scripted_flyte import Answer, ScriptedFlyte
from structlog.testing import capture_logs
from support import count, eventually, eventually_true

from flyte_slack.store.schema import State


@pytest.fixture
async def flyte(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedFlyte]:
    impatient(monkeypatch)
    async with ScriptedFlyte().serve() as served:
        yield served


def keys(flyte: ScriptedFlyte) -> list[str]:
    return [event["payload"]["key"] for event in flyte.events]


async def test_event_reaches_flyte_once(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A stored event is posted with its name, payload and time, and not again after that."""
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.see("C1:1")
        await eventually(lambda: flyte.events)
        await parts.see("C1:1")
        await parts.events.idle()
        assert await count(parts.store.inbox, State.DELIVERED) == 1
    (event,) = flyte.events
    assert event.keys() == {"event", "payload", "createdAt"}
    assert (event["event"], event["payload"]) == ("MessageSent", {"key": "C1:1"})


async def test_order_within_a_channel(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Events of one channel reach Flyte in the order received, failures in between included."""
    flyte.answer("event", 503, 500, "cut", 429)
    async with pack(flyte, tmp_path, poll=False) as parts:
        for number in range(120):
            await parts.see(str(number))
        await eventually(lambda: len(flyte.events) == 120)
    assert keys(flyte) == [str(number) for number in range(120)]


@pytest.mark.parametrize("answer", [500, 502, 503, 408, 425, 429, 401, 403, 302, "cut"])
async def test_event_is_tried_until_flyte_takes_it(
    flyte: ScriptedFlyte, tmp_path: Path, answer: Answer
) -> None:
    """An event waits for a Flyte that is down, or whose token is being rotated, and is told of once."""
    flyte.answer("event", *[answer] * 5)
    with capture_logs() as logged:
        async with pack(flyte, tmp_path, poll=False) as parts:
            await parts.see("1")
            await eventually(lambda: flyte.events)
    assert keys(flyte) == ["1"]
    assert len(flyte.of("event")) == 6
    assert len([line for line in logged if line["log_level"] in ("warning", "error")]) == 1


async def test_long_lane_of_an_earlier_run(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lane that holds more than is read at once is delivered to its end, without being searched again."""
    async with pack(flyte, tmp_path, poll=False) as parts:
        for number in range(120):
            await parts.store.inbox.add(str(number), "C1", {"key": str(number)}, number + 1.0, kind="Seen")
    monkeypatch.setattr("flyte_slack.pack.lanes.LOOK_EVERY", 3600.0)
    async with pack(flyte, tmp_path, poll=False):
        await eventually(lambda: len(flyte.events) == 120)
    assert keys(flyte) == [str(number) for number in range(120)]


async def test_events_of_an_earlier_run_are_delivered(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Flyte down, the pack killed: every stored event reaches Flyte after the next start, in order."""
    flyte.judge = lambda call: 503
    async with pack(flyte, tmp_path, poll=False) as parts:
        for number in range(7):
            await parts.see(str(number), f"C{number % 2}")
    flyte.judge = lambda call: None
    async with pack(flyte, tmp_path, poll=False):
        await eventually(lambda: len(flyte.events) == 7)
    assert [key for key in keys(flyte) if int(key) % 2 == 0] == ["0", "2", "4", "6"]
    assert [key for key in keys(flyte) if int(key) % 2 == 1] == ["1", "3", "5"]


async def test_refused_event_is_dead_and_the_next_goes_on(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """An event answered 400 is put aside with its reason, as an error, and holds up nothing."""
    flyte.answer("event", 400)
    with capture_logs() as logged:
        async with pack(flyte, tmp_path, poll=False) as parts:
            await parts.see("bad")
            await parts.see("good")
            await eventually_true(lambda: count(parts.store.inbox, State.DELIVERED))
            assert await count(parts.store.inbox, State.DEAD) == 1
    assert keys(flyte) == ["good"]
    assert "400" in next(line["cause"] for line in logged if line["log_level"] == "error")
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.events.idle()
    assert len(flyte.of("event")) == 2, "what is dead stays so over restarts"


async def test_event_of_a_forgotten_pack_registers_again(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A 404 leads to a new registration, and the event goes on."""
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.registration.links()
        flyte.registered = False
        await parts.see("1")
        await eventually(lambda: flyte.events)
    assert [call.kind for call in flyte.calls if call.kind in ("register", "event")] == [
        "register",
        "event",
        "register",
        "event",
    ]


async def test_event_outlives_a_404_that_stays(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A 404 that goes on for a while, behind a proxy being deployed, costs no event."""
    flyte.answer("event", *[404] * 5)
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.see("1")
        await eventually(lambda: flyte.events)
    assert keys(flyte) == ["1"]


async def test_event_that_is_not_for_flows_is_passed_over(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """What the mapping leaves out is not posted, and is done with."""
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.see("1", skip=True)
        await parts.see("2")
        await eventually(lambda: flyte.events)
        await parts.events.idle()
        assert await count(parts.store.inbox, State.DELIVERED) == 2
    assert keys(flyte) == ["2"]


async def test_event_that_cannot_be_mapped_stops_no_other(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A stored event that breaks the mapping is put aside; the rest of its channel goes on."""
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.see("1", fail=True)
        await parts.see("2")
        await eventually(lambda: flyte.events)
        assert await count(parts.store.inbox, State.DEAD) == 1
    assert keys(flyte) == ["2"]


async def test_failing_channel_delays_no_other(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A channel whose event Flyte does not take now holds up its own lane only."""
    flyte.judge = lambda call: 503 if call.kind == "event" and call.body["payload"]["key"] == "bad" else None
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.see("bad", "C0")
        await parts.see("behind", "C0")
        for number in range(60):
            await parts.see(str(number), f"C{1 + number % 3}")
        await eventually(lambda: len(flyte.events) == 60)
        assert not {"bad", "behind"} & set(keys(flyte))
        flyte.judge = lambda call: None
        await eventually(lambda: len(flyte.events) == 62)
    assert keys(flyte)[-2:] == ["bad", "behind"]


async def test_hanging_posts_delay_no_other_channel(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A channel whose post hangs delays no other."""
    gate = asyncio.Event()
    flyte.judge = lambda call: (
        gate if call.kind == "event" and call.body["payload"]["key"] == "slow" else None
    )
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.see("slow", "C0")
        await parts.see("1", "C1")
        await eventually(lambda: keys(flyte) == ["1"])
        gate.set()
        await eventually(lambda: len(flyte.events) == 2)


async def test_event_whose_answer_was_lost_is_posted_again(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """An event whose answer was lost is posted again: rather twice than never (promise 2's exception)."""
    flyte.answer("event", "lost")
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.see("1")
        await eventually(lambda: len(flyte.events) == 2)
        await eventually_true(lambda: count(parts.store.inbox, State.DELIVERED))
    assert keys(flyte) == ["1", "1"]


async def test_accepted_event_is_a_sign_of_life(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """An event that Flyte accepted brings the next poll nearer."""
    async with pack(flyte, tmp_path, poll=False) as parts:
        before = parts.activity.last
        await parts.see("1")
        await eventually(lambda: parts.activity.last > before)
    assert flyte.events
