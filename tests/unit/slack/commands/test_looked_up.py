"""Commands that look up what became of them: scheduled messages and channels (contract, section 10)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import pytest
from command_parts import execute, usual
from scripted_slack import Answer, Call, Reply, ScriptedSlack, error
from slack_parts import Action, Clock, virtual_clock

from flyte_slack.pack import Event
from flyte_slack.slack.commands.cancel_scheduled_message import CancelScheduledMessage
from flyte_slack.slack.commands.create_channel import CreateChannel
from flyte_slack.slack.commands.schedule_message import ScheduleMessage

AMBIGUOUS = ["internal_error", "cut", Reply("", 502)]
OTHER = "f" * 32


class Later(ScriptedSlack):
    """A Slack that remembers scheduled messages and channels.

    Attributes:
        scheduled: the messages that wait.
        channels: the channels that there are.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.scheduled: list[dict[str, Any]] = []
        self.channels: list[dict[str, Any]] = []
        self.judge = self._judge

    def _reply(self, call: Call, answer: Answer | None) -> Reply:
        reply = super()._reply(call, answer)
        return replace(reply, headers={"Date": formatdate(self.clock.time(), usegmt=True)} | reply.headers)

    def _judge(self, call: Call) -> Answer | None:
        arguments = call.arguments
        if call.method == "chat.scheduleMessage":
            return {"channel": "C1", "scheduled_message_id": self.schedule(**arguments)["id"]}
        if call.method == "chat.deleteScheduledMessage":
            there = [each for each in self.scheduled if each["id"] == arguments["scheduled_message_id"]]
            self.scheduled = [each for each in self.scheduled if each not in there]
            return None if there else "invalid_scheduled_message_id"
        if call.method == "chat.scheduledMessages.list":
            start = int(arguments.get("cursor") or 0)
            after = str(start + 1) if start + 1 < len(self.scheduled) else ""
            page = self.scheduled[start : start + 1]
            return {"scheduled_messages": page, "response_metadata": {"next_cursor": after}}
        if call.method == "conversations.create":
            return {"channel": self.create(arguments["name"])}
        if call.method == "conversations.list":
            return {"channels": self.channels}
        return usual(call)

    def schedule(self, text: str = "hi", post_at: int = 0, **_: Any) -> dict[str, Any]:
        """Let a message be scheduled."""
        self.scheduled.append(
            {
                "id": f"Q{len(self.scheduled) + 1}",
                "channel_id": "C1",
                "post_at": int(post_at),
                "date_created": int(self.clock.time()),
                "text": text,
            }
        )
        return self.scheduled[-1]

    def create(self, name: str, **more: Any) -> dict[str, Any]:
        """Let there be a channel."""
        channel = {"id": f"C{len(self.channels) + 7}", "name": name, "creator": "UBOT", "is_channel": True}
        self.channels.append(channel | {"created": int(self.clock.time())} | more)
        return self.channels[-1]

    def lose(self, answer: Answer, method: str, done: bool) -> None:
        """Lose the answer of the next call of a method, or the call itself."""
        if not done:
            self.answer(method, answer)
            return
        judge = self.judge

        def swallow(call: Call) -> Answer | None:
            told = judge(call)
            if call.method == method:
                self.judge = judge
                return answer
            return told

        self.judge = swallow


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_clock(monkeypatch)


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[Later]:
    slack = Later(clock)
    async with slack.serve():
        yield slack


def in_an_hour(clock: Clock) -> int:
    return int(clock.time()) + 3600


async def schedule(slack: Later, action: Action | None = None, **more: Any) -> Event:
    given = {"channelId": "C1", "message": "hi", "postAt": in_an_hour(slack.clock)}
    return await execute(slack, ScheduleMessage, given | more, action, clock=slack.clock)


async def cancel(slack: Later, action: Action | None = None) -> Event:
    given = {"channelId": "C1", "scheduledMessageId": "Q1"}
    return await execute(slack, CancelScheduledMessage, given, action, clock=slack.clock)


async def create(slack: Later, action: Action | None = None) -> Event:
    return await execute(slack, CreateChannel, {"name": "incident-7"}, action, clock=slack.clock)


@pytest.mark.parametrize(
    "given", [lambda at: at, lambda at: f"{at}.0", lambda at: datetime.fromtimestamp(at, UTC).isoformat()]
)
async def test_time_as_people_have_it(slack: Later, clock: Clock, given: Any) -> None:
    """A time may be seconds since the epoch or RFC 3339; the result has it as RFC 3339."""
    at = in_an_hour(clock)
    event = await schedule(slack, postAt=given(at))
    assert event.payload == {
        "channelId": "C1",
        "scheduledMessageId": "Q1",
        "postAt": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "message": "hi",
        "threadTimestamp": "",
    }
    (call,) = slack.of("chat.scheduleMessage")
    assert int(call.arguments["post_at"]) == at
    assert "metadata" not in call.arguments, "Slack never posts scheduled messages that carry it"


