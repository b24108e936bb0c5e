"""Whose fault a failed delivery is: the event's, the token's or the server's (contract, promise 4)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from pack_parts import impatient, pack
from scripted_flyte import Answer, Call, Reply, ScriptedFlyte
from structlog.testing import capture_logs
from support import count, eventually, eventually_true

from flyte_slack import retries
from flyte_slack.flyte import client as flyte_client
from flyte_slack.flyte import patience
from flyte_slack.pack import attempts
from flyte_slack.pack.metrics import FAILED_TRIES
from flyte_slack.store.schema import State

LOGIN_PAGE = Reply(b"<html>Please log in</html>", {"Content-Type": "text/html"})
REFUSALS: list[Answer] = [401, 403, 404, 405, 409, 413, 422, 423, 451, 302, LOGIN_PAGE]


@pytest.fixture
async def flyte(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedFlyte]:
    impatient(monkeypatch)
    async with ScriptedFlyte().serve() as served:
        yield served


def firewall(answer: Answer, part: str = "bad") -> Callable[[Call], Answer | None]:
    """Return a judge who answers so whatever holds a text, and lets everything else pass."""
    return lambda call: answer if part in str(call.body) and call.kind in ("event", "result") else None


def keys(flyte: ScriptedFlyte) -> list[str]:
    return [event["payload"]["key"] for event in flyte.events]


def tries(flyte: ScriptedFlyte, part: str) -> int:
    return len([call for call in flyte.of("event") if part in str(call.body)])


@pytest.mark.parametrize("answer", REFUSALS, ids=str)
async def test_event_that_is_refused_alone(flyte: ScriptedFlyte, tmp_path: Path, answer: Answer) -> None:
    """An event that something in front of Flyte refuses is dead after some tries, and its channel goes on."""
    flyte.judge = firewall(answer)
    async with pack(flyte, tmp_path) as parts:
        await parts.see("bad")
        await parts.see("good")
        await eventually(lambda: keys(flyte) == ["good"])
        assert await count(parts.store.inbox, State.DEAD) == 1
        assert parts.health.hindered == {}
    assert tries(flyte, "bad") == retries.MOST_REFUSALS


@pytest.mark.parametrize("answer", REFUSALS, ids=str)
async def test_all_events_are_refused(flyte: ScriptedFlyte, tmp_path: Path, answer: Answer) -> None:
    """While every event is refused, though takes are not, none is dead: they go through once it is mended."""
    flyte.judge = lambda call: answer if call.kind == "event" else None
    async with pack(flyte, tmp_path) as parts:
        for channel in ("C1", "C2", "C3"):
            await parts.see(channel, channel)
        await eventually(lambda: min(tries(flyte, channel) for channel in ("C1", "C2", "C3")) > 25)
        assert not parts.health.conditions["FlyteApi"].healthy
        flyte.judge = lambda call: None
        await eventually(lambda: sorted(keys(flyte)) == ["C1", "C2", "C3"])
        assert await count(parts.store.inbox, State.DEAD) == 0
        await eventually(lambda: parts.health.conditions["FlyteApi"].healthy)


@pytest.mark.parametrize("answer", [409, 413, 403, 423])
async def test_refused_once(flyte: ScriptedFlyte, tmp_path: Path, answer: Answer) -> None:
    """A refusal that passes costs nothing, and no order."""
    flyte.answer("event", answer)
    async with pack(flyte, tmp_path) as parts:
        await parts.see("1")
        await parts.see("2")
        await eventually(lambda: keys(flyte) == ["1", "2"])


@pytest.mark.parametrize("answer", [401, 403, 405, 409, 413, 423, 302])
async def test_result_that_is_refused_alone(flyte: ScriptedFlyte, tmp_path: Path, answer: Answer) -> None:
    """A result that something in front of Flyte refuses is dead after some tries; others are delivered."""
    flyte.judge = firewall(answer)
    async with pack(flyte, tmp_path) as parts:
        flyte.action({"channelId": "C1", "message": "bad"})
        good = flyte.action({"channelId": "C1"})
        await eventually_true(lambda: count(parts.store.actions, State.DEAD))
        await eventually(lambda: good in flyte.results)


async def test_others_that_were_accepted_before_prove_nothing(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A token that expires after many events were accepted is no event's fault."""
    async with pack(flyte, tmp_path) as parts:
        for number in range(5):
            await parts.see(str(number))
        await eventually(lambda: len(flyte.events) == 5)
        flyte.judge = lambda call: 403 if call.kind == "event" else None
        await parts.see("5")
        await eventually(lambda: tries(flyte, "'5'") > 3 * retries.MOST_REFUSALS)
        flyte.judge = lambda call: None
        await eventually(lambda: len(flyte.events) == 6)


