"""Checks of Slack, against every answer that one may get in its place."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from unittest.mock import patch

import pytest
from check_parts import assert_fails, checks_of, states
from environment import load
from postgres import free_port
from scripted_slack import Answer, Call, Reply, ScriptedSlack, error, rate_limited

from flyte_slack.cli.check import probes
from flyte_slack.cli.check.probes import Check
from flyte_slack.cli.check.slack import SlackProbes
from flyte_slack.slack.app.scopes import Needed, needed
from flyte_slack.slack.offer import chosen_commands, chosen_events

SCOPES = [each for each in needed([*chosen_events(), *chosen_commands()]) if each.name != "commands"]
ALL = [scope.name for scope in SCOPES]
ALWAYS = {"chat:write", "channels:history", "groups:history", "im:history", "mpim:history"}
LISTING = {"channels:read", "groups:read", "im:read", "mpim:read"}
ME = {"ok": True, "user": "flyte", "team": "Example", "team_id": "T1", "user_id": "U1"}
CHANNELS = [
    {"id": "C1", "name": "general", "is_member": True},
    {"id": "C2", "name": "ops", "is_member": False},
]
HTTP = {"SLACK_APP_TOKEN": None, "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef"}


def me(*, scopes: list[str] | None = None, **headers: str) -> Reply:
    """Return the answer to `auth.test`, with all scopes unless told otherwise."""
    return Reply(ME, headers={"X-OAuth-Scopes": ",".join(ALL if scopes is None else scopes), **headers})


def usual(call: Call) -> Answer | None:
    """Answer as a workspace where all is well."""
    joined = [channel for channel in CHANNELS if channel["is_member"]]
    answers: dict[str, Answer] = {
        "auth.test": me(),
        "users.conversations": {"channels": joined},
        "conversations.list": {"channels": CHANNELS},
    }
    return answers.get(call.method)


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    scripted = ScriptedSlack()
    scripted.judge = usual
    async with scripted.serve():
        yield scripted


async def look(slack: ScriptedSlack | str, **environment: str | None) -> dict[str, Check]:
    url = slack if isinstance(slack, str) else f"{slack.url}/api/"
    async with SlackProbes(load(**{"SLACK_API_URL": url, **environment})) as tried:
        return await checks_of(tried.probes())


async def test_all_holds(slack: ScriptedSlack) -> None:
    """Of a Slack as it should be every check holds; what is called changes nothing, and once each."""
    checks = await look(slack)
    assert states(checks) == dict.fromkeys(
        ["slack_reachable", "slack_bot_token", "slack_scopes", "slack_app_token", "clock"], True
    )
    assert not any(check.remedy for check in checks.values())
    assert "flyte" in checks["slack_bot_token"].detail
    assert "Example" in checks["slack_bot_token"].detail
    assert sorted((call.method, call.token) for call in slack.calls) == [
        ("apps.connections.open", "xapp-1"),
        ("auth.test", "xoxb-1"),
    ]


async def test_refused_connection() -> None:
    """Where nobody listens, SLACK_API_URL is at fault, and the rest is not tried."""
    checks = await look(f"http://127.0.0.1:{free_port()}/api/")
    assert_fails(checks["slack_reachable"], "SLACK_API_URL", "ClientConnectorError", "HTTPS_PROXY")
    assert not any(states(checks).values())
    for name in ("slack_bot_token", "slack_scopes", "slack_app_token", "clock"):
        assert "Slack reachable" in checks[name].remedy


@pytest.mark.parametrize(
    "answer",
    [
        Reply("<html>hello</html>", content_type="text/html"),
        Reply("{not JSON", content_type="application/json"),
        Reply("", 404),
        Reply("", 503),
        Reply({"hello": "world"}),
    ],
)
async def test_something_else_than_slack(slack: ScriptedSlack, answer: Reply) -> None:
    """A server that answers, but not as Slack, is SLACK_API_URL's fault."""
    slack.judge = lambda call: answer
    checks = await look(slack)
    assert_fails(
        checks["slack_reachable"], "SLACK_API_URL", "does not answer as Slack does", "https://slack.com/api/"
    )
    for name in ("slack_bot_token", "slack_scopes", "slack_app_token", "clock"):
        assert "Slack reachable" in checks[name].remedy


