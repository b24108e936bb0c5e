"""Other sites are kept out: foreign names, foreign pages, and what a form could send."""

import socket

import aiohttp
import pytest

from flyte_slack.sandbox.server import Sandbox

pytest_plugins = ["sandbox_fixtures"]

PATHS = ["/", "/api/channels", "/api/stream", "/slack/api/api.test", "/slack/socket", "/flyte/v1"]
WRITING = ["/api/messages", "/slack/api/chat.postMessage", "/slack/respond/x", "/flyte/v1/flows"]


async def status(
    session: aiohttp.ClientSession, method: str, path: str, **headers: str
) -> tuple[int, object]:
    """Send a request; return its status, and the sentence of a refusal."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with session.request(method, path, headers=named) as response:
        refused = response.status == 403
        return response.status, (await response.json())["error"] if refused else ""


@pytest.mark.parametrize("path", PATHS)
async def test_foreign_names_are_refused(session: aiohttp.ClientSession, path: str) -> None:
    """A name that a rebound DNS entry could have is not answered, whatever the path."""
    for name in (
        "evil.example",
        "evil.example:8765",
        "localhost.evil.example",
        "192.168.0.7",
        "[::2]",
        "a b",
    ):
        refused, sentence = await status(session, "GET", path, Host=name)
        assert (refused, bool(sentence)) == (403, True), name


@pytest.mark.parametrize("name", ["localhost", "localhost:1", "127.0.0.1", "[::1]:8765", "sandbox.localhost"])
async def test_names_of_this_machine_are_answered(session: aiohttp.ClientSession, name: str) -> None:
    """Whatever the port: it may be forwarded."""
    assert (await status(session, "GET", "/api/channels", Host=name))[0] == 200


async def test_a_sandbox_that_is_shared_has_more_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to listen elsewhere it answers to addresses and to plain names, but not to public ones."""
    async with (
        Sandbox(host="0.0.0.0", port=0) as sandbox,
        aiohttp.ClientSession(base_url=sandbox.url) as session,
    ):
        monkeypatch.setattr(socket, "gethostname", lambda: "build.example.com")
        known = (("10.0.0.7:80", 200), ("sandbox:8765", 200), ("build.example.com:80", 200))
        for name, expected in (*known, ("evil.example", 403)):
            assert (await status(session, "GET", "/api/channels", Host=name))[0] == expected


@pytest.mark.parametrize("path", [*PATHS, *WRITING])
async def test_other_origins_are_refused(session: aiohttp.ClientSession, path: str) -> None:
    """Reading and writing, also from a page without an origin of its own."""
    for origin in ("https://evil.example", "null", "http://localhost:1"):
        for method in ("GET", "POST"):
            assert (await status(session, method, path, Origin=origin))[0] == 403


async def test_what_a_browser_fetches_for_another_site_is_refused(session: aiohttp.ClientSession) -> None:
    """An image tag sends no origin; a link to the page itself may be followed."""
    post = "/slack/api/chat.postMessage?channel=general&text=x&token=xoxb-sandbox"
    assert (await status(session, "GET", post, Sec_Fetch_Site="cross-site"))[0] == 403
    assert (await status(session, "GET", "/", Sec_Fetch_Site="cross-site"))[0] == 200
    assert (await status(session, "GET", post, Sec_Fetch_Site="same-origin"))[0] == 200


async def test_the_own_page_may_do_everything(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """Its origin is the sandbox's address."""
    body = {"channel": "general", "user": "alice", "text": "x"}
    async with session.post("/api/messages", json=body, headers={"Origin": sandbox.url}) as response:
        assert response.status == 201


@pytest.mark.parametrize(
    "path", ["messages", "edits", "deletions", "reactions", "clicks", "modals/V1", "files"]
)
async def test_a_form_changes_nothing(session: aiohttp.ClientSession, path: str) -> None:
    """Only application/json is taken, which no form can send."""
    for data in ({"channel": "general"}, b'{"channel": "general"}', b""):
        async with session.post(f"/api/{path}", data=data) as response:
            assert response.status == 415
            assert (await response.json())["error"].endswith(".")
