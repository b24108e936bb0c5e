"""Slack's events are acknowledged only when they are on disk (promises 1, 2, 3), through Bolt itself."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from scripted_slack import BOT_TOKEN, ScriptedSlack
from slack_bolt.app.async_app import AsyncApp
from support import count, full_disk, opened, serving

from flyte_slack.slack.api.clock import SlackClock
from flyte_slack.slack.events.kinds import Kinds
from flyte_slack.slack.offer import chosen_events
from flyte_slack.slack.receiving import bolt as bolt_module
from flyte_slack.slack.receiving.bolt import bolt
from flyte_slack.slack.receiving.http import HttpEndpoint
from flyte_slack.slack.receiving.listener import Listener
from flyte_slack.slack.workspace.directory import Directory
from flyte_slack.slack.workspace.identity import Identity
from flyte_slack.store import Store

SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class Bench:
    """A Bolt app with the listener over a real store; Slack's Web API is out of order."""

    store: Store
    directory: Directory
    identity: Identity
    slack: ScriptedSlack
    app: AsyncApp
    listener: Listener
    woken: list[str] = field(default_factory=list)
    missed: list[tuple[str | None, float]] = field(default_factory=list)

    async def keys(self, lane: str = "C1") -> list[str]:
        return [event.key for event in await self.store.inbox.waiting(lane, 1000)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with ScriptedSlack().serve() as slack, slack.client() as web_api, opened(tmp_path) as store:
        slack.judge = lambda call: "internal_error"
        identity, directory, woken = (
            Identity(SlackClock(), "UBOT", "flyte", "T1"),
            Directory(web_api),
            list[str](),
        )
        missed = list[tuple[str | None, float]]()
        kinds = Kinds(chosen_events(), identity)
        listener = Listener(
            kinds, store.inbox, woken.append, directory, identity, lambda *what: missed.append(what)
        )
        app = bolt(listener, bot_token=BOT_TOKEN, signing_secret=SECRET)
        yield Bench(store, directory, identity, slack, app, listener, woken, missed)


def payload(ts: str = "1.000001", **event: Any) -> dict[str, Any]:
    message = {
        "type": "message",
        "channel": "C1",
        "channel_type": "channel",
        "user": "U1",
        "text": "hi",
        "ts": ts,
    }
    return {
        "type": "event_callback",
        "team_id": "T1",
        "api_app_id": "A1",
        "event_id": f"Ev{ts}",
        "event": message | event,
        "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": True}],
    }


async def dispatch(bench: Bench, body: dict[str, Any]) -> int:
    """Give Bolt a payload of Socket Mode; what is not answered 200 is not acknowledged."""
    return (await bolt_module.dispatch(bench.app, body, mode="socket_mode")).status


async def test_message_is_acknowledged_once_it_is_on_disk(bench: Bench, tmp_path: Path) -> None:
    """A 200 means that the raw event is in the store, though nothing was closed, and its lane is woken."""
    assert await dispatch(bench, payload()) == 200
    async with opened(tmp_path, shared=True) as other:
        (event,) = await other.inbox.waiting("C1", 10)
    assert event.body["event"] == payload()["event"]
    assert event.body["team_id"] == "T1"
    assert bench.woken == ["C1"]


async def test_failing_store_refuses_the_acknowledgement(bench: Bench, tmp_path: Path) -> None:
    """What cannot be stored is not acknowledged, so that Slack sends it again; then it is new."""
    await dispatch(bench, payload())
    with full_disk(tmp_path):
        assert await dispatch(bench, payload("2.000001", text="x" * 100_000)) == 503
        assert bench.woken == ["C1"]
        assert bench.missed == [("C1", 2.000001)], "Slack may give it up: it is read from the history"
    assert await dispatch(bench, payload("2.000001", text="x" * 100_000)) == 200
    assert await bench.keys() == ["C1:1.000001", "C1:2.000001"]


