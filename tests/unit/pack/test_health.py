"""Health, over its port (contract, section 6)."""

import socket

import aiohttp
import pytest

from flyte_slack.pack.health import Condition, Health
from flyte_slack.pack.web import health_app, serve


async def get(health: Health, path: str) -> tuple[int, dict[str, object]]:
    async with (
        serve(health_app(health, bytes), "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}") as response,
    ):
        return response.status, await response.json()


def health(*, flyte: bool = True, registered: bool = True, slack: bool = True) -> Health:
    return Health(
        flyte=Condition(flyte, "about Flyte"),
        registered=registered,
        parts={"Slack": lambda: Condition(slack, "about Slack"), "Store": lambda: Condition(True, "fine")},
    )


async def test_report_is_flyte_clients_format() -> None:
    """`GET /` names every part, whether it is healthy, and a sentence."""
    assert await get(health(), "/") == (
        200,
        {
            "FlyteApi": {"healthy": True, "status": "about Flyte"},
            "Slack": {"healthy": True, "status": "about Slack"},
            "Store": {"healthy": True, "status": "fine"},
        },
    )


@pytest.mark.parametrize("part", ["flyte", "slack"])
async def test_report_is_500_when_a_part_is_unhealthy(part: str) -> None:
    """One unhealthy part makes it a 500, with the same format."""
    status, report = await get(health(**{part: False}), "/")
    assert status == 500
    assert report.keys() == {"FlyteApi", "Slack", "Store"}


async def test_live_while_flyte_and_slack_are_down() -> None:
    """Flyte or Slack being down does not fail liveness: a restart would help nobody."""
    assert (await get(health(flyte=False, registered=False, slack=False), "/health/live"))[0] == 200


@pytest.mark.parametrize(
    ("unready", "status"),
    [({}, 200), ({"flyte": False}, 503), ({"registered": False}, 503), ({"slack": False}, 503)],
)
async def test_ready_only_when_registered_and_connected(unready: dict[str, bool], status: int) -> None:
    """Ready is: registered, Flyte answering, and Slack connected."""
    assert (await get(health(**unready), "/health/ready"))[0] == status


def test_nothing_is_healthy_before_it_was_tried() -> None:
    """A pack that has not reached Flyte yet does not say it has."""
    fresh = Health()
    assert not fresh.ready
    assert fresh.report()["FlyteApi"]["healthy"] is False


async def test_parts_are_asked_anew() -> None:
    """Health is of now, not of the last change."""
    ill = Health(Condition(True, ""), True)
    condition = Condition(True, "")
    ill.parts["Slack"] = lambda: condition
    assert ill.ready
    condition = Condition(False, "gone")
    assert not ill.ready


async def test_port_in_use_is_told_with_its_variables() -> None:
    """A port that cannot be bound is named, with the variables that change it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port} .*FLYTE_SLACK_HOST or FLYTE_SLACK_PORT"):
            async with serve(health_app(health(), bytes), "127.0.0.1", port):
                pass