async def test_cut_connection(slack: ScriptedSlack) -> None:
    """A connection that is cut is told."""
    slack.judge = lambda call: "cut"
    assert_fails((await look(slack))["slack_reachable"], "SLACK_API_URL", "Disconnected")


async def test_hanging_server(slack: ScriptedSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Slack that never answers costs each check its time-out, and they pass at the same time."""
    gate = asyncio.Event()
    slack.judge = lambda call: gate if not gate.is_set() else None
    monkeypatch.setattr(probes, "TIMEOUT", 0.3)
    start = asyncio.get_running_loop().time()
    checks = await look(slack)
    gate.set()
    assert asyncio.get_running_loop().time() - start < 1
    assert not any(states(checks).values())
    assert_fails(checks["slack_reachable"], "SLACK_API_URL", "0.3 s", "auth.test")
    assert_fails(checks["slack_app_token"], "SLACK_APP_TOKEN", "apps.connections.open")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("invalid_auth", "OAuth & Permissions"),
        ("not_authed", "OAuth & Permissions"),
        ("account_inactive", "install the app again"),
        ("token_revoked", "install the app again"),
        ("token_expired", "install the app again"),
        ("something_new", "something_new"),
        ("internal_error", "try again"),
    ],
)
async def test_bot_token(slack: ScriptedSlack, code: str, words: str) -> None:
    """A bot token that Slack refuses is told with Slack's code and what to do; its value is not."""
    slack.answer("auth.test", error(code))
    checks = await look(slack, SLACK_BOT_TOKEN="xoxb-the-value")
    assert_fails(checks["slack_bot_token"], "SLACK_BOT_TOKEN", code, words)
    assert checks["slack_reachable"].ok
    assert checks["slack_app_token"].ok
    assert_fails(checks["slack_scopes"], "SLACK_BOT_TOKEN", "Slack bot token")
    assert "the-value" not in str(checks)


async def test_alias_of_the_bot_token(slack: ScriptedSlack) -> None:
    """Where the bot token came from FLYTE_SLACK_TOKEN, that is named."""
    slack.answer("auth.test", error("invalid_auth"))
    with patch.dict(os.environ, {"FLYTE_SLACK_TOKEN": "xoxb-2"}):
        checks = await look(slack, SLACK_BOT_TOKEN=None, FLYTE_SLACK_TOKEN="xoxb-2")
    assert_fails(checks["slack_bot_token"], "FLYTE_SLACK_TOKEN", "invalid_auth")


async def test_rate_limit(slack: ScriptedSlack) -> None:
    """A 429 is told with how long to wait."""
    slack.answer("auth.test", rate_limited(30))
    slack.answer("apps.connections.open", rate_limited(40))
    checks = await look(slack)
    assert checks["slack_reachable"].ok
    assert_fails(checks["slack_bot_token"], "SLACK_BOT_TOKEN", "30 s")
    assert_fails(checks["slack_app_token"], "SLACK_APP_TOKEN", "40 s")


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name)
async def test_one_scope_missing(slack: ScriptedSlack, scope: Needed) -> None:
    """A missing scope is named with who needs it; by default it fails only what nothing goes without."""
    slack.answer("auth.test", me(scopes=[name for name in ALL if name != scope.name]))
    check = (await look(slack))["slack_scopes"]
    assert f"{scope.name} (" in check.detail
    assert (scope.required_by or scope.used_by)[0] in check.detail
    if scope.name in ALWAYS | LISTING:
        assert_fails(check, "SLACK_BOT_TOKEN", "missing: ", "OAuth & Permissions")
    else:
        assert check.ok


