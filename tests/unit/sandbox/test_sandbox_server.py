"""The sandbox server: the page's interface, the mounted parts, start and stop."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from flyte_slack.sandbox.server import Sandbox

pytest_plugins = ["sandbox_fixtures"]


async def write(session: aiohttp.ClientSession, **body: Any) -> tuple[int, dict[str, Any]]:
    async with session.post("/api/messages", json=body) as response:
        return response.status, await response.json()


async def read(session: aiohttp.ClientSession, channel: str = "general") -> list[dict[str, Any]]:
    async with session.get("/api/messages", params={"channel": channel}) as response:
        messages: list[dict[str, Any]] = (await response.json())["messages"]
        return messages


async def test_scripts_write_and_read(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """A message is answered with 201 and its ts, and read back by any name of its channel, oldest first."""
    status, posted = await write(session, channel="general", user="alice", text="echo hello")
    assert (status, list(posted)) == (201, ["ts"])
    await write(session, channel="#general", user="bobby", text="2 < 3", thread_ts=posted["ts"])
    general = sandbox.workspace.channel("general").id
    for reference in ("general", "#general", general):
        first, reply = await read(session, reference)
        expected = {"ts": posted["ts"], "user": "alice", "text": "echo hello", "thread_ts": None}
        assert expected.items() <= first.items()
        assert (reply["user"], reply["text"]) == ("bobby", "2 &lt; 3")
        assert reply["thread_ts"] == posted["ts"] < reply["ts"]


async def test_the_bot_is_read_under_its_user_name(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """A post of the bot shows as its user, also with another author name."""
    slack = AsyncWebClient(token=sandbox.bot_token, base_url=f"{sandbox.url}/slack/api/", retry_handlers=[])
    await slack.chat_postMessage(channel="general", text="hi", username="Deploys")
    assert [message["user"] for message in await read(session)] == ["flyte"]


async def test_an_unknown_user_joins(session: aiohttp.ClientSession) -> None:
    """A name that nobody has becomes a new person, and is read back as given."""
    status, _ = await write(session, channel="ops", user="Dave Q", text="hi")
    assert (status, (await read(session, "ops"))[0]["user"]) == (201, "Dave Q")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"channel": "nowhere", "user": "alice", "text": "x"}),
        (400, {"user": "alice", "text": "x"}),
        (400, {"channel": "general", "user": "", "text": "x"}),
        (400, {"channel": "general", "user": "alice", "text": "  "}),
        (400, {"channel": "general", "user": "alice", "text": 7}),
        (400, {"channel": "general", "user": "alice", "text": "x" * 40_001}),
        (400, {"channel": "general", "user": "alice", "text": "x", "thread_ts": "1.0"}),
        (400, {"channel": "general", "user": "alice", "text": "x", "thread_ts": 1.5}),
        (400, {"channel": "general", "user": "flyte", "text": "x"}),
    ],
)
async def test_bad_input_is_explained(
    session: aiohttp.ClientSession, status: int, body: dict[str, Any]
) -> None:
    """A refusal is a sentence."""
    answered, refusal = await write(session, **body)
    assert (answered, list(refusal)) == (status, ["error"])
    assert refusal["error"].endswith(".")


async def test_bodies_that_are_no_object_are_explained(session: aiohttp.ClientSession) -> None:
    """Broken JSON and JSON of another shape get 400."""
    for body in ("{", "[]", '"x"'):
        headers = {"Content-Type": "application/json"}
        async with session.post("/api/messages", data=body, headers=headers) as response:
            assert response.status == 400
            assert (await response.json())["error"]


async def test_reading_needs_a_channel_that_exists(session: aiohttp.ClientSession) -> None:
    """An unknown channel is 404, none at all 400."""
    for query, status in (("?channel=nowhere", 404), ("", 400)):
        async with session.get(f"/api/messages{query}") as response:
            assert response.status == status
            assert (await response.json())["error"]


async def test_other_sites_cannot_write(session: aiohttp.ClientSession) -> None:
    """A form and a foreign origin are refused, since a browser sends them from any page."""
    body = json.dumps({"channel": "general", "user": "alice", "text": "x"})
    for headers in (
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json", "Origin": "https://elsewhere.example"},
    ):
        async with session.post("/api/messages", data=body, headers=headers) as response:
            assert response.status in (403, 415)
    assert await read(session) == []


async def test_only_its_people_write_in_a_direct_message(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    """Alice writes to the bot; bobby does not in her name."""
    direct = sandbox.workspace.open_direct("U0ALICE").id
    assert (await write(session, channel=direct, user="alice", text="x"))[0] == 201
    assert (await write(session, channel=direct, user="bobby", text="x"))[0] == 400


async def test_channels_are_listed_with_their_people(session: aiohttp.ClientSession) -> None:
    """The directory has every channel and every user."""
    async with session.get("/api/channels") as response:
        directory = await response.json()
    names = [channel["name"] for channel in directory["channels"] if channel["kind"] != "im"]
    assert names == ["general", "ops", "random", "private-ops", "announcements"]
    assert [user["name"] for user in directory["users"]] == ["flyte", "alice", "bobby", "carol", "bob"]


async def frames(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Read the server-sent events of a stream."""
    event = ""
    async for raw in response.content:
        field, _, value = raw.decode().rstrip("\n").partition(": ")
        if field == "event":
            event = value
        elif field == "data":
            yield event, json.loads(value)


async def test_the_stream_tells_each_new_message(session: aiohttp.ClientSession) -> None:
    """Who listens to the stream sees a message as soon as it is there, and none from before."""
    await write(session, channel="general", user="alice", text="before")
    async with session.get("/api/stream") as response, asyncio.timeout(5):
        assert response.content_type == "text/event-stream"
        await write(session, channel="ops", user="bobby", text="now")
        event, message = await anext(frames(response))
    assert (event, message["text"], message["user"], message["bot"]) == ("message", "now", "bobby", False)


