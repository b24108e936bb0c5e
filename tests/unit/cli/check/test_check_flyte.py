"""Checks of the Flyte API, against every answer that one may get in its place."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from check_parts import Flyte, assert_fails, checks_of, soon, states
from environment import load
from postgres import free_port

from flyte_slack.cli.check import probes
from flyte_slack.cli.check.flyte import FlyteProbes
from flyte_slack.cli.check.probes import Check

ALL = {"flyte_reachable": True, "flyte_links": True, "flyte_token": True, "flyte_pack": True}


@pytest.fixture
async def flyte() -> AsyncIterator[Flyte]:
    async with Flyte().serve() as served:
        yield served


async def look(flyte: Flyte | str, **environment: str | None) -> dict[str, Check]:
    url = flyte if isinstance(flyte, str) else flyte.url
    async with FlyteProbes(load(**{"FLYTE_API": url, **environment})) as tried:
        return await checks_of(tried.probes())


def jwt(**claims: Any) -> str:
    parts = [{"alg": "RS256"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


async def test_all_holds(flyte: Flyte) -> None:
    """Of a Flyte API as it should be, every check holds, and nothing was registered."""
    checks = await look(flyte)
    assert states(checks) == ALL
    assert not any(check.remedy for check in checks.values())
    bodies = flyte.calls_of("POST /v1/packs")
    assert bodies
    for body in bodies:
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
    methods = {call for call, _, _ in flyte.calls}
    assert methods == {"GET /", "GET /v1", "GET /v1/packs", "POST /v1/packs"}


async def test_refused_connection() -> None:
    """Where nobody listens, FLYTE_API is at fault, and the rest is not tried."""
    checks = await look(f"http://127.0.0.1:{free_port()}")
    assert_fails(checks["flyte_reachable"], "FLYTE_API", "ClientConnectorError", "host and port")
    assert not any(states(checks).values())
    for name in ("flyte_links", "flyte_token", "flyte_pack"):
        assert "Flyte reachable" in checks[name].remedy


async def test_unknown_host() -> None:
    """A name that does not exist is FLYTE_API's fault."""
    checks = await look("http://flyte.invalid")
    assert_fails(checks["flyte_reachable"], "FLYTE_API", "http://flyte.invalid")


async def test_no_tls_there(flyte: Flyte) -> None:
    """https:// to a server without TLS is told as that."""
    checks = await look(flyte.url.replace("http://", "https://"))
    assert_fails(checks["flyte_reachable"], "FLYTE_API", "SSL", "set FLYTE_API to http://")


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_server_errors(flyte: Flyte, status: int) -> None:
    """An API that answers 5xx is not reachable for the pack."""
    flyte.replaced["GET /"] = status
    checks = await look(flyte)
    assert_fails(checks["flyte_reachable"], "FLYTE_API", str(status))
    assert_fails(checks["flyte_links"], "FLYTE_API", "not tried")


