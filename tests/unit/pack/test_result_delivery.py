"""Delivering results: exactly one each, and Flyte's 500 read for what it means (promise 4)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pack_parts import Parts, impatient, pack
from scripted_flyte import Answer, ScriptedFlyte
from structlog.testing import capture_logs
from support import breathe, count, eventually, eventually_true, opened
from tenacity import wait_fixed

from flyte_slack import retries
from flyte_slack.pack import results
from flyte_slack.store.schema import State


@pytest.fixture
async def flyte(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedFlyte]:
    impatient(monkeypatch)
    async with ScriptedFlyte().serve() as served:
        yield served


async def act(parts: Parts, flyte: ScriptedFlyte, lane: str = "C1", command: str = "sendMessage") -> str:
    """Take an action by hand."""
    id_ = f"{len(flyte._taken):024x}"
    flyte._taken.add(id_)
    await parts.store.actions.add(f"v1/packs/Slack/actions/{id_}/result", lane, command, {"channelId": lane})
    parts.dispatcher.wake(lane)
    return id_


async def state(parts: Parts, state: State) -> None:
    await eventually_true(lambda: count(parts.store.actions, state))


async def sql(folder: Path, statement: str) -> object:
    """Carry out a statement in the store, and return the one value it gives."""
    async with opened(folder) as store:
        return await store._database.write(
            lambda connection: connection.exec_driver_sql(statement).scalar_one()
        )


async def reason(folder: Path) -> str:
    return str(await sql(folder, "SELECT reason FROM actions"))


async def test_result_is_posted_once(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A result is posted to the action's own link, and not again at the next start."""
    async with pack(flyte, tmp_path, poll=False) as parts:
        id_ = await act(parts, flyte)
        await state(parts, State.DELIVERED)
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.results.idle()
    assert flyte.results[id_]["event"] == "Echoed"
    assert len(flyte.of("result")) == 1


@pytest.mark.parametrize("answer", [502, 503, 429, 408, 401, 403, 302])
async def test_result_is_tried_until_flyte_takes_it(
    flyte: ScriptedFlyte, tmp_path: Path, answer: Answer
) -> None:
    """A result waits for a Flyte that is down, or whose token is being rotated."""
    flyte.answer("result", *[answer] * 5)
    async with pack(flyte, tmp_path, poll=False) as parts:
        await act(parts, flyte)
        await state(parts, State.DELIVERED)
    assert len(flyte.of("result")) == 6
    assert len(flyte.results) == 1


