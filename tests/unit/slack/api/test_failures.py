"""What Slack's answers mean: every code in its kind, through the real client (facts: slack.md)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from scripted_slack import Answer, Reply, ScriptedSlack, rate_limited
from slack_codes import MESSAGE, TARGET, TOKEN
from slack_sdk.web.async_client import AsyncWebClient

from flyte_slack.slack.api.client import connect
from flyte_slack.slack.api.failures import Failure, Kind, Outcome, read_failure

RETRIED = (
    "ratelimited rate_limited service_unavailable request_timeout org_login_required team_added_to_org "
    "message_limit_exceeded"
)


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack().serve() as served:
        yield served


@pytest.fixture
async def web(slack: ScriptedSlack) -> AsyncIterator[AsyncWebClient]:
    async with slack.client() as client:
        yield client


async def failure(slack: ScriptedSlack, web: AsyncWebClient, answer: Answer) -> Failure:
    """Post once and read what comes of it."""
    slack.answer("chat.postMessage", answer)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is the client's affair
        await web.chat_postMessage(channel="C1", text="hello")
    assert len(slack.calls) == 1, "the client repeats nothing by itself"
    return read_failure(caught.value)


@pytest.mark.parametrize("code", (TOKEN + " " + TARGET).split())
async def test_configuration(slack: ScriptedSlack, web: AsyncWebClient, code: str) -> None:
    """Token, scope and target are the configuration's; Slack will not take it later either."""
    assert await failure(slack, web, code) == Failure(Outcome.REFUSED, code, Kind.CONFIGURATION)


@pytest.mark.parametrize("code", MESSAGE.split())
async def test_input(slack: ScriptedSlack, web: AsyncWebClient, code: str) -> None:
    """A message that Slack calls malformed or too long is the input's."""
    assert await failure(slack, web, code) == Failure(Outcome.REFUSED, code, Kind.INPUT)


@pytest.mark.parametrize("code", ["quite_new_error", "as_user_not_supported", "eoy"])
async def test_rejected(slack: ScriptedSlack, web: AsyncWebClient, code: str) -> None:
    """Any other answer of Slack's, unknown codes included, is rejected, and not tried again."""
    assert await failure(slack, web, code) == Failure(Outcome.REFUSED, code, Kind.REJECTED)


@pytest.mark.parametrize("code", RETRIED.split())
async def test_not_posted(slack: ScriptedSlack, web: AsyncWebClient, code: str) -> None:
    """What Slack did not take, and may take later, was surely not posted."""
    read = await failure(slack, web, code)
    assert (read.outcome, read.kind) == (Outcome.NOT_DONE, Kind.UNAVAILABLE)


@pytest.mark.parametrize("code", ["org_login_required", "team_added_to_org", "message_limit_exceeded"])
async def test_long_back_off(slack: ScriptedSlack, web: AsyncWebClient, code: str) -> None:
    """What takes an administrator or a while is tried again after a long wait."""
    wait = (await failure(slack, web, code)).retry_after
    assert wait is not None
    assert wait >= 30


@pytest.mark.parametrize("code", ["internal_error", "fatal_error"])
async def test_ambiguous(slack: ScriptedSlack, web: AsyncWebClient, code: str) -> None:
    """Slack's own errors do not say whether the message was posted."""
    assert await failure(slack, web, code) == Failure(Outcome.UNKNOWN, code, Kind.UNKNOWN)


@pytest.mark.parametrize("seconds", [0, 1, 30, 3600])
async def test_429_waits_as_told(slack: ScriptedSlack, web: AsyncWebClient, seconds: int) -> None:
    """A 429 posted nothing, and says how long to wait; 0 is not taken for an invitation to hurry."""
    expected = Failure(Outcome.NOT_DONE, "ratelimited", Kind.UNAVAILABLE, max(0.5, float(seconds)))
    assert await failure(slack, web, rate_limited(seconds)) == expected


@pytest.mark.parametrize(
    "answer",
    [
        Reply({"ok": False}, 429),
        Reply("slow down", 429, {"retry-after": "soon"}, "text/plain"),
        Reply("<html>", 429, content_type="text/html"),
    ],
)
async def test_429_that_names_no_time(slack: ScriptedSlack, web: AsyncWebClient, answer: Reply) -> None:
    """A 429 that names no time, as a proxy sends it, is waited for all the same."""
    read = await failure(slack, web, answer)
    assert read.outcome is Outcome.NOT_DONE
    assert read.retry_after


@pytest.mark.parametrize(
    "answer",
    [
        Reply("", 500, content_type="text/plain"),
        Reply("<html>Bad gateway</html>", 502, content_type="text/html"),
        Reply({"ok": False, "error": "service_unavailable"}, 503),
        Reply("upstream timed out", 504, content_type="text/plain"),
        Reply("{broken", 500),
    ],
)
async def test_http_5xx_is_ambiguous(slack: ScriptedSlack, web: AsyncWebClient, answer: Reply) -> None:
    """A 5xx does not say whether the message was posted, whatever stands in it."""
    read = await failure(slack, web, answer)
    assert (read.outcome, read.kind) == (Outcome.UNKNOWN, Kind.UNKNOWN)
    assert read.code


