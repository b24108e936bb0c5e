"""What Slack gave up on, dropped or refused is read from its history (promise 11); health tells."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from harness import World, eventually, world
from test_store_locked import locked, store_healthy

from flyte_slack.sandbox.socket_mode import SocketMode
from flyte_slack.sandbox.workspace import Channel, Workspace

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def impatient(workspace: Workspace) -> SocketMode:
    """Slack that gives up soon, and tells nobody what happens while there is no connection."""
    return SocketMode(workspace, redelivery=(0.3, 0.3, 0.3), keep_events_while_disconnected=False)


def frame(w: World, **content: Any) -> None:
    """Send a frame over a socket that the workspace knows nothing of."""
    w.socket_mode._connections[0].outbox.put_nowait(content)


async def test_store_locked_longer_than_slack_repeats(tmp_path: Path) -> None:
    """What was given up while the store was locked is read when it can be written; sockets stayed open."""
    async with world(tmp_path, socket_mode=impatient, expected=("Traceback",)) as w:
        await w.pack.start()
        channel = w.fresh()
        await w.marked(channel)
        with locked(w.pack.store):
            for number in range(3):
                w.say(channel, f"given up {number}")

            async def unhealthy() -> bool:
                return not await store_healthy(w.pack)

            await eventually(unhealthy, "the store is unhealthy")
            await eventually(lambda: not w.socket_mode.unacknowledged, "Slack has given up")
        await eventually(lambda: len(w.flyte.texts(channel)) >= 4, "the messages are there", timeout=60)
        assert w.flyte.texts(channel)[1:] == [f"given up {number}" for number in range(3)]


async def test_dropped_minute(tmp_path: Path) -> None:
    """Slack says that it dropped events (`app_rate_limited`): they are read, and a warning tells of it."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.fresh()
        await w.marked(channel)
        subscriptions, w.socket_mode.subscriptions = w.socket_mode.subscriptions, set()
        w.say(channel, "dropped")
        w.socket_mode.subscriptions = subscriptions
        payload = {"type": "app_rate_limited", "minute_rate_limited": int(time.time()) // 60 * 60}
        frame(w, type="events_api", envelope_id="E1", payload=payload)
        await eventually(lambda: "dropped" in w.flyte.texts(channel), "it is read")
        assert w.pack.logged("Slack dropped events")


async def test_refused_once(tmp_path: Path) -> None:
    """A refusal of the listing delays a gap and never counts as read; without a restart it is read later."""
    async with world(tmp_path, socket_mode=impatient) as w:
        await w.pack.start()
        channel = w.fresh()
        await w.marked(channel)
        await w.pack.stop()
        w.say(channel, "missed")
        refused = w.faults.slack_error("users.conversations", "account_inactive", times=2)
        await w.pack.start()
        await eventually(lambda: "missed" in w.flyte.texts(channel), "it is read")
        assert refused.hits == 2


async def test_renamed_meanwhile(tmp_path: Path) -> None:
    """Names and filters by name are fresh after a gap: what tells of changes may have been missed."""
    async with world(tmp_path, socket_mode=impatient, FLYTE_SLACK_CHANNELS="General") as w:
        await w.pack.start()
        channel = w.channel("general")
        w.say(channel, "forwarded")
        await w.delivered(1)
        w.socket_mode.drop()
        channel.name = "general-old"
        alice = w.workspace.person("alice")
        alice.name = "alice2"
        await eventually(lambda: w.socket_mode.connections == 2, "connected again")
        w.say(channel, "left out", "alice2")
        done = "SELECT 1 FROM inbox WHERE state = 'delivered'"
        await eventually(lambda: len(w.stored(done)) == 2, "it is left out")
        channel.name = "general"
        w.socket_mode.drop()
        await eventually(lambda: w.socket_mode.connections == 2, "connected again")
        w.say(channel, "forwarded again", "alice2")
        await w.delivered(2)
        assert w.flyte.texts() == ["forwarded", "forwarded again"]
        assert w.flyte.seen[-1].payload["user"]["name"] == "alice2"


async def test_frames_that_cannot_be_read(tmp_path: Path) -> None:
    """Frames over 4 MiB, nested 2,000 deep, or of odd types are acknowledged; the connections stay."""
    async with world(tmp_path) as w:
        await w.pack.start()
        acknowledged: list[str] = []
        w.socket_mode._acknowledge = acknowledged.append  # type: ignore[assignment]
        deep: Any = json.loads("[" * 900 + "]" * 900)
        huge = {"type": "event_callback", "event": {"type": "message", "text": "x" * 5_000_000}}
        frame(w, type="events_api", envelope_id="huge", payload=huge)
        frame(w, type="events_api", envelope_id="list", payload={"type": [], "event": {"type": {}}})
        frame(w, type=["events_api"], envelope_id="type", payload=None)
        frame(w, type="interactive", envelope_id="deep", payload={"type": "block_actions", "actions": deep})
        socket = w.socket_mode._connections[1].socket
        nested = "[" * 2000 + "]" * 2000
        await socket.send_str(
            '{"type": "events_api", "envelope_id": "deeper", "payload": {"a": ' + nested + "}}"
        )
        expected = {"huge", "list", "type", "deep", "deeper"}
        await eventually(lambda: set(acknowledged) >= expected, "all are acknowledged")
        assert w.socket_mode.connections == 2
        assert not w.pack.logged("a Slack connection ends")


async def test_token_revoked_while_running(tmp_path: Path) -> None:
    """A token that Slack stops accepting makes the pack unhealthy, is logged once, and heals by itself."""
    async with world(tmp_path) as w:
        await w.pack.start()
        revoked = w.faults.slack_error("(?!apps).+", "token_revoked")
        event = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["U0FLYTE"]}}
        payload = {"type": "event_callback", "event_id": "Ev1", "event": event}
        frame(w, type="events_api", envelope_id="E1", payload=payload)

        async def tells() -> bool:
            health = (await w.pack.health())["Slack"]
            return not health["healthy"] and "token_revoked" in health["status"]

        await eventually(tells, "health tells")
        assert await w.pack.status("/health/ready") == 503
        assert len(w.pack.logged("Slack does not accept SLACK_BOT_TOKEN")) == 1
        revoked.remove()
        await w.pack.ready()


