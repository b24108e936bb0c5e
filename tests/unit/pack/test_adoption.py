"""Actions that were lost on their way from Flyte are executed once after all (promise 4)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pack_parts import Parts, impatient, pack
from scripted_flyte import ScriptedFlyte
from structlog.testing import capture_logs
from support import count, eventually, opened

from flyte_slack.flyte import Action
from flyte_slack.pack import adoption
from flyte_slack.pack.adoption import ResultLinks
from flyte_slack.store.schema import State

INPUT = {"channelId": "C1"}
LINK = "v1/packs/Slack/actions/{}/result"


@pytest.fixture
async def flyte(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedFlyte]:
    impatient(monkeypatch)
    monkeypatch.setattr(adoption, "_EVERY", 0.02)
    async with ScriptedFlyte().serve() as served:
        yield served


async def earlier_run(flyte: ScriptedFlyte, folder: Path) -> None:
    """Let the pack take and complete one action, so that the store knows what result links look like."""
    id_ = flyte.action(INPUT)
    async with pack(flyte, folder):
        await eventually(lambda: id_ in flyte.results)


async def looked(flyte: ScriptedFlyte, times: int = 3) -> None:
    """Wait for some more looks into the audit: what one of them finds is dealt with before the next."""
    before = len(flyte.of("audit"))
    await eventually(lambda: len(flyte.of("audit")) >= before + 2 * times)


def results(flyte: ScriptedFlyte, id_: str) -> int:
    return len([call for call in flyte.of("result") if f"/{id_}/" in call.path])


async def test_lost_action_of_an_earlier_run(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """What was taken just before the pack was killed is executed at the next start, with one result."""
    await earlier_run(flyte, tmp_path)
    lost = flyte.lose(INPUT | {"n": 1})
    with capture_logs() as logged:
        async with pack(flyte, tmp_path, adopt=True) as parts:
            await eventually(lambda: lost in flyte.results)
            await looked(flyte)
            assert parts.health.orphans == 0
            assert await count(parts.store.actions, *State) == 2
    assert flyte.results[lost]["payload"] == INPUT | {"n": 1}
    assert results(flyte, lost) == 1
    assert len([line for line in logged if "is adopted" in line["event"]]) == 1


async def test_every_page_is_read(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A lost action is found behind hundreds of executions that came after it."""
    await earlier_run(flyte, tmp_path)
    lost = flyte.lose(INPUT)
    for _ in range(450):
        flyte.audit[flyte.lose(INPUT)]["state"]["value"] = "SUCCESS"
    async with pack(flyte, tmp_path, adopt=True):
        await eventually(lambda: lost in flyte.results)


