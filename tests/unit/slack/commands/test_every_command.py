"""What holds for every command: its events and their keys, failures, limits, doubt, scopes, lenient input."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from command_parts import execute, usual
from scripted_slack import Answer, Reply, ScriptedSlack, error, rate_limited
from slack_parts import Action, Clock, virtual_clock

from flyte_slack.slack.offer import COMMANDS

AMBIGUOUS = [
    "internal_error",
    "fatal_error",
    "cut",
    Reply("", 503, content_type="text/plain"),
    Reply("{broken"),
]
TS = "1602251441.001700"
HERE = {"channelId": "C1", "timestamp": TS}


@dataclass(frozen=True)
class Case:
    """A command, and how it is when all is well.

    Attributes:
        given: its least input.
        method: what it calls.
        event: its success.
        keys: of the failure, beside those of every failure.
        unknown: what an unknown outcome leads to: `repeated`, `never`, or `looked up`.
        already: codes that are success.
    """

    given: dict[str, Any]
    method: str
    event: str
    keys: str
    unknown: str = "repeated"
    already: tuple[str, ...] = ()
    tools: dict[str, Any] = field(default_factory=dict)


VIEW = {"callback_id": "reason", "title": "Reason", "blocks": []}
CASES = {
    "sendMessage": Case(
        {"channelId": "C1", "message": "hi"},
        "chat.postMessage",
        "MessageSent",
        "channelId message threadTimestamp",
        "looked up",
    ),
    "sendEphemeralMessage": Case(
        {"channelId": "C1", "userId": "U1", "message": "hi"},
        "chat.postEphemeral",
        "EphemeralMessageSent",
        "channelId userId",
        "never",
    ),
    "scheduleMessage": Case(
        {"channelId": "C1", "message": "hi", "postAt": 4102444800},
        "chat.scheduleMessage",
        "MessageScheduled",
        "channelId message threadTimestamp postAt",
        "looked up",
    ),
    "cancelScheduledMessage": Case(
        {"channelId": "C1", "scheduledMessageId": "Q1"},
        "chat.deleteScheduledMessage",
        "ScheduledMessageCancelled",
        "channelId scheduledMessageId",
    ),
    "updateMessage": Case({**HERE, "message": "hi"}, "chat.update", "MessageUpdated", "channelId timestamp"),
    "deleteMessage": Case(
        HERE, "chat.delete", "MessageDeleted", "channelId timestamp", already=("message_not_found",)
    ),
    "addReaction": Case(
        {**HERE, "reaction": ":eyes:"},
        "reactions.add",
        "ReactionAdded",
        "channelId timestamp reaction",
        already=("already_reacted",),
    ),
    "removeReaction": Case(
        {**HERE, "reaction": "eyes"},
        "reactions.remove",
        "ReactionRemoved",
        "channelId timestamp reaction",
        already=("no_reaction",),
    ),
    "pinMessage": Case(HERE, "pins.add", "MessagePinned", "channelId timestamp", already=("already_pinned",)),
    "unpinMessage": Case(
        HERE, "pins.remove", "MessageUnpinned", "channelId timestamp", already=("no_pin", "not_pinned")
    ),
    "openModal": Case(
        {"triggerId": "1.2.3", "view": VIEW}, "views.open", "ModalOpened", "triggerId", "never"
    ),
    "updateModal": Case({"viewId": "V1", "view": VIEW}, "views.update", "ModalUpdated", "viewId"),
    "findChannel": Case({"channelId": "C1"}, "conversations.info", "ChannelFound", "channelId"),
    "findUser": Case({"userId": "UBOT"}, "users.info", "UserFound", "userId email name"),
    "readThread": Case(
        {"channelId": "C1", "threadTimestamp": TS},
        "conversations.replies",
        "ThreadRead",
        "channelId threadTimestamp",
    ),
    "createChannel": Case(
        {"name": "incident-7"}, "conversations.create", "ChannelCreated", "name", "looked up"
    ),
    "inviteToChannel": Case(
        {"channelId": "C1", "userIds": "U1"},
        "conversations.invite",
        "MembersInvited",
        "channelId userIds",
        already=("already_in_channel",),
    ),
    "setChannelTopic": Case(
        {"channelId": "C1", "topic": "new topic"}, "conversations.setTopic", "ChannelTopicSet", "channelId"
    ),
    "archiveChannel": Case(
        {"channelId": "C1"},
        "conversations.archive",
        "ChannelArchived",
        "channelId",
        already=("already_archived",),
    ),
    "callSlackApi": Case(
        {"method": "usergroups.disable"},
        "usergroups.disable",
        "SlackApiCalled",
        "method",
        "never",
        tools={"api_methods": ("usergroups.*",)},
    ),
}
ELSEWHERE = {"respond", "uploadFile"}
"""Commands with a test file of their own for all of this: they call more than one method, or none."""

BY_NAME = {command.name: command for command in COMMANDS}
ALL = pytest.mark.parametrize("name", sorted(CASES))


def those(unknown: str) -> pytest.MarkDecorator:
    """Go through the commands with this answer to an unknown outcome."""
    names = sorted(name for name, case in CASES.items() if case.unknown == unknown)
    return pytest.mark.parametrize("name", names)


def whose(field: str) -> pytest.MarkDecorator:
    """Go through the commands that have an input."""
    names = sorted(name for name in CASES if field in BY_NAME[name].input.model_fields)
    return pytest.mark.parametrize("name", names)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_clock(monkeypatch)


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack().serve() as served:
        served.judge = usual
        yield served


async def run(
    slack: ScriptedSlack, name: str, clock: Clock | None = None, action: Action | None = None, **more: Any
) -> Any:
    case = CASES[name]
    return await execute(slack, BY_NAME[name], case.given | more, action, clock=clock, **case.tools)


def test_every_command_is_tried() -> None:
    """No command is left out of these tests."""
    assert CASES.keys() | ELSEWHERE == BY_NAME.keys()


@ALL
async def test_success(slack: ScriptedSlack, name: str) -> None:
    """A command ends in the event of its success, with exactly the keys that it declares."""
    event = await run(slack, name)
    command = BY_NAME[name]
    assert event.name == CASES[name].event
    declared = command.succeeds[event.name].model_fields.values()
    assert event.payload.keys() == {field.alias for field in declared}
    assert slack.of(CASES[name].method)


@ALL
@pytest.mark.parametrize(
    ("answer", "code", "kind"),
    [
        ("invalid_auth", "invalid_auth", "configuration"),
        ("channel_not_found", "channel_not_found", "configuration"),
        ("invalid_arguments", "invalid_arguments", "input"),
        ("quite_new_error", "quite_new_error", "rejected"),
    ],
)
async def test_refusal(slack: ScriptedSlack, name: str, answer: Answer, code: str, kind: str) -> None:
    """What Slack refuses is the failure event: the inputs as given, Slack's code, its kind, a sentence."""
    case = CASES[name]
    slack.answer(case.method, answer)
    event = await run(slack, name)
    assert event.name == BY_NAME[name].fails
    assert event.payload.keys() == {*case.keys.split(), "error", "code", "kind"}
    assert (event.payload["code"], event.payload["kind"]) == (code, kind)
    assert len(event.payload["error"].split()) > 4
    for key in case.keys.split():
        assert event.payload[key] == str(case.given.get(key, "")), "as given"