@pytest.mark.parametrize(
    "answer",
    [
        Reply("{broken"),
        Reply("[]"),
        Reply("null"),
        Reply('"text"'),
        Reply(""),
        Reply("ok", content_type="text/plain"),
        Reply("<html>log in to the proxy</html>", content_type="text/html"),
        Reply({"ok": False}),
    ],
)
async def test_unreadable_answer_is_ambiguous(
    slack: ScriptedSlack, web: AsyncWebClient, answer: Reply
) -> None:
    """An answer that is not Slack's does not say whether the message was posted."""
    read = await failure(slack, web, answer)
    assert (read.outcome, read.kind) == (Outcome.UNKNOWN, Kind.UNKNOWN)
    assert read.code


async def test_reset_is_ambiguous(slack: ScriptedSlack, web: AsyncWebClient) -> None:
    """A connection that breaks in mid-call does not say whether the message was posted."""
    assert (await failure(slack, web, "cut")).outcome is Outcome.UNKNOWN


async def test_time_out_is_ambiguous(slack: ScriptedSlack) -> None:
    """A call that is given up may have been processed."""
    gate = asyncio.Event()
    async with slack.client(timeout=0.1) as impatient:
        read = await failure(slack, impatient, gate)
        gate.set()
    assert read == Failure(Outcome.UNKNOWN, "time-out", Kind.UNKNOWN)


async def test_not_reached_is_not_posted(slack: ScriptedSlack) -> None:
    """Where there was no connection, nothing was posted."""
    slack.url = "http://127.0.0.1:9"  # nobody listens there
    async with slack.client() as web:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is the client's affair
            await web.chat_postMessage(channel="C1", text="hello")
    assert read_failure(caught.value) == Failure(Outcome.NOT_DONE, "unreachable", Kind.UNAVAILABLE)


async def test_missing_scope_names_it(slack: ScriptedSlack, web: AsyncWebClient) -> None:
    """The scope that Slack misses is known."""
    answer = Reply({"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "x"})
    assert (await failure(slack, web, answer)).needed == "chat:write"


async def test_redirect_is_refused(slack: ScriptedSlack) -> None:
    """A redirect is not followed, since the token would go along, and is no success."""
    slack.answer("chat.postMessage", Reply("", 307, {"Location": f"{slack.url}/api/elsewhere"}))
    async with connect(f"{slack.url}/api/", "xoxb-1-test") as web:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is the client's affair
            await web.api_call("chat.postMessage", json={"channel": "C1", "text": "hello"})
    assert read_failure(caught.value) == Failure(Outcome.REFUSED, "redirected", Kind.CONFIGURATION)
    assert [call.method for call in slack.calls] == ["chat.postMessage"]


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_proxy_that_refuses_let_nothing_through(status: int) -> None:
    """What a proxy does not connect never left: it is tried again, and the proxy's answer is named."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        async with connect("https://slack.test.invalid/api/", "xoxb-1-test") as web:
            web.proxy = f"http://127.0.0.1:{port}"
            with pytest.raises(Exception) as caught:  # noqa: PT011 - the class is the client's affair
                await web.api_call("chat.postMessage", json={"channel": "C1", "text": "hello"})
    failure = read_failure(caught.value)
    assert (failure.outcome, failure.kind) == (Outcome.NOT_DONE, Kind.UNAVAILABLE)
    assert str(status) in failure.code


async def test_plain_proxy_that_wants_a_password_let_nothing_through(
    slack: ScriptedSlack, web: AsyncWebClient
) -> None:
    """407 is a proxy's answer and never Slack's: nothing was done."""
    read = await failure(slack, web, Reply("", 407, content_type="text/plain"))
    assert (read.outcome, read.kind) == (Outcome.NOT_DONE, Kind.UNAVAILABLE)
    assert "407" in read.code


async def test_retry_after_as_a_date(slack: ScriptedSlack, web: AsyncWebClient) -> None:
    """A gateway's `Retry-After` is a date: it is as long as from the answer's own date."""
    dates = {"Date": "Tue, 14 Nov 2023 22:13:20 GMT", "Retry-After": "Tue, 14 Nov 2023 22:15:20 GMT"}
    read = await failure(slack, web, Reply({"ok": False, "error": "ratelimited"}, 429, dates))
    assert read.retry_after == 120


async def test_details_are_kept_each_once(slack: ScriptedSlack, web: AsyncWebClient) -> None:
    """Slack says what is wrong in two places, in a list each; users have theirs."""
    said = "no more than 50 items allowed [json-pointer:/blocks]"
    answer = Reply(
        {
            "ok": False,
            "error": "invalid_blocks",
            "errors": [
                "no more than 50 items allowed [json-pointer:/blocks]",
                {"user": "U2", "error": "cant"},
            ],
            "response_metadata": {
                "messages": ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"]
            },
        }
    )
    read = await failure(slack, web, answer)
    assert read.details == (said, "U2: cant")
