"""Taking actions: one take in flight, each action on disk first, often when it matters (promises 4, 8)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pack_parts import impatient, pack
from scripted_flyte import Answer, Call, Reply, ScriptedFlyte
from structlog.testing import capture_logs
from support import breathe, count, eventually
from tenacity import wait_fixed

from flyte_slack import retries
from flyte_slack.errors import FlyteUnauthorized, FlyteUnavailable
from flyte_slack.pack import poller
from flyte_slack.store.schema import State

INPUT = {"channelId": "C1"}
NO_ACTIONS = [
    Reply(b"[" * 200_000),
    Reply(
        b'{"command": "sendMessage", "input": {}, "links": [{"rel": "actionResult", "href": "http://[bad"}]}'
    ),
    Reply(b"\x1f\x8b garbage", {"Content-Encoding": "gzip"}),
]


@pytest.fixture
async def flyte(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedFlyte]:
    impatient(monkeypatch)
    async with ScriptedFlyte().serve() as served:
        yield served


async def completed(flyte: ScriptedFlyte, *ids: str) -> None:
    await eventually(lambda: set(ids) <= flyte.results.keys())


async def test_actions_are_taken_and_completed(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Everything that waits is taken, in order, and every action is completed once."""
    ids = [flyte.action(INPUT | {"n": number}) for number in range(20)]
    async with pack(flyte, tmp_path):
        await completed(flyte, *ids)
    assert [result["payload"]["n"] for result in flyte.results.values()] == list(range(20))
    assert len(flyte.of("result")) == 20