@ALL
async def test_missing_scope(slack: ScriptedSlack, name: str) -> None:
    """A missing scope is the configuration's, and named."""
    slack.answer(CASES[name].method, error("missing_scope", needed="some:scope"))
    event = await run(slack, name)
    assert (event.payload["code"], event.payload["kind"]) == ("missing_scope", "configuration")
    assert "some:scope" in event.payload["error"]


@ALL
async def test_details_are_told(slack: ScriptedSlack, name: str) -> None:
    """What Slack says beside its code is in the sentence."""
    slack.answer(CASES[name].method, error("invalid_arguments", errors=["[ERROR] unknown element"]))
    assert "unknown element" in (await run(slack, name)).payload["error"]


@ALL
async def test_rate_limit(slack: ScriptedSlack, name: str, clock: Clock) -> None:
    """Slack asking to wait costs nothing but that time."""
    slack.answer(CASES[name].method, rate_limited(90))
    assert (await run(slack, name, clock)).name == CASES[name].event
    assert sum(clock.slept) == 90


@those(unknown="repeated")
@pytest.mark.parametrize("answer", AMBIGUOUS)
async def test_repeated(slack: ScriptedSlack, name: str, clock: Clock, answer: Answer) -> None:
    """What may be done twice is called again after an unknown outcome, whatever that was."""
    slack.answer(CASES[name].method, answer)
    assert (await run(slack, name, clock)).name == CASES[name].event