async def test_late_answer_of_a_take(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A take whose answer comes when its action was adopted makes no second execution."""
    await earlier_run(flyte, tmp_path)
    lost = flyte.lose(INPUT)
    async with pack(flyte, tmp_path, adopt=True) as parts:
        await eventually(lambda: lost in flyte.results)
        assert await parts.dispatcher.keep(Action("sendMessage", INPUT, LINK.format(lost))) is None
        await looked(flyte)
    assert results(flyte, lost) == 1


async def test_replicas(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Two that look at once store an action once."""
    await earlier_run(flyte, tmp_path)
    ids = [flyte.lose(INPUT | {"n": number}) for number in range(20)]
    async with pack(flyte, tmp_path, adopt=True) as parts:
        second = asyncio.create_task(parts.adoption.run())
        await eventually(lambda: set(ids) <= flyte.results.keys())
        await looked(flyte)
        second.cancel()
        assert await count(parts.store.actions, *State) == 21
    assert [results(flyte, id_) for id_ in ids] == [1] * 20


async def test_killed_during_the_adoption(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """What was stored and not executed when the pack was killed is executed once, and not adopted again."""
    await earlier_run(flyte, tmp_path)
    lost = flyte.lose(INPUT)
    started, executions = asyncio.Event(), 0

    async def hang(_input: dict[str, Any], _context: Any) -> Any:
        nonlocal executions
        executions += 1
        started.set()
        await asyncio.Event().wait()

    async with pack(flyte, tmp_path, hang, adopt=True):
        await started.wait()
    async with pack(flyte, tmp_path, adopt=True) as parts:
        await eventually(lambda: lost in flyte.results)
        await looked(flyte)
        assert await count(parts.store.actions, *State) == 2
    assert (executions, results(flyte, lost)) == (1, 1)


async def test_later_losses_wait_until_no_take_is_in_flight(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken after the start is adopted once no answer to its take can be on its way."""
    await earlier_run(flyte, tmp_path)
    async with pack(flyte, tmp_path, adopt=True) as parts:
        await looked(flyte)
        lost = flyte.lose(INPUT, ago=89 - 60)
        await looked(flyte)
        assert lost not in flyte.results
        assert parts.health.orphans == 0, "it may be on its way"
        flyte._becomes(lost, "PENDING", ago=92)
        await eventually(lambda: lost in flyte.results)


async def test_too_old(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """What was lost longer ago than FLYTE_SLACK_ADOPT is told once, in health too, and left."""
    await earlier_run(flyte, tmp_path)
    old = flyte.lose(INPUT, ago=903)
    young = flyte.lose(INPUT, ago=890)
    with capture_logs() as logged:
        async with pack(flyte, tmp_path, adopt=True) as parts:
            await eventually(lambda: young in flyte.results)
            await looked(flyte)
            assert parts.health.orphans == 1
            assert "1 actions were lost" in parts.health.conditions["FlyteApi"].status
            flyte._becomes(old, "SUCCESS")
            await eventually(lambda: parts.health.orphans == 0)
    assert old not in flyte.results
    assert [line["actions"] for line in logged if "were lost" in line["event"]] == [[old]]


async def test_turned_off(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """With FLYTE_SLACK_ADOPT=0 lost actions are told, and none is executed."""
    await earlier_run(flyte, tmp_path)
    ids = {flyte.lose(INPUT, ago=100), flyte.lose(INPUT, ago=-1)}
    async with pack(flyte, tmp_path, adopt=True, adopt_within=0) as parts:
        await eventually(lambda: parts.health.orphans == 2)
        assert await count(parts.store.actions, *State) == 1
    assert not ids & flyte.results.keys()


async def test_before_flyte_gave_any_action(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Without any result link to go by a lost action is told, and adopted when Flyte has given one."""
    lost = flyte.lose(INPUT)
    async with pack(flyte, tmp_path, adopt=True) as parts:
        await eventually(lambda: parts.health.orphans == 1)
        assert lost not in flyte.results
        flyte._becomes(lost, "PENDING", ago=100)
        first = flyte.action(INPUT)
        await eventually(lambda: {first, lost} <= flyte.results.keys())
        await eventually(lambda: parts.health.orphans == 0)


async def test_what_is_not_lost(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """What waits, was completed, is held, or is another pack's is left alone, and not told."""
    await earlier_run(flyte, tmp_path)
    completed = flyte.lose(INPUT, ago=100)
    flyte._becomes(completed, "SUCCESS", ago=100)
    flyte.audit[completed]["state"]["value"] = "FATAL"
    other = flyte.lose(INPUT, ago=100, packName="Other")
    labelled = flyte.lose(INPUT, ago=100, packLabels={"env": "prod"})
    held = flyte.lose(INPUT, ago=100)
    async with opened(tmp_path) as store:
        assert await store.actions.add(f"v9/elsewhere/{held}/result", "C1", "sendMessage", INPUT)
    async with pack(flyte, tmp_path, poll=False, adopt=True) as parts:
        flyte.audit[f"{999:024x}"] = {"id": f"{999:024x}", "name": "sendMessage", "packName": "Slack"}
        flyte._becomes(f"{999:024x}", "NEW", ago=100)
        await looked(flyte)
        assert parts.health.orphans == 0
        assert await count(parts.store.actions, *State) == 2
    assert not {completed, other, labelled, f"{999:024x}"} & flyte.results.keys()


async def test_audit_that_is_away(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """An audit that fails, or shows garbage, costs nothing else, and is asked again as at the start."""
    await earlier_run(flyte, tmp_path)
    lost = flyte.lose(INPUT)
    flyte.audit["odd"] = {"id": 5, "packName": "Slack", "state": None}
    flyte.answer("audit", 503, 500, 200, "cut", 403)
    async with pack(flyte, tmp_path, adopt=True):
        await eventually(lambda: lost in flyte.results)


async def test_clock_of_flyte(flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How old an action is goes by Flyte's own clock."""
    await earlier_run(flyte, tmp_path)
    lost = flyte.lose(INPUT, ago=100)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=1)

    monkeypatch.setattr("flyte_slack.flyte.audit.datetime", Ahead)
    async with pack(flyte, tmp_path, adopt=True):
        await eventually(lambda: lost in flyte.results)


@pytest.mark.parametrize(
    ("given", "of"),
    [
        (LINK.format("6b03fbb7686c8244b1d5d100"), LINK.format("X")),
        ("/flyte/actions/6b03fbb7686c8244b1d5d100", "/flyte/actions/X"),
        ("v1/packs/Slack/actions/a-17/result", LINK.format("X")),
        ("v1/packs/Slack/actions/a-17/result?x=1", LINK.format("X") + "?x=1"),
        ("/result", None),
    ],
)
async def test_result_links(parts: Parts, given: str, of: str | None) -> None:
    """The link of a lost action is that of another one with the id in its place."""
    links = ResultLinks(parts.store)
    assert await links.of("X") is None
    await links.learn(given)
    assert await ResultLinks(parts.store).of("X") == of


@pytest.fixture
async def parts(flyte: ScriptedFlyte, tmp_path: Path) -> AsyncIterator[Parts]:
    async with pack(flyte, tmp_path, poll=False) as parts:
        yield parts


async def test_result_link_is_kept_by_taking(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """The first action that is taken tells what result links look like, over restarts."""
    await earlier_run(flyte, tmp_path)
    async with pack(flyte, tmp_path, poll=False) as parts:
        assert await ResultLinks(parts.store).of("X") == LINK.format("X")