@pytest.mark.parametrize(
    ("variable", "name", "scope"),
    [
        ("FLYTE_SLACK_EVENTS", "ReactionAdded", "reactions:read"),
        ("FLYTE_SLACK_COMMANDS", "addReaction", "reactions:write"),
        ("FLYTE_SLACK_COMMANDS", "pinMessage", "pins:write"),
    ],
)
async def test_what_was_chosen_by_name(slack: ScriptedSlack, variable: str, name: str, scope: str) -> None:
    """Who chooses an event or a command by name cannot do without its scope."""
    slack.answer("auth.test", me())
    check = (await look(slack, **{variable: f"MessageSent,{name}" if "E" in variable[-6:] else name}))[
        "slack_scopes"
    ]
    if scope in ALL:
        assert check.ok
        slack.answer("auth.test", me(scopes=[each for each in ALL if each != scope]))
        check = (await look(slack, **{variable: name}))["slack_scopes"]
    assert_fails(check, "SLACK_BOT_TOKEN", scope, name)


@pytest.mark.parametrize(
    ("catch_up", "channels", "ok"),
    [("0", None, True), ("0", "C1", True), ("0", "#general", False), ("60", "C1", False)],
)
async def test_scopes_by_what_is_set(
    slack: ScriptedSlack, catch_up: str, channels: str | None, ok: bool
) -> None:
    """The scopes that list channels are needed for missed messages and for #names, and only then."""
    slack.answer("auth.test", me(scopes=[name for name in ALL if name != "groups:read"]))
    checks = await look(slack, FLYTE_SLACK_CATCH_UP=catch_up, FLYTE_SLACK_CHANNELS=channels)
    assert checks["slack_scopes"].ok is ok
    assert "groups:read" in checks["slack_scopes"].detail


async def test_no_scopes_at_all(slack: ScriptedSlack) -> None:
    """An empty header means that none was granted."""
    slack.answer("auth.test", me(scopes=[]))
    assert_fails((await look(slack))["slack_scopes"], "SLACK_BOT_TOKEN", "chat:write (", "im:history (")


async def test_scopes_that_slack_does_not_tell(slack: ScriptedSlack) -> None:
    """Where the header is missing, nothing is held against the token."""
    slack.answer("auth.test", Reply(ME))
    check = (await look(slack))["slack_scopes"]
    assert (check.ok, check.detail) == (True, "Slack does not tell which were granted")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error("invalid_auth"), "xapp-…"),
        (error("not_allowed_token_type"), "App-Level Token"),
        (error("missing_scope", needed="connections:write"), "scope connections:write"),
        (error("link_disabled"), "turn Socket Mode on"),
        (error("fatal_error"), "try again"),
        (error("unknown_method"), "check SLACK_API_URL"),
    ],
)
async def test_app_token(slack: ScriptedSlack, answer: Reply, words: str) -> None:
    """An app token that gets no connection is told with Slack's code and what to do; its value is not."""
    slack.answer("apps.connections.open", answer)
    checks = await look(slack, SLACK_APP_TOKEN="xapp-the-value")
    assert isinstance(answer.body, dict)
    assert_fails(checks["slack_app_token"], "SLACK_APP_TOKEN", answer.body["error"], words)
    assert checks["slack_bot_token"].ok
    assert "the-value" not in str(checks)


async def test_ticket_is_not_told(slack: ScriptedSlack) -> None:
    """The address that Slack gives out is a secret, and is used for nothing."""
    slack.answer("apps.connections.open", {"url": "wss://wss.example.com/link/?ticket=the-ticket"})
    checks = await look(slack)
    assert checks["slack_app_token"].ok
    assert "ticket" not in str(checks)


async def test_http_mode(slack: ScriptedSlack) -> None:
    """In HTTP mode there is a signing secret in place of the app token, which is not tried."""
    checks = await look(slack, **HTTP)
    assert "slack_app_token" not in checks
    assert checks["slack_signing_secret"].ok
    assert slack.of("apps.connections.open") == []


async def test_strange_signing_secret(slack: ScriptedSlack) -> None:
    """A signing secret that doesn't look like Slack's is told, without its value; it may be right."""
    check = (await look(slack, **HTTP | {"SLACK_SIGNING_SECRET": "not-of-slack"}))["slack_signing_secret"]
    assert check.ok
    assert check.variable == "SLACK_SIGNING_SECRET"
    assert "32 hexadecimal digits" in check.detail
    assert "not-of-slack" not in str(check)


