"""Checks of the port, and of a store that cannot be used."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from check_parts import assert_fails, checks_of
from environment import load
from postgres import free_port
from support import serving

from flyte_slack import logs
from flyte_slack.cli.check.local import local_probes
from flyte_slack.cli.check.probes import Check
from flyte_slack.pack.health import Health
from flyte_slack.pack.web import health_app


async def look(folder: Path, **environment: str) -> dict[str, Check]:
    usual = {"FLYTE_SLACK_STORE": f"sqlite:///{folder}/store.db", "FLYTE_SLACK_HOST": "127.0.0.1"}
    return await checks_of(local_probes(load(**usual | environment)))


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no secret of another test be taken out of the words here."""
    monkeypatch.setattr(logs, "_literals", set())


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens who answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost", "::1", "::"])
async def test_free_port(tmp_path: Path, host: str) -> None:
    """A port that is free can be listened on, and is free again afterwards."""
    port = free_port()
    for _ in range(2):
        check = (await look(tmp_path, FLYTE_SLACK_PORT=str(port), FLYTE_SLACK_HOST=host))["port"]
        assert (check.ok, check.variable) == (True, "FLYTE_SLACK_PORT")
        assert str(port) in check.detail


async def test_any_port(tmp_path: Path) -> None:
    """Port 0 is any that is free."""
    check = (await look(tmp_path, FLYTE_SLACK_PORT="0"))["port"]
    assert check.ok
    assert "any port" in check.detail


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
async def test_port_of_a_running_pack(tmp_path: Path, host: str) -> None:
    """A port on which a pack listens is told as that, and is no failure."""
    async with serving(health_app(Health(), lambda: b"")) as url:
        port = url.rpartition(":")[2]
        check = (await look(tmp_path, FLYTE_SLACK_PORT=port, FLYTE_SLACK_HOST=host))["port"]
    assert check.ok
    assert "a running flyte-slack" in check.detail


@pytest.mark.parametrize("answer", [{"live": False}, ["live"], None])
async def test_port_of_another_server(tmp_path: Path, answer: Any) -> None:
    """A port on which another server listens fails."""

    async def live(_request: web.Request) -> web.Response:
        return web.json_response(answer)

    app = web.Application()
    app.router.add_get("/health/live", live)
    async with serving(app) as url:
        check = (await look(tmp_path, FLYTE_SLACK_PORT=url.rpartition(":")[2]))["port"]
    assert_fails(check, "FLYTE_SLACK_PORT", "another program", "a port that is free")


async def test_port_of_a_silent_server(tmp_path: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is no pack."""
    monkeypatch.setattr("flyte_slack.cli.check.local._PATIENCE", 0.2)
    check = (await look(tmp_path, FLYTE_SLACK_PORT=str(taken)))["port"]
    assert_fails(check, "FLYTE_SLACK_PORT", f"127.0.0.1:{taken} is in use")


@pytest.mark.parametrize("host", ["192.0.2.1", "host.invalid"])
async def test_host_of_somebody_else(tmp_path: Path, host: str) -> None:
    """An address that is not this machine's names FLYTE_SLACK_HOST."""
    check = (await look(tmp_path, FLYTE_SLACK_HOST=host))["port"]
    assert_fails(check, "FLYTE_SLACK_HOST", host, "an address of this machine")


async def test_privileged_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that this user may not listen on names FLYTE_SLACK_PORT."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    check = (await look(tmp_path, FLYTE_SLACK_PORT="80"))["port"]
    assert_fails(check, "FLYTE_SLACK_PORT", "may not be listened on", "1024")


async def test_store(tmp_path: Path) -> None:
    """What the store says is the check's detail; why it cannot be used, and what to do, are apart."""
    check = (await look(tmp_path))["store"]
    assert (check.ok, check.variable, check.remedy) == (True, "FLYTE_SLACK_STORE", "")
    check = (await look(tmp_path, FLYTE_SLACK_STORE="sqlite:///no/such/store.db"))["store"]
    assert_fails(check, "FLYTE_SLACK_STORE")
    assert check.detail == "the folder no/such does not exist"
    assert check.remedy == "create it, or set FLYTE_SLACK_STORE to another place"


async def test_password_of_the_store(tmp_path: Path) -> None:
    """The password of a database that is away is told nowhere."""
    url = f"postgresql://flyte:the-password@127.0.0.1:{free_port()}/flyte"
    check = (await look(tmp_path, FLYTE_SLACK_STORE=url))["store"]
    assert_fails(check, "FLYTE_SLACK_STORE", "the database flyte on 127.0.0.1", "check FLYTE_SLACK_STORE")
    assert "the-password" not in str(check)
