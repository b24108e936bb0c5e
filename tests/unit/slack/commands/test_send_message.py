"""`sendMessage` ends in exactly one event, with every key (contract, section 4)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from command_parts import BOT, CHANNEL
from scripted_slack import Answer, Reply, ScriptedSlack, rate_limited
from slack_parts import Action, Clock, tools_with, virtual_clock

from flyte_slack.pack import Event
from flyte_slack.slack.commands.message_input import LONGEST_MESSAGE
from flyte_slack.slack.commands.send_message import SendMessage

INPUT = {"channelId": "C1", "message": "hello & <b>"}


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack().serve() as served:
        answers: dict[str, Answer] = {"conversations.info": CHANNEL, "users.info": BOT}
        served.judge = lambda call: answers.get(call.method)
        yield served


async def send(
    slack: ScriptedSlack,
    *,
    timeout: float = 5,
    action: Action | None = None,
    clock: Clock | None = None,
    **input_: Any,
) -> Event:
    """Execute the command once, like the pack does; the event is one of those it declares."""
    async with slack.client(timeout) as web:
        command = SendMessage(tools_with(web, clock)).command("https://example.com")
        event = await command.handler(INPUT | input_, action or Action())
    assert event.name in command.events
    return event


async def failure(slack: ScriptedSlack, **arguments: Any) -> dict[str, Any]:
    event = await send(slack, **arguments)
    assert event.name == "MessageSendFailure"
    assert event.payload.keys() == {"channelId", "message", "threadTimestamp", "error", "code", "kind"}
    assert all(isinstance(value, str) for value in event.payload.values())
    return dict(event.payload)


async def test_confirmed_message_is_message_sent(slack: ScriptedSlack) -> None:
    """The result is exact: `origin` is `command`, `timestamp` Slack's, `user` the pack's own bot."""
    event = await send(slack)
    assert event.name == "MessageSent"
    assert event.payload == {
        "origin": "command",
        "channelId": "C1",
        "channelName": "ops",
        "channelType": "channel",
        "message": "hello & <b>",
        "timestamp": "1700000000.000001",
        "threadTimestamp": "1700000000.000001",
        "teamId": "T1",
        "user": {
            "id": "UBOT",
            "name": "flyte",
            "displayName": "Flyte",
            "email": "",
            "title": "",
            "firstName": "",
            "lastName": "",
            "isBot": "true",
        },
        "files": [],
        "plainText": "hello & b",
        "mentions": [],
        "mentionsBot": "false",
        "permalink": "https://acme.slack.com/archives/C1/p1700000000000001",
        "parts": ["1700000000.000001"],
    }
    assert event.wire()["createdAt"] == "2023-11-14T22:13:20.000001Z"


async def test_message_is_slacks_own_text(slack: ScriptedSlack) -> None:
    """`message` of a result is the text as Slack has it, as it is for messages seen."""
    slack.answer("chat.postMessage", {"message": {"text": "hello &amp; &lt;b&gt;", "user": "UBOT"}})
    assert (await send(slack)).payload["message"] == "hello &amp; &lt;b&gt;"


async def test_channel_by_name_is_answered_by_id(slack: ScriptedSlack) -> None:
    """However the channel was called, the result has its id, as Slack told it."""
    slack.answer("chat.postMessage", {"channel": "C1"})
    event = await send(slack, channelId="#ops")
    assert (event.payload["channelId"], event.payload["channelName"]) == ("C1", "ops")
    assert slack.of("chat.postMessage")[0].arguments["channel"] == "#ops"


async def test_direct_message(slack: ScriptedSlack) -> None:
    """A user id opens a direct message: the result has its channel, and no name."""
    slack.answer("conversations.info", {"channel": {"id": "D1", "is_im": True, "user": "U1"}})
    slack.answer("chat.postMessage", {"channel": "D1"})
    event = await send(slack, channelId="U1")
    assert [event.payload[key] for key in ("channelId", "channelName", "channelType")] == ["D1", "", "im"]


async def test_reply_names_its_thread(slack: ScriptedSlack) -> None:
    """The result of a reply has the thread's root."""
    event = await send(slack, threadTimestamp="1699999999.000001")
    assert event.payload["threadTimestamp"] == "1699999999.000001"
    assert slack.posted[0]["thread_ts"] == "1699999999.000001"


async def test_lookups_that_fail_cost_names_only(slack: ScriptedSlack) -> None:
    """A confirmed message is answered with `MessageSent` though its names cannot be looked up."""
    slack.judge = lambda call: "missing_scope" if call.method != "chat.postMessage" else None
    event = await send(slack)
    assert event.name == "MessageSent"
    assert (event.payload["channelName"], event.payload["user"]["isBot"]) == ("", "true")
    assert event.payload["user"]["id"] == "UBOT"