async def test_redelivery_is_acknowledged_and_stored_once(bench: Bench) -> None:
    """The same message with another event id, from another connection, is one message."""
    for number in range(3):
        assert await dispatch(bench, payload() | {"event_id": f"Ev{number}"}) == 200
    assert await bench.keys() == ["C1:1.000001"]
    assert bench.woken == ["C1"]


async def test_failing_auth_test_loses_nothing(bench: Bench) -> None:
    """A message is stored without Slack being asked for anything: `auth.test` cannot lose it."""
    assert await dispatch(bench, payload()) == 200
    assert bench.slack.calls == []


@pytest.mark.parametrize(
    "body",
    [
        payload(type="reaction_added", item={"type": "message"}),
        payload(type="app_mention"),
        payload(type="channel_rename", channel={"id": "C1", "name": "new"}),
        payload(subtype="message_changed", message={"text": "edited", "ts": "1.0"}, hidden=True),
        payload(subtype="channel_join"),
        payload(user="UBOT"),
        payload(bot_id="B2", user="U9"),
        payload(subtype="bot_message", bot_id="B2"),
        payload(bot_id="BBOT", user="UBOT", subtype="message_deleted"),
        {"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1518467820, "api_app_id": "A1"},
        {"type": "event_callback", "event": {"type": "quite_new"}, "team_id": "T1"},
        {"type": "block_suggestion", "action_id": "x", "team": {"id": "T1"}, "user": {"id": "U1"}},
        {"type": "block_actions", "actions": []},
        {"type": "view_closed", "view": None},
        {"type": []},
        {"type": {"a": 1}, "event": {"type": ["message"]}},
        {"type": "event_callback", "event": "text", "authorizations": "none", "team": [], "user": 3},
        {"type": "event_callback", "authorizations": [None], "enterprise": 1, "view": "v"},
        {"type": "event_callback"},
        {},
    ],
)
async def test_the_rest_is_acknowledged_and_not_stored(bench: Bench, body: dict[str, Any]) -> None:
    """Other events, bots' messages and `app_rate_limited` are acknowledged, and none is stored."""
    assert await dispatch(bench, body) == 200
    assert await count(bench.store.inbox) == 0
    assert bench.woken == []


async def test_order_of_many_frames_is_kept(bench: Bench) -> None:
    """500 frames at once are stored in the order received, in every channel."""
    bodies = [payload(f"{number}.000001", channel=f"C{number % 5}") for number in range(500)]
    tasks = [asyncio.create_task(dispatch(bench, body)) for body in bodies]
    assert set(await asyncio.gather(*tasks)) == {200}
    for lane in range(5):
        expected = [f"C{lane}:{number}.000001" for number in range(lane, 500, 5)]
        assert await bench.keys(f"C{lane}") == expected


async def test_dropped_minute_is_told(bench: Bench) -> None:
    """`app_rate_limited` opens a gap that begins with the minute that Slack names."""
    body = {"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1518467820}
    assert await dispatch(bench, body) == 200
    assert bench.missed == [(None, 1518467820.0)]


@pytest.mark.parametrize("type_", ["tokens_revoked", "app_uninstalled"])
async def test_token_that_is_gone_is_told(bench: Bench, type_: str) -> None:
    """When Slack says that the token is gone, it is tried again whether that is so."""
    assert await dispatch(bench, payload(type=type_)) == 200
    assert bench.identity._doubted.is_set()


@pytest.mark.parametrize("levels", [300, 900])
async def test_deep_payload_is_acknowledged_and_left_out(bench: Bench, levels: int) -> None:
    """A payload nested more deeply than JSON can be written would come again for ever: it is left out."""
    deep: Any = "x"
    for _ in range(levels):
        deep = [deep]
    assert await dispatch(bench, payload(blocks=deep)) == 200
    assert await count(bench.store.inbox) == 0


async def test_key_that_no_database_holds(bench: Bench) -> None:
    """Half a surrogate pair, or a NUL, in an id is stored as a text that says so."""
    assert await dispatch(bench, payload(channel="C\ud800\0")) == 200
    assert bench.woken == ["C\\ud800\\0"]


async def test_click_is_stored_once(bench: Bench) -> None:
    """A click that comes twice is one; another click on the same button is another one."""
    click: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": "U1"},
        "channel": {"id": "C1"},
        "trigger_id": "1.2.3",
    }
    click |= {"actions": [{"type": "button", "action_id": "a", "action_ts": "5.1"}]}
    assert [await dispatch(bench, click) for _ in range(2)] == [200, 200]
    assert await dispatch(bench, click | {"trigger_id": "1.2.4"}) == 200
    assert len(await bench.keys()) == 2


async def test_changed_names_are_taken_in(bench: Bench) -> None:
    """A profile that changes is known without asking Slack."""
    user = {"id": "U1", "name": "bobby", "profile": {}}
    assert await dispatch(bench, payload(type="user_change", user=user)) == 200
    assert (await bench.directory.user("U1")).name == "bobby"


async def test_message_while_the_bot_is_not_known_yet(bench: Bench) -> None:
    """Slack is listened to from the start, before the bot knows who it is."""
    bench.identity.user_id = bench.identity.team_id = ""
    assert await dispatch(bench, payload()) == 200
    assert await dispatch(bench, payload("2.0", bot_id="BBOT", user="UBOT")) == 200
    assert await bench.keys() == ["C1:1.000001"]


def signed(body: str, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    stamp = str(int(at or time.time()))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/json",
    }


async def post(app: AsyncApp, body: str, headers: dict[str, str]) -> tuple[int, str]:
    server = web.Application()
    server.router.add_post("/slack/events", HttpEndpoint(app).handle)
    async with (
        serving(server) as url,
        aiohttp.ClientSession() as session,
        session.post(f"{url}/slack/events", data=body.encode(), headers=headers) as response,
    ):
        return response.status, await response.text()


async def test_http_event_is_acknowledged_once_stored(bench: Bench) -> None:
    """A signed request is answered 200 when its message is stored."""
    body = json.dumps(payload(text="ü😀"), ensure_ascii=False)
    assert (await post(bench.app, body, signed(body)))[0] == 200
    assert await bench.keys() == ["C1:1.000001"]


async def test_http_failing_store_is_no_200(bench: Bench, tmp_path: Path) -> None:
    """Over HTTP too a message that cannot be stored is not acknowledged."""
    await dispatch(bench, payload())
    body = json.dumps(payload("2.0", text="x" * 100_000))
    with full_disk(tmp_path):
        assert (await post(bench.app, body, signed(body)))[0] == 503


@pytest.mark.parametrize("how", ["unsigned", "other secret", "too old", "other body", "empty secret"])
async def test_http_request_that_is_not_slacks(bench: Bench, how: str) -> None:
    """A request without Slack's signature, or with an old one, is refused and nothing of it stored."""
    body = json.dumps(payload())
    headers = {
        "unsigned": {"Content-Type": "application/json"},
        "other secret": signed(body, "f" * 32),
        "too old": signed(body, at=time.time() - 600),
        "other body": signed(body + " "),
        "empty secret": signed(body, ""),
    }[how]
    assert (await post(bench.app, body, headers))[0] == 401
    assert await count(bench.store.inbox) == 0


async def test_http_without_a_secret_is_refused(bench: Bench) -> None:
    """No secret configured means refuse, never skip: a request signed with nothing is nobody's."""
    app = bolt(bench.listener, bot_token=BOT_TOKEN, signing_secret="")
    body = json.dumps(payload())
    status, _ = await post(app, body, signed(body, ""))
    assert status != 200
    assert await count(bench.store.inbox) == 0


async def test_http_url_verification(bench: Bench) -> None:
    """Slack's challenge, when the request URL is set, is answered."""
    body = json.dumps({"type": "url_verification", "token": "x", "challenge": "3eZbrw1a"})
    status, text = await post(bench.app, body, signed(body))
    assert status == 200
    assert "3eZbrw1a" in text
