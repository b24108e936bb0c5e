"""Actions that were lost between Flyte and the pack are counted and told, against the sandbox's audit."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from pack_parts import pack_with
from structlog.testing import capture_logs
from support import breathe, eventually, opened, running, serving

from flyte_slack.flyte import FlyteClient, PackLinks
from flyte_slack.pack import orphans as module
from flyte_slack.pack.health import Health
from flyte_slack.sandbox.flows import parse_flow
from flyte_slack.sandbox.flyte_api import FlyteApi
from flyte_slack.store import Store

FLOW = """
name: answer
steps:
  - id: answer
    event: {packName: Slack, name: MessageSent}
    command: {packName: Slack, name: sendMessage, input: {channelId: C1}}
  - id: other
    event: {packName: Slack, name: MessageSent}
    command: {packName: Other, name: doIt, input: {}}
"""


@dataclass
class Bench:
    """The watch over a sandbox Flyte API, to be run by each test."""

    api: FlyteApi
    client: FlyteClient
    store: Store
    links: PackLinks
    health: Health

    async def action(self) -> str:
        """Let a flow ask the pack for something; return the action's id."""
        before = set(self.api.actions)
        await self.client.post_event(self.links, {"event": "MessageSent", "payload": {}})
        new = set(self.api.actions) - before
        (id_,) = (id_ for id_ in new if self.api.actions[id_].pack_name == "Slack")
        return id_

    async def take(self, *, keep: bool, minutes: float = 2) -> str:
        """Take an action, which is some minutes ago; `keep` it as the pack does, or lose it on the way."""
        id_ = await self.action()
        taken = await self.client.take(self.links)
        assert taken is not None
        if keep:
            await self.store.actions.add(taken.result, "C1", taken.command, taken.input)
        state, at = self.api.actions[id_].states[-1]
        assert state == "PENDING"
        self.api.actions[id_].states[-1] = (state, at - timedelta(minutes=minutes))
        return id_

    def watch(self) -> object:
        return module.watch(self.client, pack_with(), self.store, self.health)

    async def orphans(self) -> int:
        """Return how many are told after the watch has looked once more."""
        looked = self.looks() + 2  # one may have begun before
        async with running(module.watch(self.client, pack_with(), self.store, self.health)):
            await eventually(lambda: self.looks() >= looked)
        return self.health.orphans

    looks: Callable[[], int] = lambda: 0


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(module, "_FIRST_AFTER", 0.0)
    monkeypatch.setattr(module, "_EVERY", 0.01)
    api = FlyteApi([parse_flow(FLOW, "yaml")])
    looks: list[str] = []

    @web.middleware
    async def note(request: web.Request, handler: Callable[..., object]) -> web.StreamResponse:
        if request.path.endswith("/audit/flows"):
            looks.append(request.path_qs)
        return await handler(request)  # type: ignore[misc,no-any-return]

    outer = web.Application(middlewares=[note])
    outer.add_subapp("/flyte", api.app())
    async with serving(outer) as url, FlyteClient(f"{url}/flyte") as client, opened(tmp_path) as store:
        links = await client.register(pack_with().registration())
        yield Bench(api, client, store, links, Health(), lambda: len(looks))


async def test_lost_action_is_counted(bench: Bench) -> None:
    """An action that Flyte gave away, and that is not on disk, is told of in health, and once in the log."""
    lost = await bench.take(keep=False)
    await bench.take(keep=True)
    with capture_logs() as logged:
        assert await bench.orphans() == 1
        assert "1 actions were lost" in bench.health.conditions["FlyteApi"].status
    (line,) = [line for line in logged if line["log_level"] == "warning"]
    assert (line["number"], line["actions"]) == (1, [lost])


async def test_nothing_lost_nothing_told(bench: Bench) -> None:
    """What waits, is in hand, was completed, or is another pack's is not lost."""
    await bench.take(keep=True)
    done = await bench.take(keep=True)
    reference = f"v1/packs/Slack/actions/{done}/result"
    await bench.client.complete(reference, {"event": "Echoed", "payload": {}})
    assert bench.api.actions[done].state == "SUCCESS"
    await bench.action()  # NEW
    for action in bench.api.actions.values():
        if action.pack_name == "Other":
            action.take()
            action.states[-1] = ("PENDING", action.states[-1][1] - timedelta(hours=1))
    with capture_logs() as logged:
        assert await bench.orphans() == 0
    assert "lost" not in bench.health.conditions["FlyteApi"].status
    assert [line for line in logged if line["log_level"] != "debug" and "lost" in line["event"]] == []


async def test_young_action_may_be_in_hand(bench: Bench) -> None:
    """An action taken a moment ago can be on its way to the disk: it is not counted yet."""
    await bench.take(keep=False, minutes=0)
    assert await bench.orphans() == 0


async def test_finished_action_whose_result_waits_is_not_lost(bench: Bench) -> None:
    """An action whose result Flyte has not got yet is held, whatever Flyte shows."""
    await bench.take(keep=True)
    (stored,) = await bench.store.actions.waiting("C1", 1)
    await bench.store.actions.finished(stored, {"event": "Echoed"})
    assert await bench.orphans() == 0


async def test_no_result_is_invented(bench: Bench) -> None:
    """A lost action gets no result: nobody knows what became of it."""
    lost = await bench.take(keep=False)
    assert await bench.orphans() == 1
    assert bench.api.actions[lost].state == "PENDING"


async def test_later_loss_is_told_and_a_completed_one_is_not(bench: Bench) -> None:
    """The number follows what Flyte shows."""
    first = await bench.take(keep=False)
    with capture_logs() as logged:
        async with running(module.watch(bench.client, pack_with(), bench.store, bench.health)):
            await eventually(lambda: bench.health.orphans == 1)
            await bench.take(keep=False)
            await eventually(lambda: bench.health.orphans == 2)
            bench.api.actions[first].states.append(("SUCCESS", bench.api.actions[first].states[-1][1]))
            await eventually(lambda: bench.health.orphans == 1)
    assert [line["number"] for line in logged if line["log_level"] == "warning"] == [1, 2]


async def test_flyte_that_is_away_is_asked_again(bench: Bench) -> None:
    """A failing audit fails nothing else, and is read when it is back."""
    await bench.take(keep=False)
    index, down = bench.client.index, asyncio.Event()

    async def away() -> object:
        if not down.is_set():
            down.set()
            await bench.client.post_event(
                PackLinks("x", "v1/packs/Nobody/events", "x"), {"event": "x", "payload": {}}
            )
        return await index()

    bench.client.index = away  # type: ignore[method-assign,assignment]
    assert await bench.orphans() == 1


async def test_server_without_audit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that offers no audit is not asked for one."""
    index = bench.client.index

    async def without() -> object:
        return [link for link in await index() if "udit" not in link.rel]

    await bench.take(keep=False)
    monkeypatch.setattr(bench.client, "index", without)
    async with running(module.watch(bench.client, pack_with(), bench.store, bench.health)):
        await breathe(500)
    assert (bench.health.orphans, bench.looks()) == (0, 0)