@pytest.mark.parametrize(
    ("ahead", "ok", "words"),
    [(30, True, "agrees"), (-30, True, "agrees"), (120, False, "behind"), (-120, False, "ahead of")],
)
async def test_clock(slack: ScriptedSlack, ahead: int, ok: bool, words: str) -> None:
    """A clock that is off by more than a minute fails."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    slack.answer("auth.test", me(Date=date))
    check = (await look(slack))["clock"]
    assert check.ok is ok
    assert words in check.detail
    if not ok:
        assert_fails(check, "SLACK_API_URL", "NTP")


async def test_clock_with_a_refused_token(slack: ScriptedSlack) -> None:
    """The time is also in the answer to a token that is refused."""
    date = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    slack.answer("auth.test", Reply({"ok": False, "error": "invalid_auth"}, headers={"Date": date}))
    assert_fails((await look(slack))["clock"], "SLACK_API_URL", "ahead of", "NTP")


async def test_unreadable_date(slack: ScriptedSlack) -> None:
    """A date that is none is nobody's fault."""
    slack.answer("auth.test", me(Date="yesterday"))
    assert (await look(slack))["clock"].ok


@pytest.mark.parametrize("channels", ["C1", "#general", "#general,C1"])
async def test_channels_that_are_joined(slack: ScriptedSlack, channels: str) -> None:
    """Channels by id and by name, which the bot is in, hold."""
    check = (await look(slack, FLYTE_SLACK_CHANNELS=channels))["slack_channels"]
    assert check.ok
    assert check.variable == "FLYTE_SLACK_CHANNELS"


@pytest.mark.parametrize(
    ("channels", "outside", "unknown"),
    [
        ("#ops", "#ops", ""),
        ("C1,C2", "C2", ""),
        ("#nix,C9", "", "#nix, C9"),
        ("general", "", "general"),
        ("C2,C9", "C2", "C9"),
    ],
)
async def test_channels_that_are_not(slack: ScriptedSlack, channels: str, outside: str, unknown: str) -> None:
    """Each channel that is not there, or that the bot is not in, is named, with the bot's /invite."""
    check = (await look(slack, FLYTE_SLACK_CHANNELS=channels))["slack_channels"]
    assert_fails(check, "FLYTE_SLACK_CHANNELS", "/invite @flyte")
    assert (f"the bot is not in {outside}" in check.detail) is bool(outside)
    assert (f"not found, or private and the bot is not in: {unknown}" in check.detail) is bool(unknown)


async def test_channels_on_later_pages(slack: ScriptedSlack) -> None:
    """All pages of the list are read."""
    slack.answer(
        "users.conversations",
        {"channels": [], "response_metadata": {"next_cursor": "more"}},
        {"channels": [CHANNELS[0]]},
    )
    assert (await look(slack, FLYTE_SLACK_CHANNELS="#general"))["slack_channels"].ok


async def test_channels_without_the_scope(slack: ScriptedSlack) -> None:
    """Where Slack does not list channels, its code and the scope are told."""
    slack.answer("users.conversations", error("missing_scope", needed="groups:read"))
    check = (await look(slack, FLYTE_SLACK_CHANNELS="#general"))["slack_channels"]
    assert_fails(check, "FLYTE_SLACK_CHANNELS", "missing_scope", "groups:read")


async def test_channels_are_not_asked_for_in_vain(slack: ScriptedSlack) -> None:
    """Without FLYTE_SLACK_CHANNELS nothing is listed; with a refused bot token neither."""
    assert "slack_channels" not in await look(slack)
    slack.answer("auth.test", error("invalid_auth"))
    checks = await look(slack, FLYTE_SLACK_CHANNELS="C1")
    assert_fails(checks["slack_channels"], "FLYTE_SLACK_CHANNELS", "Slack bot token")
    assert slack.of("users.conversations") + slack.of("conversations.list") == []
