"""The image's health check asks where the settings say, and believes only a 200."""

import asyncio
import socket
import sys

import pytest
from aiohttp import web
from support import serving

from flyte_slack.cli import healthcheck


def app(status: int) -> web.Application:
    """Return a server that answers `/health/live` with a status."""

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({}, status=status)

    made = web.Application()
    made.router.add_get("/health/live", live)
    return made


@pytest.mark.parametrize(("status", "ends_with"), [(200, 0), (500, 1), (404, 1)])
async def test_what_the_pack_answers(status: int, ends_with: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with 0 after a 200 only, and no proxy of the environment is asked."""
    async with serving(app(status)) as url:
        monkeypatch.setenv("FLYTE_SLACK_PORT", url.rpartition(":")[2])
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        assert await asyncio.to_thread(healthcheck.main) == ends_with


@pytest.mark.parametrize("host", ["", "0.0.0.0", " 127.0.0.1 "])
async def test_host(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All addresses include this machine's own."""
    async with serving(app(200)) as url:
        monkeypatch.setenv("FLYTE_SLACK_PORT", url.rpartition(":")[2])
        monkeypatch.setenv("FLYTE_SLACK_HOST", host)
        assert await asyncio.to_thread(healthcheck.main) == 0


@pytest.mark.parametrize("port", ["1", "0", "http", "99999"])
def test_nobody_there(port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody answers it says so in a line and ends with 1."""
    monkeypatch.setenv("FLYTE_SLACK_PORT", port)
    assert healthcheck.main() == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_pack_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack that takes the connection and says nothing is not live."""
    monkeypatch.setattr(healthcheck, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("FLYTE_SLACK_PORT", str(server.getsockname()[1]))
        assert healthcheck.main() == 1


async def test_it_imports_next_to_nothing() -> None:
    """It is started every half minute: neither the pack nor a library is imported."""
    script = "import sys, flyte_slack.cli.healthcheck; print(*sys.modules)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    loaded = set(output.decode().split())
    assert {"flyte_slack.cli.healthcheck"} <= loaded
    assert not {"pydantic", "aiohttp", "asyncio", "flyte_slack.settings"} & loaded