async def test_one_take_is_in_flight_at_a_time(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """However much is going on, a second take is not sent before the first is answered."""
    gate = asyncio.Event()
    flyte.answer("take", gate)
    async with pack(flyte, tmp_path) as parts:
        await eventually(lambda: flyte.of("take"))
        for _ in range(10):
            parts.activity.beat()
            await breathe()
        assert len(flyte.of("take")) == 1
        gate.set()
        await eventually(lambda: len(flyte.of("take")) > 3)


async def test_next_take_waits_until_the_action_is_on_disk(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next take is sent only when the last action is on disk."""
    async with pack(flyte, tmp_path) as parts:
        add, gate = parts.store.actions.add, asyncio.Event()

        async def slow_disk(*args: Any) -> str | None:
            await gate.wait()
            return await add(*args)

        monkeypatch.setattr(parts.store.actions, "add", slow_disk)
        first, second = flyte.action(INPUT), flyte.action(INPUT)
        await eventually(lambda: first in flyte._taken)
        takes = len(flyte.of("take"))
        parts.activity.beat()
        await breathe(200)
        assert len(flyte.of("take")) == takes
        gate.set()
        await completed(flyte, first, second)


async def test_empty_500_counts_as_no_action(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A race lost to a replica is no failure: Flyte is healthy, and nothing is logged as one."""
    flyte.answer("take", 500, 500, 500)
    with capture_logs() as logged:
        async with pack(flyte, tmp_path) as parts:
            id_ = flyte.action(INPUT)
            await completed(flyte, id_)
            assert parts.health.flyte.healthy
    assert [line for line in logged if line["log_level"] in ("warning", "error")] == []


@pytest.mark.parametrize("answer", [503, 502, 429, 401, 403, "cut", 302, 400])
async def test_polling_goes_on_after_failures(flyte: ScriptedFlyte, tmp_path: Path, answer: Answer) -> None:
    """Whatever a take is answered, it is tried again; Flyte is unhealthy then, and one warning says why."""
    with capture_logs() as logged:
        async with pack(flyte, tmp_path) as parts:
            await eventually(lambda: parts.health.flyte.healthy)
            gate = asyncio.Event()
            flyte.answer("take", *[answer] * 3, gate)
            await eventually(lambda: not parts.health.flyte.healthy)
            id_ = flyte.action(INPUT)
            gate.set()
            await completed(flyte, id_)
            await eventually(lambda: parts.health.flyte.healthy)
    assert len([line for line in logged if line["event"] == "Flyte cannot be polled"]) == 1
    assert len([line for line in logged if line["event"] == "Flyte answers again"]) == 1


@pytest.mark.parametrize("answer", NO_ACTIONS)
async def test_polling_goes_on_after_garbage(flyte: ScriptedFlyte, tmp_path: Path, answer: Reply) -> None:
    """An answer that cannot be read, or whose link leads nowhere, costs at most its own action."""
    with capture_logs() as logged:
        async with pack(flyte, tmp_path) as parts:
            gate = asyncio.Event()
            flyte.answer("take", answer, gate)
            await eventually(lambda: not parts.health.flyte.healthy)
            id_ = flyte.action(INPUT)
            gate.set()
            await completed(flyte, id_)
            await eventually(lambda: parts.health.flyte.healthy)
    assert any("PENDING" in line["event"] for line in logged), "that an action may be lost is told"


async def test_deliveries_are_tried_at_once_when_flyte_is_back(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for Flyte does not sit out its back-off when a poll shows that Flyte is there again."""
    down = True
    flyte.judge = lambda call: 503 if down and call.kind in ("event", "take") else None
    async with pack(flyte, tmp_path) as parts:
        await eventually(lambda: len(flyte.of("take")) > 1)
        monkeypatch.setattr(retries, "FLYTE", _PatientButForTakes(parts))
        await parts.see("C1:1")
        await eventually(lambda: flyte.of("event"))
        down = False
        await eventually(lambda: flyte.events)


class _PatientButForTakes:
    """A policy under which an event would wait for an hour."""

    def __init__(self, parts: Any) -> None:
        self._parts = parts

    def __call__(self, state: Any) -> float:
        error = state.outcome.exception()
        return 0.01 if "/take" in error.url else 3600.0


async def test_no_wait_towards_flyte_is_longer_than_30_s() -> None:
    """No poll is ever slower than 30 s, whatever the server asks for and however long it has been away."""
    call: Any = {"method": "POST", "url": "http://x/take"}
    errors = [
        FlyteUnavailable("503", status=503, **call),
        FlyteUnavailable("503", status=503, retry_after=7200, **call),
        FlyteUnauthorized("401", status=401, **call),
    ]
    waits = [retries.pause(retries.FLYTE, tries, error) for tries in range(1, 200) for error in errors]
    assert max(waits) <= 30
    assert min(waits) > 0
    assert len(set(waits)) > 100, "jitter"


async def test_retry_after_is_obeyed() -> None:
    """Where Flyte, or a proxy, says how long to wait, that is the wait."""
    error = FlyteUnavailable("429", method="POST", url="http://x", status=429, retry_after=7)
    assert retries.pause(retries.FLYTE, 1, error) == 7


async def test_pause_ends_with_a_sign_of_life(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """When nothing goes on the pause is the longest; an event or action brings the next poll at once."""
    gate = asyncio.Event()
    flyte.answer("take", gate)
    async with pack(flyte, tmp_path, slowest=3600) as parts:
        parts.activity.last -= 1_000_000  # quiet for days: the pause is the longest there is
        gate.set()
        await eventually(lambda: parts.health.flyte.healthy)
        await breathe(200)
        assert len(flyte.of("take")) == 1
        id_ = flyte.action(INPUT)
        parts.activity.beat()
        await completed(flyte, id_)


async def test_shortest_pause_is_20_ms() -> None:
    """While something is going on the pack polls every 20 ms at most."""
    assert poller.SHORTEST_PAUSE >= 0.02


async def test_action_handed_out_twice_is_executed_once(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """The same action, taken again, is known by its result link, and has one result."""
    id_ = flyte.action(INPUT)
    async with pack(flyte, tmp_path) as parts:
        await completed(flyte, id_)
        flyte.action(INPUT, id_=id_)
        last = flyte.action(INPUT)
        await completed(flyte, last)
        assert await count(parts.store.actions, *State) == 2
    assert len(flyte.of("result")) == 2


async def test_stop_during_a_take_keeps_its_action(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A take in flight when the pack stops is waited for: its action is on disk, and no other is taken."""
    gate = asyncio.Event()
    flyte.action(INPUT)
    flyte.action(INPUT)
    flyte.answer("take", gate)
    async with pack(flyte, tmp_path, poll=False) as parts:
        polling = asyncio.create_task(parts.poller.run())
        await eventually(lambda: flyte.of("take"))
        parts.poller.stop()
        await breathe()
        assert not polling.done()
        gate.set()
        await polling
        assert await count(parts.store.actions, *State) == 1
    assert len(flyte.of("take")) == 1


async def test_stop_between_takes_is_at_once(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A pack that pauses, or waits for its registration, stops without waiting for either."""
    flyte.judge = lambda call: 503 if call.kind == "register" else None
    async with pack(flyte, tmp_path, poll=False) as parts:
        unregistered = asyncio.create_task(parts.poller.run())
        await breathe()
        parts.poller.stop()
        await unregistered
    flyte.judge = lambda call: None
    async with pack(flyte, tmp_path, poll=False, slowest=3600) as parts:
        pausing = asyncio.create_task(parts.poller.run())
        await eventually(lambda: parts.health.flyte.healthy)
        parts.poller.stop()
        await pausing


async def test_lost_take_is_told(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """An action that a broken connection may have cost is not passed over in silence."""
    with capture_logs() as logged:
        async with pack(flyte, tmp_path):
            flyte.answer("take", "lost")
            id_ = flyte.action(INPUT)
            await eventually(lambda: any("PENDING" in line["event"] for line in logged))
    assert id_ not in flyte.results


async def test_take_is_without_a_filter(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """One link takes actions of every command, and the take has no body."""
    seen: list[Call] = flyte.calls
    async with pack(flyte, tmp_path):
        await eventually(lambda: flyte.of("take"))
    assert {(call.path, call.body) for call in seen if call.kind == "take"} == {
        ("/v1/packs/Slack/actions/take", None)
    }


async def test_full_disk_stops_taking(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store cannot be written no action is taken: it could not be kept."""
    monkeypatch.setattr(retries, "STORE", wait_fixed(0.01))
    async with pack(flyte, tmp_path) as parts:
        await eventually(lambda: flyte.of("take"))
        writable, asked, gate = parts.store.writable, asyncio.Event(), asyncio.Event()

        async def full() -> None:
            asked.set()
            await gate.wait()
            await writable()

        monkeypatch.setattr(parts.store, "writable", full)
        await asked.wait()  # before each take
        takes = len(flyte.of("take"))
        id_ = flyte.action(INPUT)
        parts.activity.beat()
        await breathe(200)
        assert len(flyte.of("take")) == takes
        gate.set()
        await completed(flyte, id_)
