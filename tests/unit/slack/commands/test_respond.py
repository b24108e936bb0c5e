"""`respond`: to Slack's own addresses only, without a token, once (contract, section 10)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from command_parts import execute
from scripted_slack import ScriptedSlack
from slack_parts import Action, Clock, virtual_clock

from flyte_slack.pack import Event
from flyte_slack.slack.commands.respond import Respond, is_response_url


class Hooks(ScriptedSlack):
    """A Slack with response URLs.

    Attributes:
        responses: what was posted to them.
        replies: to the next posts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.responses: list[dict[str, Any]] = []
        self.replies: list[web.Response | None] = []
        self.route = web.post("/actions/{token}", self._respond)

    async def _respond(self, request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        self.responses.append(await request.json())
        reply = self.replies.pop(0) if self.replies else web.Response(text="ok")
        if reply is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return reply


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_clock(monkeypatch)


@pytest.fixture
async def slack() -> AsyncIterator[Hooks]:
    slack = Hooks()
    async with slack.serve(slack.route):
        yield slack


async def respond(
    slack: Hooks, action: Action | None = None, clock: Clock | None = None, **more: Any
) -> Event:
    given = {"responseUrl": f"{slack.url}/actions/secret", "message": "<!here> done"}
    return await execute(slack, Respond, given | more, action, clock=clock)


async def test_response_is_sent(slack: Hooks) -> None:
    """The response goes out as Slack wants it, without a token, and rings nobody it may not."""
    event = await respond(
        slack, inChannel="true", replaceOriginal=False, deleteOriginal="false", threadTimestamp="1.000001"
    )
    assert (event.name, event.payload) == ("ResponseSent", {"message": "@here done"})
    assert slack.responses == [
        {
            "response_type": "in_channel",
            "replace_original": False,
            "delete_original": False,
            "thread_ts": "1.000001",
            "text": "@here done",
            "parse": "none",
            "link_names": False,
        }
    ]


async def test_deletion_needs_no_message(slack: Hooks) -> None:
    """The message clicked on can be deleted without saying anything."""
    assert (await respond(slack, message="", deleteOriginal=True)).name == "ResponseSent"
    assert slack.responses == [{"delete_original": True}]
    event = await respond(slack, message="")
    assert event.payload["code"] == "invalid_input"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (web.Response(status=404, text="used_url"), "used_url"),
        (web.Response(status=404, text="expired_url"), "expired_url"),
        (web.json_response({"ok": False, "error": "invalid_blocks"}), "invalid_blocks"),
        (web.Response(status=302, headers={"Location": "/elsewhere"}), "redirected"),
    ],
)
async def test_refusal(
    slack: Hooks, reply: web.Response, code: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """What Slack refuses is the failure, without the address, which is a secret; no redirect is followed."""
    slack.replies = [reply]
    event = await respond(slack)
    assert event.name == "ResponseSendFailure"
    assert event.payload.keys() == {"error", "code", "kind"}
    assert event.payload["code"] == code
    assert len(slack.responses) == 1
    assert "secret" not in str(event.payload) + "".join(capfd.readouterr())


@pytest.mark.parametrize("reply", [None, web.Response(status=500), web.Response(status=503, text="busy")])
async def test_unknown_outcome(slack: Hooks, reply: web.Response | None) -> None:
    """A response that may have been taken is not sent again."""
    slack.replies = [reply]
    event = await respond(slack)
    assert (event.payload["code"], event.payload["kind"]) == ("outcome_unknown", "unknown")
    assert len(slack.responses) == 1
    event = await respond(slack, Action(begun_at=1.0))
    assert event.payload["code"] == "outcome_unknown"
    assert len(slack.responses) == 1


async def test_rate_limit(slack: Hooks, clock: Clock) -> None:
    """A 429 took nothing: the response is sent after the time that Slack asked for."""
    slack.replies = [web.Response(status=429, headers={"Retry-After": "7"})]
    assert (await respond(slack, clock=clock)).name == "ResponseSent"
    assert sum(clock.slept) == 7


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://hooks.slack.com/actions/T1/1/a", True),
        ("https://hooks.slack.com:443/actions/T1/1/a", True),
        ("https://HOOKS.slack.com/a", True),
        ("http://hooks.slack.com/a", False),
        ("https://hooks.slack.com:8443/a", False),
        ("https://hooks.slack.com.evil.example/a", False),
        ("https://hooks.slack.com@evil.example/a", False),
        ("https://evil.example\\@hooks.slack.com/a", False),
        ("https://user:password@hooks.slack.com/a", False),
        ("https://evil.example/hooks.slack.com", False),
        ("https://slack.test:8443/a", True),
        ("http://slack.test/a", False),
        ("ftp://slack.test/a", False),
        ("https://[broken", False),
        ("hooks.slack.com/a", False),
        ("https://hooks.slack.com /a", False),
    ],
)
def test_addresses(url: str, is_one: bool) -> None:
    """Only Slack's own addresses, or those of the server that stands in for Slack, are posted to."""
    assert is_response_url(url, "https://slack.test/api/") is is_one


async def test_other_address_is_refused(slack: Hooks) -> None:
    """Any other address is `invalid_input`, and nothing is sent."""
    event = await respond(slack, responseUrl="https://evil.example/a")
    assert (event.payload["code"], event.payload["kind"]) == ("invalid_input", "input")
    assert slack.responses == []