@those(unknown="repeated")
async def test_repeated_after_a_crash(slack: ScriptedSlack, name: str, clock: Clock) -> None:
    """What may be done twice is done after a crash."""
    assert (await run(slack, name, clock, Action(begun_at=1.0))).name == CASES[name].event


@those(unknown="never")
@pytest.mark.parametrize("answer", AMBIGUOUS)
async def test_never_repeated(slack: ScriptedSlack, name: str, clock: Clock, answer: Answer) -> None:
    """What must not be done twice, and cannot be looked up, is `outcome_unknown` after one call."""
    slack.answer(CASES[name].method, answer)
    event = await run(slack, name, clock)
    assert event.name == BY_NAME[name].fails
    assert (event.payload["code"], event.payload["kind"]) == ("outcome_unknown", "unknown")
    assert len(slack.of(CASES[name].method)) == 1


@those(unknown="never")
async def test_never_repeated_after_a_crash(slack: ScriptedSlack, name: str, clock: Clock) -> None:
    """After a crash nobody knows whether it was done: it is not done again."""
    event = await run(slack, name, clock, Action(begun_at=1.0))
    assert event.payload["code"] == "outcome_unknown"
    assert slack.of(CASES[name].method) == []


@pytest.mark.parametrize(
    ("name", "code"), [(name, code) for name, case in CASES.items() for code in case.already]
)
async def test_already_so_is_success(slack: ScriptedSlack, name: str, code: str) -> None:
    """What is so already is a success, at the first attempt too."""
    slack.answer(CASES[name].method, code)
    assert (await run(slack, name)).name == CASES[name].event


@ALL
async def test_unknown_field(slack: ScriptedSlack, name: str) -> None:
    """A field that there is not is `invalid_input`, and Slack is not asked."""
    event = await run(slack, name, zzz="1")
    assert (event.payload["code"], event.payload["kind"]) == ("invalid_input", "input")
    assert "zzz" in event.payload["error"]
    assert slack.calls == []


@ALL
async def test_nothing_given(slack: ScriptedSlack, name: str) -> None:
    """Without its inputs a command says which are required."""
    event = await execute(slack, BY_NAME[name], {}, **CASES[name].tools)
    assert event.payload["code"] == "invalid_input"
    assert "required" in event.payload["error"]
    assert slack.calls == []


@whose("channel_id")
async def test_channel_by_name(slack: ScriptedSlack, name: str) -> None:
    """A channel may be given by its name: the result has its id."""
    slack.answer("conversations.list", {"channels": [{"id": "C1", "name": "ops"}]})
    if name == "sendMessage":
        slack.answer("chat.postMessage", {"channel": "C1"})
    event = await run(slack, name, channelId="#ops")
    assert event.name == CASES[name].event
    assert event.payload["channelId"] == "C1"


@whose("timestamp")
@pytest.mark.parametrize("given", [1602251441.0017, "1602251441.0017", "p1602251441001700", f" {TS}\n"])
async def test_timestamp_as_people_have_it(slack: ScriptedSlack, name: str, given: object) -> None:
    """A timestamp reaches Slack whole, however it was given."""
    event = await run(slack, name, timestamp=given)
    assert event.payload["timestamp"] == TS
    arguments = slack.of(CASES[name].method)[0].arguments
    assert TS in {arguments.get("timestamp"), arguments.get("ts")}
