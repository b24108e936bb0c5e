"""Every recorded payload goes through the real process, over both ways in (contract, sections 5 and 9)."""

import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from harness import World, eventually, world

from flyte_slack.sandbox.socket_mode import SocketMode
from flyte_slack.sandbox.workspace import Workspace

PAYLOADS = Path(__file__).parents[1] / "payloads"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
CHOSEN: dict[str, Any] = {
    "FLYTE_SLACK_EVENTS": "all,pin_added,emoji_changed",
    "FLYTE_SLACK_FORWARD_BOTS": "B0ALERTS",
}
LOOKED_UP = {
    "user",
    "itemUser",
    "inviter",
    "channelName",
    "channelType",
    "plainText",
    "permalink",
    "previousName",
}
"""Keys that depend on what the workspace knows; the unit tests hold them."""

Send = Callable[[dict[str, Any]], Any]


class RawSocketMode(SocketMode):
    """Slack's side of Socket Mode, which also sends what the workspace knows nothing of."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.answered: set[str] = set()
        self._number = 0

    async def send(self, body: dict[str, Any]) -> None:
        """Send a payload as Slack does; return when it is acknowledged."""
        self._number += 1
        envelope_id = f"raw-{self._number}"
        kind = (
            "events_api" if "event_id" in body else "slash_commands" if "command" in body else "interactive"
        )
        frame = {"type": kind, "envelope_id": envelope_id, "payload": body, "accepts_response_payload": True}
        self._connections[self._number % len(self._connections)].outbox.put_nowait(frame)
        await eventually(lambda: envelope_id in self.answered, "the payload is acknowledged")

    def _acknowledge(self, envelope_id: str) -> None:
        self.answered.add(envelope_id)
        super()._acknowledge(envelope_id)


def recordings() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return every payload with its events; each with an identity of its own, as Slack would send them."""
    found = []
    for number, path in enumerate(sorted(PAYLOADS.glob("*.json"))):
        text = path.read_text().replace("1700000000.000100", f"1700000000.{number:06}")
        content = json.loads(text.replace(".c0ffee", f".{number}"))
        body = content["slack"]
        if "event_id" in body:
            body["event_id"] = f"Ev{path.stem}"
        found.append((body, content["flyte"]))
    return found


def comparable(name: str, payload: dict[str, Any]) -> str:
    """Return an event without what was looked up."""
    known = {key: value for key, value in payload.items() if key not in LOOKED_UP}
    user = payload["user"]["id"]
    team = known.pop("teamId").replace("T0SANDBOX", "T0ACME")
    return json.dumps([name, known, user, team], sort_keys=True)


def seen(w: World) -> list[str]:
    """Return what Flyte has seen."""
    return sorted(comparable(event.name, event.payload) for event in w.flyte.seen)


def expected() -> list[str]:
    """Return what Flyte is to see of all payloads."""
    events = [event for _, events in recordings() for event in events]
    return sorted(comparable(event["event"], event["payload"]) for event in events)


async def all_delivered(w: World) -> None:
    """Wait until what was acknowledged is delivered."""
    await eventually(
        lambda: not w.stored("SELECT 1 FROM inbox WHERE state = 'taken'"),
        "nothing waits any more",
        timeout=60,
    )


async def test_socket_mode(tmp_path: Path) -> None:
    """All are acknowledged while Flyte is away, survive `kill -9`, and come once, though sent twice."""
    async with world(tmp_path, socket_mode=RawSocketMode, flyte_is_there=False, **CHOSEN) as w:
        raw = w.socket_mode
        assert isinstance(raw, RawSocketMode)
        w.pack.launch()
        await w.pack.listening()
        for body, _ in recordings():
            await raw.send(body)
            await raw.send(body)
        w.pack.kill()
        await w.flyte.start()
        await w.pack.start()
        await eventually(lambda: len(seen(w)) >= len(expected()), "all events", timeout=60)
        for body, _ in recordings():
            await raw.send(body)
        await all_delivered(w)
        assert seen(w) == expected()


@contextlib.asynccontextmanager
async def http_mode(folder: Path) -> AsyncIterator[tuple[World, Callable[[bytes, str], Any]]]:
    """Run a pack in HTTP mode; give what posts to it as Slack does."""
    async with (
        world(folder, SLACK_APP_TOKEN="", SLACK_SIGNING_SECRET=SECRET, **CHOSEN) as w,
        aiohttp.ClientSession() as session,
    ):
        await w.pack.start()

        async def post(raw: bytes, content_type: str) -> tuple[int, bytes]:
            stamp = str(int(time.time()))
            digest = hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + raw, hashlib.sha256)
            headers = {
                "Content-Type": content_type,
                "X-Slack-Request-Timestamp": stamp,
                "X-Slack-Signature": f"v0={digest.hexdigest()}",
            }
            url = f"http://127.0.0.1:{w.pack.port}/slack/events"
            async with session.post(url, data=raw, headers=headers) as answer:
                return answer.status, await answer.read()

        yield w, post


async def test_http(tmp_path: Path) -> None:
    """All are answered 200 and empty at `POST /slack/events`, forms too; each event comes once."""
    async with http_mode(tmp_path) as (w, post):
        for body, _ in recordings():
            if "event" in body or body.get("type") == "app_rate_limited":
                raw, kind = json.dumps(body).encode(), "application/json"
            else:
                fields = body if "command" in body else {"payload": json.dumps(body)}
                raw, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
            for _ in range(2):
                assert await post(raw, kind) == (200, b"")
        await all_delivered(w)
        assert seen(w) == expected()


async def test_ssl_check(tmp_path: Path) -> None:
    """Slack's `ssl_check`, which is not signed, is answered 200 and does nothing; other forms are refused."""
    async with http_mode(tmp_path) as (w, _), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{w.pack.port}/slack/events"
        for fields, status in (({"ssl_check": "1", "token": "x"}, 200), ({"command": "/deploy"}, 401)):
            async with session.post(url, data=fields) as answer:
                assert (answer.status, await answer.read()) == (status, b"")
        assert w.stored("SELECT count(*) FROM inbox") == [(0,)]
