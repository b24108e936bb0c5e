"""Events over HTTP instead of Socket Mode: signed, stored, then answered 200 (contract, section 1)."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio
from harness import World, eventually, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One running pack in HTTP mode."""
    folder = tmp_path_factory.mktemp("http-mode")
    async with world(folder, SLACK_APP_TOKEN="", SLACK_SIGNING_SECRET=SECRET) as running:
        await running.pack.start()
        yield running
    assert SECRET not in running.pack.stderr


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """Return the headers with which Slack signs a body."""
    timestamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={digest}",
    }


async def post(system: World, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """Post as Slack does."""
    url = f"http://127.0.0.1:{system.pack.port}/slack/events"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status, await answer.text()


def message(system: World, text: str, **more: Any) -> bytes:
    """Return the body with which Slack tells of a new message in #general."""
    channel = system.channel("general")
    ts = system.workspace.new_ts()
    event = {"type": "message", "user": "U0ALICE", "text": text, "ts": ts, "channel": channel.id}
    event |= {"channel_type": "channel", "event_ts": ts, **more}
    outer = {
        "type": "event_callback",
        "team_id": "T0SANDBOX",
        "api_app_id": "A0SANDBOX",
        "event_id": f"Ev{ts}",
    }
    return json.dumps({**outer, "event": event}).encode()


async def test_message(system: World) -> None:
    """A signed event is answered 200 and delivered, with the payload of the contract."""
    body = message(system, "over http")
    assert (await post(system, body, signed(body)))[0] == 200
    await eventually(lambda: "over http" in system.flyte.texts())
    payload = next(e.payload for e in system.flyte.seen if e.payload["message"] == "over http")
    assert (payload["origin"], payload["channelName"], payload["teamId"]) == (
        "channel",
        "general",
        "T0SANDBOX",
    )
    assert payload["user"]["email"] == "alice@example.com"


async def test_redelivered(system: World) -> None:
    """An event that Slack sends again is answered 200 and is not posted again."""
    body = message(system, "again")
    for number in range(3):
        retry = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": "http_timeout"} if number else {}
        assert (await post(system, body, {**signed(body), **retry}))[0] == 200
    following = message(system, "following")
    await post(system, following, signed(following))
    await eventually(lambda: "following" in system.flyte.texts())
    assert system.flyte.texts().count("again") == 1


async def test_url_verification(system: World) -> None:
    """Slack's challenge is answered."""
    body = json.dumps(
        {"type": "url_verification", "token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV"}
    ).encode()
    status, text = await post(system, body, signed(body))
    assert status == 200
    assert "3eZbrw1aBm2rZgRNFdxV" in text


async def test_bad_signatures(system: World) -> None:
    """A wrong, stale or missing signature, or a changed body, is answered 401 and nothing is stored."""
    body = message(system, "forged")
    stale = signed(body, at=time.time() - 600)
    unsigned = {"Content-Type": "application/json"}
    wrong = signed(body, secret="another")
    for headers in (wrong, stale, unsigned):
        assert (await post(system, body, headers))[0] == 401
    assert (await post(system, body.replace(b"forged", b"forger"), signed(body)))[0] == 401
    genuine = message(system, "genuine")
    await post(system, genuine, signed(genuine))
    await eventually(lambda: "genuine" in system.flyte.texts())
    assert not {"forged", "forger"} & set(system.flyte.texts())


async def test_interactivity(system: World) -> None:
    """A signed interaction (a form with a `payload`) is answered 200; a forged one is not."""
    action = {"type": "block_actions", "user": {"id": "U0ALICE"}, "actions": [], "api_app_id": "A0SANDBOX"}
    body = urlencode({"payload": json.dumps(action)}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await post(system, body, signed(body) | form))[0] == 200
    assert (await post(system, body, signed(body, secret="another") | form))[0] == 401


async def test_replayed(system: World) -> None:
    """A request that somebody recorded and sends again within the tolerance is posted once."""
    body = message(system, "recorded")
    headers = signed(body, at=time.time() - 200)
    for _ in range(3):
        assert (await post(system, body, headers))[0] == 200
    following = message(system, "after the record")
    await post(system, following, signed(following))
    await eventually(lambda: "after the record" in system.flyte.texts())
    assert system.flyte.texts().count("recorded") == 1


async def test_huge_and_slow_bodies(system: World) -> None:
    """A body larger than any message is answered 413, one that does not come 408; others go on meanwhile.

    What has no signature is refused before its body is read.
    """
    body = b"{" + b" " * 5_000_000 + b"}"
    assert (await post(system, body, signed(body)))[0] == 413
    reader, writer = await asyncio.open_connection("127.0.0.1", system.pack.port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed(b"{}").items())
    writer.write(
        f"POST /slack/events HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 1000\r\n\r\n{{".encode()
    )
    unsigned, other = await asyncio.open_connection("127.0.0.1", system.pack.port)
    other.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
    assert b" 401 " in await unsigned.readline()
    other.close()
    genuine = message(system, "meanwhile")
    assert (await post(system, genuine, signed(genuine)))[0] == 200
    await eventually(lambda: "meanwhile" in system.flyte.texts())
    assert b" 408 " in await reader.readline()
    writer.close()


async def test_a_burst(system: World) -> None:
    """1,000 events at once are all answered 200, and reach Flyte once each."""
    bodies = [message(system, f"burst {number}") for number in range(1000)]
    url = f"http://127.0.0.1:{system.pack.port}/slack/events"
    connector = aiohttp.TCPConnector(limit=50)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def send(body: bytes) -> int:
            async with session.post(url, data=body, headers=signed(body)) as answer:
                return answer.status

        assert set(await asyncio.gather(*map(send, bodies))) == {200}
    expected = {f"burst {number}" for number in range(1000)}
    await eventually(lambda: expected <= set(system.flyte.texts()), timeout=60)
    assert sum(text.startswith("burst ") for text in system.flyte.texts()) == 1000


async def test_bots_and_unknown_events(system: World) -> None:
    """What is not forwarded is answered 200, so that Slack does not send it again."""
    bodies = [
        message(system, "from a bot", bot_id="B0OTHER"),
        json.dumps({"type": "app_rate_limited", "minute_rate_limited": 1518467820}).encode(),
        json.dumps({"type": "event_callback", "event": {"type": "something_new"}}).encode(),
    ]
    for body in bodies:
        assert (await post(system, body, signed(body)))[0] == 200
    assert "from a bot" not in system.flyte.texts()


async def test_no_socket_is_opened(system: World) -> None:
    """In HTTP mode no Socket Mode connection is held, and the pack is ready when it listens."""
    assert system.socket_mode.connections == 0
    assert await system.pack.status("/health/ready") == 200


async def test_killed_after_the_answer(tmp_path: Path) -> None:
    """A message answered 200 while Flyte is away is delivered after kill -9 and a new start, once."""
    async with world(
        tmp_path, flyte_is_there=False, SLACK_SIGNING_SECRET=SECRET, FLYTE_SLACK_MODE="http"
    ) as w:
        w.pack.launch()
        await w.pack.listening()
        body = message(w, "hello")
        assert (await post(w, body, signed(body)))[0] == 200
        w.pack.kill()
        await w.flyte.start()
        await w.pack.start()
        await w.delivered(1)
        assert (await post(w, body, signed(body)))[0] == 200
        following = message(w, "following")
        await post(w, following, signed(following))
        await w.delivered(2)
        assert w.flyte.texts() == ["hello", "following"]