@contextlib.asynccontextmanager
async def by_http(folder: Path, **environment: Any) -> AsyncIterator[World]:
    """Run a pack in HTTP mode."""
    async with world(folder, SLACK_APP_TOKEN="", SLACK_SIGNING_SECRET=SECRET, **environment) as w:
        await w.pack.start()
        yield w


async def post(w: World, body: bytes, *, ahead: float = 0.0, **headers: str) -> int:
    """Post as Slack does; headers replace Slack's own."""
    stamp = str(int(time.time() + ahead))
    digest = hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    sent = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    url = f"http://127.0.0.1:{w.pack.port}/slack/events"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=sent) as answer:
        return answer.status


def told(w: World, channel: Channel, text: str) -> bytes:
    """Return the body with which Slack tells of a message."""
    message = w.workspace.post(channel, {"user": "U0ALICE", "text": text})
    event = {**message, "type": "message", "channel": channel.id, "channel_type": "channel"}
    return json.dumps({"type": "event_callback", "event_id": f"Ev{message['ts']}", "event": event}).encode()


async def test_request_that_slack_repeats(tmp_path: Path) -> None:
    """A request that Slack had to repeat says that others may have been given up: they are read."""
    async with by_http(tmp_path) as w:
        channel = w.fresh()
        told(w, channel, "given up")
        assert await post(w, told(w, channel, "repeated"), X_Slack_Retry_Num="2") == 200
        await eventually(lambda: "given up" in w.flyte.texts(channel), "it is read")
        await eventually(lambda: "repeated" in w.flyte.texts(channel))
        assert len(w.flyte.texts(channel)) == 2


async def test_http_restart(tmp_path: Path) -> None:
    """In HTTP mode nothing tells that requests do not arrive: a restart reads what is missing."""
    async with by_http(tmp_path) as w:
        channel = w.fresh()
        assert await post(w, told(w, channel, "arrived")) == 200
        told(w, channel, "never arrived")
        await eventually(lambda: w.flyte.texts(channel) == ["arrived"])
        await w.pack.stop()
        await w.pack.start()
        await eventually(lambda: w.flyte.texts(channel) == ["arrived", "never arrived"])


async def test_refused_requests_are_told(tmp_path: Path) -> None:
    """A wrong clock, signature or body is answered 401 or 400, counted, and told, but not each time."""
    async with by_http(tmp_path) as w:
        body = told(w, w.fresh(), "forged")
        assert await post(w, body, ahead=-360) == 401
        for stamp in ("", "soon", "-5", "1e9", "\uff19", "9" * 400):
            assert await post(w, body, X_Slack_Request_Timestamp=stamp) == 401
        for signature in ("", "v0=", "v0=zz", "ü"):
            assert await post(w, body, X_Slack_Signature=signature) == 401
        for odd in (b"\xff\xfe", b"{", b"[]", b'"text"', b"[" * 3000 + b"]" * 3000):
            assert await post(w, odd) == 400
        assert await post(w, b"{}", Content_Type="application/json; charset=klingon") == 200
        assert await post(w, b"payload=%7B", Content_Type="application/x-www-form-urlencoded") == 400
        slack = (await w.pack.health())["Slack"]
        assert slack["healthy"]
        assert "17 requests were refused" in slack["status"]
        assert len(w.pack.logged("a request to /slack/events is refused")) == 1
        assert re.search(
            "36[0-9] s apart", w.pack.logged("a request to /slack/events is refused")[0]["cause"]
        )
        url = f"http://127.0.0.1:{w.pack.port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            metrics = await answer.text()
        assert 'flyte_slack_requests_refused_total{reason="clock"} 1.0' in metrics
        assert 'flyte_slack_requests_refused_total{reason="body"} 6.0' in metrics


async def test_bodies_in_flight_are_bounded(tmp_path: Path) -> None:
    """Large bodies that many send at once are refused from a sum on; genuine events go on."""
    async with by_http(tmp_path) as w:
        large = b"{" + b" " * 3_900_000 + b"}"

        async def forged() -> int:
            return await post(w, large, X_Slack_Signature="v0=00")

        statuses = asyncio.gather(*(forged() for _ in range(40)), return_exceptions=True)
        channel = w.fresh()
        body = told(w, channel, "genuine")
        await eventually(lambda: _accepted(w, body), "a genuine event is accepted")
        assert {status for status in await statuses if isinstance(status, int)} <= {401, 408, 503}
        await eventually(lambda: w.flyte.texts(channel) == ["genuine"])


async def _accepted(w: World, body: bytes) -> bool:
    return await post(w, body) == 200