async def test_500_is_tried_again(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A 500 without any doubt is Flyte's database being away: the result is tried again, and arrives."""
    flyte.answer("result", 500, 500, 500)
    async with pack(flyte, tmp_path, poll=False) as parts:
        id_ = await act(parts, flyte)
        await state(parts, State.DELIVERED)
    assert id_ in flyte.results
    assert len(flyte.of("result")) == 4


async def test_500_for_15_minutes_is_dead(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result that is answered 500 for 15 minutes is dead, with its reason, and logged as an error."""
    assert retries.RESULT_REFUSED_FOR == 15 * 60
    monkeypatch.setattr(retries, "RESULT_REFUSED_FOR", 0.05)
    flyte.judge = lambda call: 500 if call.kind == "result" else None
    with capture_logs() as logged:
        async with pack(flyte, tmp_path, poll=False) as parts:
            await act(parts, flyte)
            await state(parts, State.DEAD)
    assert "500" in await reason(tmp_path)
    assert [line["log_level"] for line in logged].count("error") == 1
    assert len(flyte.of("result")) >= 2


async def test_15_minutes_are_counted_over_restarts(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of refusal goes on over a restart: it begins with the first 500."""
    monkeypatch.setattr(retries, "FLYTE", wait_fixed(3600))
    flyte.judge = lambda call: 500 if call.kind == "result" else None
    async with pack(flyte, tmp_path, poll=False) as parts:
        await act(parts, flyte)

        async def refused() -> bool:
            results = [await parts.store.actions.result(id_) for id_ in await parts.store.actions.results()]
            return any(result and result.refused_for is not None for result in results)

        await eventually_true(refused)
    later = "UPDATE actions SET refused_for = refused_for + 899.9 RETURNING in_doubt"
    assert await sql(tmp_path, later) == 0
    impatient(monkeypatch)
    async with pack(flyte, tmp_path, poll=False) as parts:
        await state(parts, State.DEAD)
    assert flyte.results == {}


async def test_result_that_was_never_sent_is_in_no_doubt(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A pack killed while a result only waited for its turn knows that Flyte cannot have it."""
    gate = asyncio.Event()
    flyte.judge = lambda call: gate if call.kind == "result" else None
    async with pack(flyte, tmp_path, poll=False) as parts:
        ids = [await act(parts, flyte, f"C{number}") for number in range(40)]
        await eventually_true(lambda: _finished(parts, 40))
        await eventually(lambda: len(flyte.of("result")) >= results._CONCURRENT_POSTS)
        await breathe(200)
        sent = {call.path.split("/")[-2] for call in flyte.of("result")}
        await asyncio.gather(
            *(parts.store.inbox.add(str(n), "x", {}, kind="Seen") for n in range(9))
        )  # all before is on disk
    gate.set()
    flyte.answer("result", *[500] * 40)
    flyte.judge = lambda call: None
    async with pack(flyte, tmp_path, poll=False) as parts:
        await eventually_true(lambda: _delivered(parts, 40))
    assert set(ids) - sent <= flyte.results.keys()


@pytest.mark.parametrize("first", ["lost", "cut"])
async def test_500_after_a_lost_reply_means_delivered(
    flyte: ScriptedFlyte, tmp_path: Path, first: Answer
) -> None:
    """After a try whose reply was lost a 500 means that Flyte has it already: delivered."""
    flyte.answer("result", first, 500)
    async with pack(flyte, tmp_path, poll=False) as parts:
        await act(parts, flyte)
        await state(parts, State.DELIVERED)
    assert len(flyte.of("result")) == 2


async def test_lost_reply_and_an_outage_after_it(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """The doubt about a try whose reply was lost outlives other failures and a restart."""
    flyte.answer("result", "lost", 503, 503)
    async with pack(flyte, tmp_path, poll=False) as parts:
        id_ = await act(parts, flyte)
        await eventually(lambda: len(flyte.of("result")) == 1)
        flyte.judge = lambda call: 503
        await eventually(lambda: len(flyte.of("result")) > 3)
    flyte.judge = lambda call: None
    async with pack(flyte, tmp_path, poll=False) as parts:
        await state(parts, State.DELIVERED)
    assert list(flyte.results) == [id_]


async def test_killed_between_post_and_answer(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A pack that was killed while a result was under way takes the 500 after its restart for delivered."""
    gate = asyncio.Event()
    flyte.answer("result", gate)
    async with pack(flyte, tmp_path, poll=False) as parts:
        id_ = await act(parts, flyte)
        await eventually(lambda: flyte.of("result"))
    gate.set()
    flyte.results[id_] = "processed, though nobody waited for the answer"
    async with pack(flyte, tmp_path, poll=False) as parts:
        await state(parts, State.DELIVERED)
        assert await count(parts.store.actions, State.DEAD) == 0


async def test_404_registers_and_tries_once_more(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A result of a forgotten pack is posted again after a new registration."""
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.registration.links()
        flyte.registered = False
        id_ = await act(parts, flyte)
        await state(parts, State.DELIVERED)
    assert id_ in flyte.results
    assert [call.kind for call in flyte.calls if call.kind in ("register", "result")] == [
        "register",
        "result",
        "register",
        "result",
    ]


async def test_404_twice_is_dead(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A result whose action Flyte does not know, registered or not, is dead after two tries and stays so."""
    flyte.judge = lambda call: 404 if call.kind == "result" else None
    with capture_logs() as logged:
        async with pack(flyte, tmp_path, poll=False) as parts:
            await act(parts, flyte)
            await state(parts, State.DEAD)
    assert (len(flyte.of("result")), len(flyte.of("register"))) == (2, 2)
    assert "404" in await reason(tmp_path)
    assert [line["log_level"] for line in logged].count("error") == 1
    async with pack(flyte, tmp_path, poll=False) as parts:
        await parts.registration.links()
        await parts.results.idle()
        assert await count(parts.store.actions, State.DEAD) == 1
    assert len(flyte.of("result")) == 2


async def test_404_without_doubt_leaves_none(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A 404 is an answer: a 500 after it is Flyte's database, not a result that Flyte has."""
    flyte.answer("result", 404, 500, 500)
    async with pack(flyte, tmp_path, poll=False) as parts:
        id_ = await act(parts, flyte)
        await state(parts, State.DELIVERED)
    assert id_ in flyte.results


async def test_400_is_dead_at_once(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A result answered 400 is dead at once, with its reason, and logged as an error."""
    flyte.answer("result", 400)
    with capture_logs() as logged:
        async with pack(flyte, tmp_path, poll=False) as parts:
            await act(parts, flyte)
            await state(parts, State.DEAD)
    assert len(flyte.of("result")) == 1
    assert "400" in await reason(tmp_path)
    assert [line["log_level"] for line in logged].count("error") == 1


async def test_no_result_holds_up_another(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Results that hang, are refused, or are dead hold up no other, not even of the same channel."""
    gate = asyncio.Event()
    fates: dict[str, Answer] = {f"{0:024x}": gate, f"{1:024x}": 500, f"{2:024x}": 404, f"{3:024x}": 400}

    flyte.judge = lambda call: fates.get(call.path.split("/")[-2]) if call.kind == "result" else None
    async with pack(flyte, tmp_path, poll=False) as parts:
        ids = [await act(parts, flyte) for _ in range(12)]
        await eventually(lambda: set(ids[4:]) <= flyte.results.keys())
        gate.set()
        await eventually(lambda: ids[0] in flyte.results)
    assert not set(ids[1:4]) & flyte.results.keys()


async def test_results_of_an_earlier_run_are_delivered(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Results that Flyte could not take before the pack was killed reach it after the next start."""
    flyte.judge = lambda call: 503 if call.kind == "result" else None
    async with pack(flyte, tmp_path, poll=False) as parts:
        ids = [await act(parts, flyte, f"C{number}") for number in range(30)]
        await eventually_true(lambda: _finished(parts, 30))
    flyte.judge = lambda call: None
    flyte.calls.clear()
    async with pack(flyte, tmp_path, poll=False):
        await eventually(lambda: set(ids) <= flyte.results.keys())
    assert len(flyte.of("result")) == 30


async def _delivered(parts: Parts, number: int) -> bool:
    return await count(parts.store.actions, State.DELIVERED) == number


async def _finished(parts: Parts, number: int) -> bool:
    return await count(parts.store.actions, State.FINISHED) == number
