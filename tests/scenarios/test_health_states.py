"""Health: formats, and what it tells in each state (contract, section 6)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from harness import Pack, World, eventually, world

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def w(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One running pack for the tests that neither stop it nor change its settings."""
    async with world(tmp_path_factory.mktemp("shared")) as running:
        await running.pack.start()
        yield running


async def states(pack: Pack) -> tuple[int, int, int]:
    """Return the statuses of `/`, `/health/live` and `/health/ready`."""
    return (
        await pack.status("/"),
        await pack.status("/health/live"),
        await pack.status("/health/ready"),
    )


async def becomes(pack: Pack, *expected: int) -> None:
    """Wait for these statuses."""

    async def is_so() -> bool:
        return await states(pack) == expected

    await eventually(is_so, f"health is {expected}")


async def unhealthy(pack: Pack) -> set[str]:
    """Return the parts that are not healthy, each with a sentence of its own."""
    health = await pack.health()
    for part in health.values():
        assert set(part) == {"healthy", "status"}
        assert isinstance(part["healthy"], bool)
        assert isinstance(part["status"], str)
        assert len(part["status"]) > 5
    assert set(health) == {"FlyteApi", "Slack", "Store"}
    return {name for name, part in health.items() if not part["healthy"]}


async def test_healthy(w: World) -> None:
    """A pack that works is healthy, live and ready; other paths are not found."""
    await becomes(w.pack, 200, 200, 200)
    assert await unhealthy(w.pack) == set()
    assert await w.pack.status("/slack/events") in (404, 405)


async def test_flyte_never_there(tmp_path: Path) -> None:
    """Without Flyte the pack is live, not ready and not healthy, and it heals by itself."""
    async with world(tmp_path, flyte_is_there=False) as w:
        w.pack.launch()
        await w.pack.listening()
        await becomes(w.pack, 500, 200, 503)
        assert await unhealthy(w.pack) == {"FlyteApi"}
        await w.flyte.start()
        await becomes(w.pack, 200, 200, 200)


async def test_flyte_goes(w: World) -> None:
    """When Flyte goes, or answers 5xx only, the pack is live and not ready, until it is back."""
    await w.flyte.stop()
    await becomes(w.pack, 500, 200, 503)
    assert await unhealthy(w.pack) == {"FlyteApi"}
    await w.flyte.start()
    await becomes(w.pack, 200, 200, 200)
    rule = w.faults.answer("*", "/flyte/", 503)
    await becomes(w.pack, 500, 200, 503)
    rule.remove()
    await becomes(w.pack, 200, 200, 200)


async def test_slack_never_there(tmp_path: Path) -> None:
    """Without Slack the pack is live and not ready; actions wait, and it heals by itself."""
    async with world(tmp_path) as w:
        away = w.faults.cut("*", "/slack/")
        w.pack.launch()

        async def only_slack() -> bool:
            return await w.pack.status("/") == 500 and await unhealthy(w.pack) == {"Slack"}

        await eventually(only_slack, "all but Slack is healthy")
        await becomes(w.pack, 500, 200, 503)
        away.remove()
        await becomes(w.pack, 200, 200, 200)


async def test_slack_goes(w: World) -> None:
    """When Slack's connections are lost and refused, the pack is not ready until they are back."""
    away = [w.faults.cut("GET", "/slack/socket"), w.faults.slack_error(r"apps\.connections\.open", "x")]
    w.socket_mode.drop()
    await becomes(w.pack, 500, 200, 503)
    assert await unhealthy(w.pack) == {"Slack"}
    for rule in away:
        rule.remove()
    await becomes(w.pack, 200, 200, 200)
    w.say("general", "hello")
    await w.delivered(1)


async def test_bot_token_refused(tmp_path: Path) -> None:
    """A bot token that Slack refuses makes the pack unhealthy, and names the variable but not the value."""
    async with world(tmp_path, SLACK_BOT_TOKEN="xoxb-of-another-workspace") as w:
        w.pack.launch()

        async def told() -> bool:
            return "SLACK_BOT_TOKEN" in str((await w.pack.health()).get("Slack"))

        await eventually(told, "health names SLACK_BOT_TOKEN")
        await becomes(w.pack, 500, 200, 503)
        assert "xoxb-of-another-workspace" not in str(await w.pack.health()) + w.pack.stderr


async def test_messages_while_auth_test_fails(tmp_path: Path) -> None:
    """A failing auth.test costs no message: it is stored, acknowledged and delivered."""
    async with world(tmp_path) as w:
        rule = w.faults.rate_limit(r"auth\.test", 1)
        w.pack.launch()
        await eventually(lambda: w.socket_mode.connections == 2)
        w.say("general", "hello")
        await w.delivered(1)
        await w.acknowledged(1)
        rule.remove()
        await w.pack.ready()
        assert w.flyte.texts() == ["hello"]