async def test_the_stream_can_begin_with_all_there_is(session: aiohttp.ClientSession) -> None:
    """With ?history=1 the page gets directory and messages before what is new."""
    await write(session, channel="general", user="alice", text="before")
    async with session.get("/api/stream?history=1") as response, asyncio.timeout(5):
        stream = frames(response)
        assert [(await anext(stream))[0] for _ in range(3)] == ["directory", "message", "settled"]


async def test_the_stream_tells_changes(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """Edits come as the message as it is now, deletions with deleted true."""
    slack = AsyncWebClient(token=sandbox.bot_token, base_url=f"{sandbox.url}/slack/api/", retry_handlers=[])
    posted = await slack.chat_postMessage(channel="general", text="draft")
    channel, ts = posted["channel"], posted["ts"]
    async with session.get("/api/stream") as response, asyncio.timeout(5):
        stream = frames(response)
        await slack.chat_update(channel=channel, ts=ts, text="final")
        await slack.chat_delete(channel=channel, ts=ts)
        (_, edited), (_, deleted) = [await anext(stream) for _ in range(2)]
    assert (edited["ts"], edited["text"], edited["edited"]) == (ts, "final", True)
    assert deleted == {"channel": channel, "ts": ts, "deleted": True}


async def test_the_page_needs_nothing_from_elsewhere(session: aiohttp.ClientSession) -> None:
    """The page loads nothing but its own files, runs nothing that stands in it, and so do its modules."""
    loaded = {"/"}
    waiting = ["/"]
    while waiting:
        address = waiting.pop()
        async with session.get(address) as response:
            assert response.status == 200, address
            policy = response.headers["Content-Security-Policy"]
            text = await response.text()
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|\sstyle=", text
        )
        named = re.findall(r"""(?:src=|rel="stylesheet" href=|\bfrom )"([^"]+)\"""", text)
        found = {urljoin(address, name) for name in named} - loaded
        assert all(name.startswith("/page/") for name in found)
        loaded |= found
        waiting += found
    folder = resources.files("flyte_slack.sandbox.page")
    shipped = {f"/page/{file.name}" for file in folder.iterdir() if file.name.endswith((".js", ".css"))}
    assert loaded == shipped | {"/"}


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "__init__.py", "..%2fserver.py"])
async def test_only_the_pages_own_files_are_served(session: aiohttp.ClientSession, name: str) -> None:
    """No other file of the package is to be had."""
    async with session.get(URL(f"/page/{name}", encoded=True)) as response:
        assert response.status == 404


async def test_the_flyte_api_is_mounted(session: aiohttp.ClientSession) -> None:
    """The Flyte API answers below /flyte, the shipped echo flow included."""
    async with session.get("/flyte/v1/packs") as response:
        assert (response.status, (await response.json())["packs"]) == (200, [])
    async with session.get("/flyte/v1/flows/echo") as response:
        assert response.status == 200


async def test_flows_of_a_folder_are_added(tmp_path: Path) -> None:
    """Flows given by the user stand beside the shipped ones."""
    (tmp_path / "mine.json").write_text(json.dumps({"name": "mine", "steps": []}))
    async with Sandbox(port=0, flows=tmp_path) as sandbox:
        assert {"mine", "echo"} <= set(sandbox.flyte.flows)


async def test_the_packs_settings_point_here(sandbox: Sandbox) -> None:
    """The environment holds what the pack needs, with this sandbox's real port."""
    assert sandbox.pack_environment() == {
        "FLYTE_API": f"http://127.0.0.1:{sandbox.port}/flyte",
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "SLACK_API_URL": f"http://127.0.0.1:{sandbox.port}/slack/api/",
    }
    assert sandbox.port != 0


async def test_all_addresses_still_mean_loopback_for_the_pack() -> None:
    """A sandbox on 0.0.0.0 sends the pack to 127.0.0.1."""
    async with Sandbox(host="0.0.0.0", port=0) as sandbox:
        assert sandbox.url == f"http://127.0.0.1:{sandbox.port}"


async def test_a_port_in_use_is_explained(sandbox: Sandbox) -> None:
    """The error names the port and says what to do."""
    with pytest.raises(OSError, match=f"Port {sandbox.port} on 127.0.0.1 is in use: .*another port"):
        await Sandbox(port=sandbox.port).start()


async def test_stopping_is_prompt(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """Open streams and sockets do not hold up the stop, and see it."""
    slack = AsyncWebClient(base_url=f"{sandbox.url}/slack/api/", retry_handlers=[])
    url = (await slack.apps_connections_open(app_token=sandbox.app_token))["url"]
    async with session.get("/api/stream") as stream, session.ws_connect(url) as socket:
        await socket.receive_json()
        listening = asyncio.create_task(socket.receive())
        async with asyncio.timeout(1):
            await sandbox.stop()
            await stream.content.read()
            assert (await listening).type is aiohttp.WSMsgType.CLOSE


async def test_middlewares_wrap_every_part() -> None:
    """A test's middleware sees the Web API, the Flyte API and the page's interface alike."""
    paths: list[str] = []

    @web.middleware
    async def unavailable(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        paths.append(request.path)
        return web.Response(status=503)

    expected = ["/", "/api/channels", "/slack/api/auth.test", "/flyte/v1"]
    async with Sandbox(port=0, middlewares=[unavailable]) as sandbox, aiohttp.ClientSession() as session:
        for path in expected:
            async with session.get(sandbox.url + path) as response:
                assert response.status == 503
    assert paths == expected