async def test_refused_without_an_answer_about_others(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """If nothing tells whether others would pass, an event gets twice the tries; its channel goes on."""
    judge = firewall(403)
    flyte.judge = lambda call: 503 if isinstance(call.body, bytes) else judge(call)
    async with pack(flyte, tmp_path) as parts:
        await parts.see("bad")
        await parts.see("good")
        await eventually(lambda: keys(flyte) == ["good"])
    assert tries(flyte, "bad") > 2 * retries.MOST_REFUSALS


async def test_slow_flyte(flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that is never answered in time is posted a bounded number of times; its channel goes on."""
    for module in (patience, attempts, flyte_client):
        monkeypatch.setattr(module, "LONGEST", 0.4)
    gate = asyncio.Event()
    flyte.judge = lambda call: gate if call.kind == "event" and "slow" in str(call.body) else None
    before = _timeouts()
    with capture_logs() as logged:
        async with pack(flyte, tmp_path, timeout=0.1) as parts:
            await parts.see("slow")
            await parts.see("next")
            await eventually(lambda: not parts.health.conditions["FlyteApi"].healthy)
            assert "no answer within" in parts.health.conditions["FlyteApi"].status
            await eventually(lambda: keys(flyte) == ["next"])
            assert await count(parts.store.inbox, State.DEAD) == 1
            gate.set()
    assert tries(flyte, "slow") == 3, "0.1 s, 0.4 s, 0.4 s"
    assert _timeouts() == before + 3
    assert "may have processed it" in next(line["cause"] for line in logged if line["log_level"] == "error")


async def test_flyte_that_answers_nothing(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Flyte answers nothing at all, an event is not posted again and again: it has it already."""
    monkeypatch.setattr(flyte_client, "LONGEST", 0.1)
    gate = asyncio.Event()
    async with pack(flyte, tmp_path, timeout=0.1) as parts:
        await eventually(lambda: parts.health.flyte.healthy)
        flyte.judge = lambda call: gate if call.kind in ("event", "take") else None
        await parts.see("1")
        await eventually(lambda: flyte.of("event"))
        takes = len(flyte.of("take"))
        await eventually(lambda: len(flyte.of("take")) >= takes + 5)
        assert len(flyte.of("event")) == 1
        flyte.judge = lambda call: None
        gate.set()
        await eventually_true(lambda: count(parts.store.inbox, State.DELIVERED))


async def test_event_that_breaks_its_connection(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event whose connection breaks each time, while others do not, is dead after a quarter of an hour."""
    assert retries.UNANSWERED_FOR == 15 * 60
    flyte.judge = firewall("cut")
    async with pack(flyte, tmp_path) as parts:
        await parts.see("bad")
        await parts.see("good")
        await eventually(lambda: tries(flyte, "bad") > 3 * retries.MOST_REFUSALS)
        assert await count(parts.store.inbox, State.DEAD) == 0
        monkeypatch.setattr(retries, "UNANSWERED_FOR", 0.0)
        await eventually(lambda: keys(flyte) == ["good"])


def _timeouts() -> float:
    return float(FAILED_TRIES.labels("event", "timeout")._value.get())