async def test_hanging_server(flyte: Flyte, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never answers costs each check its time-out, and they pass at the same time."""

    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    flyte.replaced["GET /"] = hang
    monkeypatch.setattr(probes, "TIMEOUT", 0.3)
    start = asyncio.get_running_loop().time()
    checks = await look(flyte)
    assert asyncio.get_running_loop().time() - start < 1
    assert not any(states(checks).values())
    assert_fails(checks["flyte_reachable"], "FLYTE_API", "0.3 s", f"an answer of {flyte.url}")


async def test_slower_than_the_setting_allows(flyte: Flyte) -> None:
    """FLYTE_API_TIMEOUT holds for the check too."""

    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    flyte.replaced["GET /"] = slow
    checks = await look(flyte, FLYTE_API_TIMEOUT="0.5")
    assert_fails(checks["flyte_reachable"], "FLYTE_API", "no answer within 0.5 s")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"GET /": "<html>hello</html>", "GET /v1": "<html>hello</html>"}, "not JSON"),
        ({"GET /": 404, "GET /v1": 404}, "404"),
        ({"GET /": {"links": []}, "GET /v1": 404}, "info/v1"),
        ({"GET /v1": {"links": []}}, "pack/listPacks"),
        ({"GET /": {"links": "none"}, "GET /v1": 404}, "not the Flyte API's"),
    ],
)
async def test_missing_links(flyte: Flyte, answers: dict[str, Any], words: str) -> None:
    """A server that answers, but not as the Flyte API, is reachable; what is missing is named."""
    flyte.replaced.update(answers)
    checks = await look(flyte)
    assert checks["flyte_reachable"].ok
    assert_fails(checks["flyte_links"], "FLYTE_API", words, "base URL")
    assert_fails(checks["flyte_token"], "FLYTE_JWT", "Flyte links")
    assert_fails(checks["flyte_pack"], "PACK_NAME", "Flyte links")


async def test_no_audit(flyte: Flyte) -> None:
    """The audit can be done without; that it is missing is told."""
    flyte.replaced["GET /v1"] = flyte.links({"pack/listPacks": "/v1/packs"})
    checks = await look(flyte)
    assert states(checks) == ALL
    assert "flowAudit/findFlows" in checks["flyte_links"].detail


async def test_redirect(flyte: Flyte) -> None:
    """Redirects are not followed, and where one leads is told."""

    async def elsewhere(_request: web.Request) -> web.Response:
        raise web.HTTPFound("https://login.example.com/")

    flyte.replaced.update({"GET /": elsewhere, "GET /v1": elsewhere})
    checks = await look(flyte)
    assert_fails(checks["flyte_links"], "FLYTE_API", "https://login.example.com/")


async def test_token_that_is_wanted(flyte: Flyte) -> None:
    """An API that wants a token, and gets the right one, lets everything hold."""
    flyte.wants = "the-right-one"
    checks = await look(flyte, FLYTE_JWT="the-right-one")
    assert states(checks) == ALL
    assert checks["flyte_token"].detail == "accepted"
    assert checks["flyte_token"].variable == "FLYTE_JWT"


async def test_token_missing(flyte: Flyte) -> None:
    """An API that wants a token where none is set names the variables."""
    flyte.wants = "the-right-one"
    checks = await look(flyte)
    assert checks["flyte_reachable"].ok
    assert_fails(checks["flyte_token"], "FLYTE_JWT", "401", "none is set", "FLYTE_JWT_FILE")
    assert_fails(checks["flyte_links"], "FLYTE_API", "Flyte token")


async def test_wrong_token(flyte: Flyte) -> None:
    """A token that is not accepted is told without its value."""
    flyte.wants = "the-right-one"
    checks = await look(flyte, FLYTE_JWT="the-wrong-one")
    assert_fails(checks["flyte_token"], "FLYTE_JWT", "not accepted (401)", "set FLYTE_JWT to")
    assert "the-wrong-one" not in str(checks)


async def test_token_file(flyte: Flyte, tmp_path: Path) -> None:
    """A token from a file names FLYTE_JWT_FILE; the file's value is told nowhere."""
    flyte.wants = "the-right-one"
    (tmp_path / "token").write_text("the-wrong-one\n")
    checks = await look(flyte, FLYTE_JWT_FILE=str(tmp_path / "token"))
    assert_fails(checks["flyte_token"], "FLYTE_JWT_FILE", "401", "set FLYTE_JWT_FILE to")
    assert "the-wrong-one" not in str(checks)
    (tmp_path / "token").write_text("the-right-one\n")
    assert states(await look(flyte, FLYTE_JWT_FILE=str(tmp_path / "token"))) == ALL


@pytest.mark.parametrize("content", ["", "two words"])
async def test_token_file_without_a_token(flyte: Flyte, tmp_path: Path, content: str) -> None:
    """A file that holds no token is told as that, whether or not the API wants one."""
    (tmp_path / "token").write_text(content)
    checks = await look(flyte, FLYTE_JWT_FILE=str(tmp_path / "token"))
    assert_fails(checks["flyte_token"], "FLYTE_JWT_FILE", "no token")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "not accepted (401)"),
        (403, "not accepted (403)"),
        (405, "may not register packs (405)"),
        (407, "proxy"),
        (404, "404"),
        (500, "500"),
        (201, "is this the Flyte API?"),
        (302, "302"),
    ],
)
async def test_answers_to_the_malformed_registration(flyte: Flyte, status: int, words: str) -> None:
    """Only 400 means that the token was let in; any other answer is told as it is."""
    flyte.replaced["POST /v1/packs"] = status
    checks = await look(flyte, FLYTE_JWT="some-token")
    assert_fails(checks["flyte_token"], "FLYTE_JWT", words)
    assert checks["flyte_links"].ok