@pytest.mark.parametrize(
    ("input_", "said"),
    [
        ({"channelId": ""}, "channelId is required"),
        ({"message": ""}, "message is required"),
        ({"unfurlLinks": "maybe"}, "unfurlLinks must be true or false"),
        ({"blocks": "{"}, "blocks must be a list"),
        ({"thread_ts": "1.000001"}, "did you mean threadTimestamp?"),
    ],
)
async def test_input_that_cannot_be_read(slack: ScriptedSlack, input_: dict[str, Any], said: str) -> None:
    """Bad input is `invalid_input`, names the field, and Slack is not asked."""
    payload = await failure(slack, **input_)
    assert (payload["code"], payload["kind"]) == ("invalid_input", "input")
    assert said in payload["error"]
    assert slack.calls == []


async def test_failure_echoes_its_input(slack: ScriptedSlack) -> None:
    """A failure tells which message it is about."""
    payload = await failure(slack, threadTimestamp="1.000001", unfurlLinks="maybe")
    assert [payload[key] for key in ("channelId", "message", "threadTimestamp")] == [
        "C1",
        "hello & <b>",
        "1.000001",
    ]
    nothing = await failure(slack, channelId=["C1"], message=None, threadTimestamp={"a": 1})
    assert [nothing[key] for key in ("channelId", "message", "threadTimestamp")] == ["", "", ""]


async def test_failure_echoes_numbers_as_they_were_understood(slack: ScriptedSlack) -> None:
    """A channel, text or thread given as a number is echoed as what was sent: flows compare it."""
    slack.answer("chat.postMessage", "channel_not_found")
    payload = await failure(slack, channelId=12345.0, message=3.0, threadTimestamp=1503435956.1)
    posted = slack.of("chat.postMessage")[0].arguments
    assert (posted["channel"], posted["text"], posted["thread_ts"]) == ("12345", "3", "1503435956.100000")
    assert [payload[key] for key in ("channelId", "message", "threadTimestamp")] == [
        "12345",
        "3",
        "1503435956.100000",
    ]


async def test_too_long_message_is_not_truncated(slack: ScriptedSlack) -> None:
    """40,000 characters go through whole; one more is `message_too_long`, and nothing is posted."""
    assert LONGEST_MESSAGE == 40_000
    longest = "ü" * 40_000
    assert (await send(slack, message=longest)).name == "MessageSent"
    assert slack.posted[0]["text"] == longest
    payload = await failure(slack, message=longest + "x")
    assert (payload["code"], payload["kind"]) == ("message_too_long", "input")
    assert "40001" in payload["error"].replace(",", "")
    assert len(slack.posted) == 1


@pytest.mark.parametrize(
    ("answer", "code", "kind", "said"),
    [
        ("not_in_channel", "not_in_channel", "configuration", "/invite @flyte"),
        ("channel_not_found", "channel_not_found", "configuration", "channelId"),
        ("is_archived", "is_archived", "configuration", "#ops"),
        ("invalid_auth", "invalid_auth", "configuration", "SLACK_BOT_TOKEN"),
        ("msg_too_long", "msg_too_long", "input", "longText"),
        ("quite_new_error", "quite_new_error", "rejected", "quite_new_error"),
        (
            Reply({"ok": False, "error": "missing_scope", "needed": "chat:write.customize"}),
            "missing_scope",
            "configuration",
            "chat:write.customize",
        ),
    ],
)
async def test_refusal(slack: ScriptedSlack, answer: Answer, code: str, kind: str, said: str) -> None:
    """What Slack refuses is told with Slack's code, its kind, and what to do."""
    slack.answer("chat.postMessage", answer)
    payload = await failure(slack)
    assert (payload["code"], payload["kind"]) == (code, kind)
    assert said in payload["error"]


@pytest.mark.parametrize("answer", ["internal_error", "fatal_error", "cut", Reply("", 502)])
async def test_unknown_outcome(slack: ScriptedSlack, answer: Answer) -> None:
    """Where the pack cannot tell it does not guess: `outcome_unknown`, and one post at most."""
    slack.answer("chat.postMessage", answer)
    slack.answer("conversations.history", *["not_in_channel"] * 50)
    slack.answer("conversations.replies", *["not_in_channel"] * 50)
    payload = await failure(slack)
    assert (payload["code"], payload["kind"]) == ("outcome_unknown", "unknown")
    assert len(slack.of("chat.postMessage")) == 1


async def test_unavailable(slack: ScriptedSlack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack asking to wait for ten minutes is `unavailable`: nothing was posted."""
    clock = virtual_clock(monkeypatch)
    slack.answer("chat.postMessage", *[rate_limited(120)] * 50)
    payload = await failure(slack, clock=clock)
    assert (payload["code"], payload["kind"]) == ("unavailable", "unavailable")
    assert "nothing was posted" in payload["error"]
    assert slack.posted == []


async def test_failure_happens_when_it_is_decided(slack: ScriptedSlack) -> None:
    """`createdAt` of a failure is the time it was decided."""
    gate = asyncio.Event()
    slack.answer("chat.postMessage", gate)
    slack.answer("chat.postMessage", "is_archived")
    sending = asyncio.create_task(send(slack))
    while not slack.calls:
        await asyncio.sleep(0)
    assert not sending.done(), "MessageSent is answered only when Slack has confirmed the message"
    gate.set()
    sent = await sending
    failed = await send(slack)
    assert sent.name == "MessageSent"
    assert failed.created_at > sent.created_at
