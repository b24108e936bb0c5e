"""The pack keeps itself registered (promise 7)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pack_parts import impatient, pack, pack_with
from scripted_flyte import Answer, ScriptedFlyte
from structlog.testing import capture_logs
from support import breathe, eventually, running

from flyte_slack.flyte import FlyteClient
from flyte_slack.pack.health import Health
from flyte_slack.pack.registration import Registration


@pytest.fixture
async def flyte(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedFlyte]:
    impatient(monkeypatch)
    async with ScriptedFlyte().serve() as served:
        yield served


async def test_pack_registers_at_start(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """At start the pack registers what it is, once, and is registered then."""
    async with pack(flyte, tmp_path, poll=False) as parts:
        links = await parts.registration.links()
        assert parts.health.registered
    (call,) = flyte.of("register")
    assert call.body == pack_with().registration().model_dump(exclude_defaults=True)
    assert links.pack_id == "Slack"


@pytest.mark.parametrize("answer", [500, 503, 429, 401, 403, 404, 400, 302, "cut"])
async def test_pack_waits_for_flyte_whatever_it_answers(
    flyte: ScriptedFlyte, tmp_path: Path, answer: Answer
) -> None:
    """At start the pack waits for Flyte, however long, and tells what it waits for."""
    flyte.answer("register", *[answer] * 4)
    async with pack(flyte, tmp_path, poll=False) as parts:
        assert not parts.health.registered
        await eventually(lambda: flyte.of("register"))
        await eventually(lambda: parts.health.flyte.status != "not reached yet")
        assert not parts.health.flyte.healthy
        await parts.registration.links()
        assert parts.health.registered
    assert len(flyte.of("register")) == 5


async def test_pack_waits_for_a_flyte_that_is_not_there(flyte: ScriptedFlyte) -> None:
    """A Flyte that is started after the pack is found."""
    health = Health()
    async with FlyteClient(flyte.url) as client:
        registration = Registration(client, pack_with(), health)
        url, client._base._origin = client._base._origin, "http://127.0.0.1:9"  # nobody listens there
        async with running(registration.run()):
            await eventually(lambda: "127.0.0.1:9" in health.flyte.status)
            client._base._origin = url
            assert (await registration.links()).pack_id == "Slack"


async def test_waiting_is_told_once(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A long outage is one warning, not a thousand."""
    flyte.answer("register", *[503] * 20)
    with capture_logs() as logged:
        async with pack(flyte, tmp_path, poll=False) as parts:
            await parts.registration.links()
    assert len([line for line in logged if line["log_level"] == "warning"]) == 1


async def test_forgotten_pack_registers_again(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A 404 leads to a new registration, and polling goes on."""
    async with pack(flyte, tmp_path) as parts:
        await eventually(lambda: flyte.of("take"))
        flyte.registered = False
        await eventually(lambda: len(flyte.of("register")) == 2)
        id_ = flyte.action({"channelId": "C1"})
        await eventually(lambda: id_ in flyte.results)
        assert parts.health.registered
    assert len(flyte.of("register")) == 2


async def test_many_losses_are_one_registration(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """However many calls find the pack forgotten, it is registered once."""
    async with pack(flyte, tmp_path, poll=False) as parts:
        links = await parts.registration.links()
        for _ in range(10):
            parts.registration.lost(links)
        assert not parts.health.registered
        renewed = await parts.registration.links()
        parts.registration.lost(links)  # a late answer to a call under the old links
        await breathe()
        assert await parts.registration.links() is renewed
        assert parts.health.registered
    assert len(flyte.of("register")) == 2


async def test_all_who_wait_get_the_links(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Everybody who waits for the registration goes on when it is there."""
    gate = asyncio.Event()
    flyte.answer("register", gate)
    async with pack(flyte, tmp_path, poll=False) as parts:
        waiting = [asyncio.create_task(parts.registration.links()) for _ in range(5)]
        await eventually(lambda: flyte.of("register"))
        assert not any(task.done() for task in waiting)
        gate.set()
        assert len({id(links) for links in await asyncio.gather(*waiting)}) == 1