@pytest.mark.parametrize(
    ("claims", "ok", "words"),
    [
        ({"exp": soon(30 * 86400)}, True, "it expires at 20"),
        ({"exp": soon(3600)}, True, "within a day"),
        ({"exp": soon(-1)}, False, "expired at 20"),
        ({"exp": 0}, False, "expired at 1970-01-01T00:00:00Z"),
        ({"nbf": soon(3600), "exp": soon(7200)}, False, "not valid before"),
        ({"nbf": soon(-5)}, True, "accepted"),
        ({"sub": "pack"}, True, "accepted"),
        ({"exp": "tomorrow"}, True, "accepted"),
        ({"exp": 1e300}, True, "accepted"),
        ({"exp": True}, True, "accepted"),
    ],
)
async def test_lifetime_of_a_jwt(flyte: Flyte, claims: dict[str, Any], ok: bool, words: str) -> None:
    """Until when a JWT holds is read from it; one that has expired fails, whatever the API says."""
    check = (await look(flyte, FLYTE_JWT=jwt(**claims)))["flyte_token"]
    assert check.ok is ok
    assert words in check.detail
    assert bool(check.remedy) is not ok


@pytest.mark.parametrize(
    "token", ["opaque", "a.b.c", "..", "a.e30.c.d", f"a.{base64.b64encode(b'[1]').decode()}.c"]
)
async def test_tokens_that_are_no_jwt(flyte: Flyte, token: str) -> None:
    """Of a token that is no JWT nothing is said but that it was accepted."""
    check = (await look(flyte, FLYTE_JWT=token))["flyte_token"]
    assert (check.ok, check.detail) == (True, "accepted")


async def test_insecure(flyte: Flyte) -> None:
    """That certificates are not verified is told."""
    assert "FLYTE_API_INSECURE" in (await look(flyte, FLYTE_API_INSECURE="true"))["flyte_reachable"].detail
    assert "FLYTE_API_INSECURE" not in (await look(flyte))["flyte_reachable"].detail


async def test_pack_that_is_not_registered(flyte: Flyte) -> None:
    """Where only packs of other names or labels are registered, this one is not."""
    flyte.packs = [{"name": "Slack", "labels": {"env": "prod"}}, {"name": "Shell"}]
    check = (await look(flyte))["flyte_pack"]
    assert (check.ok, check.detail.partition(";")[0]) == (True, "Slack is not registered")


async def test_pack_that_is_alive(flyte: Flyte) -> None:
    """A pack of the same name and labels is told, with when it was last seen; that is no failure."""
    flyte.packs = [
        {
            "name": "Slack",
            "labels": {"b": "2", "a": "1"},
            "lastSeen": "2026-01-02T03:04:05Z",
            "status": "live",
        }
    ]
    check = (await look(flyte, FLYTE_LABELS="b=2,a=1"))["flyte_pack"]
    assert check.ok
    for word in ("Slack.a.1.b.2 is registered", "live", "2026-01-02T03:04:05Z", "replica"):
        assert word in check.detail


async def test_pack_of_the_past(flyte: Flyte) -> None:
    """A pack that was not seen for long is registered, and no replica."""
    flyte.packs = [{"name": "Slack", "lastSeen": "2020-01-02T03:04:05Z", "status": "critical"}]
    check = (await look(flyte))["flyte_pack"]
    assert check.ok
    assert "critical" in check.detail
    assert "replica" not in check.detail


async def test_packs_that_may_not_be_listed(flyte: Flyte) -> None:
    """A policy that lets packs register, but not list them, is no failure."""
    flyte.replaced["GET /v1/packs"] = 405
    checks = await look(flyte)
    assert states(checks) == ALL
    assert "not known" in checks["flyte_pack"].detail


async def test_login_in_the_url(flyte: Flyte) -> None:
    """A password in FLYTE_API is told nowhere."""
    checks = await look(flyte.url.replace("http://", "http://user:the-password@"))
    assert states(checks) == ALL
    assert "the-password" not in str(checks)