@pytest.mark.parametrize("bad", ["tomorrow", True, "2026-12-24T18:00:00", "nan"])
async def test_no_time(slack: Later, bad: object) -> None:
    """What is no time, or has no time zone, is refused."""
    assert "postAt must be a time" in (await schedule(slack, postAt=bad)).payload["error"]


@pytest.mark.parametrize("answer", AMBIGUOUS)
@pytest.mark.parametrize("done", [True, False])
async def test_schedule_is_looked_up(slack: Later, answer: Answer, done: bool) -> None:
    """A message is scheduled once, whether Slack lost the request or the answer, on whichever page it is."""
    for number in range(3):
        slack.schedule(f"another {number}", in_an_hour(slack.clock))
    slack.lose(answer, "chat.scheduleMessage", done)
    event = await schedule(slack)
    assert event.name == "MessageScheduled"
    assert [each["text"] for each in slack.scheduled].count("hi") == 1
    assert event.payload["scheduledMessageId"] == "Q4"


async def test_schedule_is_not_taken_for_another_actions(slack: Later) -> None:
    """A message that is alike, and that another action scheduled, is that one's."""
    keys: dict[tuple[str, str], object] = {}
    await schedule(slack, Action(OTHER, keys=keys))
    slack.lose("cut", "chat.scheduleMessage", done=False)
    event = await schedule(slack, Action(keys=keys))
    assert event.payload["scheduledMessageId"] == "Q2"
    assert len(slack.scheduled) == 2


async def test_schedule_after_a_crash(slack: Later, clock: Clock) -> None:
    """After a crash it is found; once its time is past nobody can tell."""
    at = in_an_hour(clock)
    begun_at = clock.time()
    slack.schedule("hi", at)
    found = await schedule(slack, Action(begun_at=begun_at), postAt=at)
    assert found.payload["scheduledMessageId"] == "Q1"
    assert slack.of("chat.scheduleMessage") == []
    clock.now += 7200
    late = await schedule(slack, Action(begun_at=begun_at), postAt=at)
    assert (late.payload["code"], late.payload["kind"]) == ("outcome_unknown", "unknown")


@pytest.mark.parametrize("answer", AMBIGUOUS)
@pytest.mark.parametrize("done", [True, False])
async def test_cancel_is_repeated(slack: Later, answer: Answer, done: bool) -> None:
    """A message is cancelled though the answer was lost: that it is not there then is success."""
    slack.schedule(post_at=in_an_hour(slack.clock))
    slack.lose(answer, "chat.deleteScheduledMessage", done)
    event = await cancel(slack)
    assert event.payload == {"channelId": "C1", "scheduledMessageId": "Q1"}
    assert slack.scheduled == []


async def test_cancel_of_what_is_not_there(slack: Later) -> None:
    """At the first attempt that the message is not there means that it may have been sent: a failure."""
    event = await cancel(slack)
    assert event.name == "ScheduledMessageCancelFailure"
    assert event.payload["code"] == "invalid_scheduled_message_id"


async def test_cancel_after_its_time(slack: Later, clock: Clock) -> None:
    """If its time came meanwhile, nobody can tell whether it was cancelled or sent."""
    keys: dict[tuple[str, str], object] = {}
    await schedule(slack, Action(OTHER, keys=keys))
    begun_at = clock.time()
    slack.scheduled.clear()
    in_time = await cancel(slack, Action(begun_at=begun_at, keys=keys))
    assert in_time.name == "ScheduledMessageCancelled"
    clock.now += 7200
    late = await cancel(slack, Action(begun_at=begun_at, keys=keys))
    assert late.payload["code"] == "outcome_unknown"


@pytest.mark.parametrize("answer", AMBIGUOUS)
@pytest.mark.parametrize("done", [True, False])
async def test_created_channel_is_looked_up(slack: Later, answer: Answer, done: bool) -> None:
    """A channel is created once, whether Slack lost the request or the answer."""
    slack.lose(answer, "conversations.create", done)
    event = await create(slack)
    assert event.name == "ChannelCreated"
    assert [each["name"] for each in slack.channels] == ["incident-7"]
    assert event.payload["channelName"] == "incident-7"


@pytest.mark.parametrize("more", [{"creator": "U1"}, {"created": 1_600_000_000}])
async def test_channel_of_others_or_older_is_taken(slack: Later, more: dict[str, Any]) -> None:
    """A channel of that name by others, or from before, is not the action's: `name_taken`."""
    slack.create("incident-7", **more)
    slack.answer("conversations.create", "cut", "name_taken")
    event = await create(slack)
    assert (event.name, event.payload["code"]) == ("ChannelCreateFailure", "name_taken")


async def test_channels_that_cannot_be_listed(slack: Later) -> None:
    """If channels cannot be listed nobody can tell, and none is created twice."""
    slack.lose("cut", "conversations.create", done=True)
    slack.answer("conversations.list", error("missing_scope", needed="channels:read"))
    event = await create(slack)
    assert event.payload["code"] == "outcome_unknown"
    assert len(slack.channels) == 1
