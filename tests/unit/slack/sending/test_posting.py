"""Posting: paced, retried where nothing was posted, never blindly twice (promises 5 and 6)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from remembering_slack import RememberingSlack
from scripted_slack import Answer, Call, Reply, rate_limited
from slack_parts import IDENTITY, Action, Clock, posting_with, virtual_clock
from support import eventually

from flyte_slack import retries
from flyte_slack.errors import CallRefused, OutcomeUnknown
from flyte_slack.slack.api.failures import Kind
from flyte_slack.slack.sending.likeness import metadata
from flyte_slack.slack.sending.pace import BURST
from flyte_slack.slack.sending.posting import Posting

AMBIGUOUS = [
    "internal_error",
    "fatal_error",
    "cut",
    Reply("", 500, content_type="text/plain"),
    Reply("<html>", 502, content_type="text/html"),
    Reply({"ok": False, "error": "service_unavailable"}, 503),
    Reply("{broken"),
]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_clock(monkeypatch)


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[RememberingSlack]:
    slack = RememberingSlack("C1", "C2")
    slack.now = clock.time
    async with slack.serve():
        yield slack


@pytest.fixture
async def posting(slack: RememberingSlack, clock: Clock) -> AsyncIterator[Posting]:
    async with slack.client() as web:
        yield posting_with(web, clock)


def message(channel: str = "C1", **more: Any) -> dict[str, Any]:
    return {"channel": channel, "text": "hi"} | more


async def test_post_is_confirmed(slack: RememberingSlack, posting: Posting) -> None:
    """A post returns Slack's confirmation."""
    answer = await posting.post(message(), Action())
    assert (answer["channel"], answer["ts"]) == ("C1", slack.written()[0]["ts"])
    assert slack.posted[0]["text"] == "hi"


async def test_post_carries_the_actions_identity(slack: RememberingSlack, posting: Posting) -> None:
    """Each post carries metadata with the action's identity, flat and in snake_case, and no more."""
    await posting.post(message(), Action())
    assert slack.posted[0]["metadata"] == {
        "event_type": "flyte_action",
        "event_payload": {"action_id": IDENTITY},
    }


async def test_executing_is_on_disk_before_the_post(slack: RememberingSlack, posting: Posting) -> None:
    """That a post begins is recorded before it is sent; that it had no effect, before the next try."""
    action = Action()

    def note(call: Call) -> Answer | None:
        action.log.append("post")
        return "ratelimited" if action.log.count("post") < 3 else None

    slack.judge = note
    await posting.post(message(), action)
    once = ["executing", "post", "not_executed"]
    assert action.log == once * 2 + ["executing", "post"]


@pytest.mark.parametrize("answer", ["channel_not_found", "invalid_auth", "msg_too_long", "quite_new_error"])
async def test_refusal_is_final(slack: RememberingSlack, posting: Posting, answer: str) -> None:
    """What Slack refuses is not tried again."""
    slack.answer("chat.postMessage", answer)
    action = Action()
    with pytest.raises(CallRefused) as caught:
        await posting.post(message(), action)
    assert caught.value.code == answer
    assert len(slack.calls) == 1
    assert action.log == ["executing", "not_executed"]


@pytest.mark.parametrize("answer", AMBIGUOUS)
async def test_no_second_post_after_an_ambiguous_failure(
    slack: RememberingSlack, posting: Posting, answer: Answer
) -> None:
    """Where nobody may look, a post that may have worked is not repeated, neither by us nor by the SDK."""
    slack.swallowed.append(answer)
    slack.channels["C1"]["is_member"] = False
    action = Action()
    with pytest.raises(OutcomeUnknown, match="C1"):
        await posting.post(message(), action)
    assert len(slack.of("chat.postMessage")) == 1
    assert action.log == ["executing"], "that it began stays on disk"


@pytest.mark.parametrize("answer", AMBIGUOUS)
@pytest.mark.parametrize("thread", [False, True])
async def test_ambiguous_post_that_is_there_is_found(
    slack: RememberingSlack, posting: Posting, answer: Answer, thread: bool
) -> None:
    """A post that worked though its answer does not say so is found, with its `ts`, and is the only one."""
    more = {"thread_ts": slack.write(1_699_999_999.0)["ts"]} if thread else {}
    slack.swallowed.append(answer)
    action = Action()
    posted = await posting.post(message(**more), action)
    there = slack.written()[-1]
    assert (posted["channel"], posted["ts"], posted["message"]["text"]) == ("C1", there["ts"], "hi")
    assert len(slack.of("chat.postMessage")) == 1
    assert action.log == ["executing"], "that it began stays on disk until its result does"


@pytest.mark.parametrize("answer", AMBIGUOUS)
async def test_ambiguous_post_that_is_not_there_is_posted_once_more(
    slack: RememberingSlack, posting: Posting, answer: Answer
) -> None:
    """A post that surely did not work is posted again: once, and after it was noted that nothing is there."""
    slack.answer("chat.postMessage", answer)
    action = Action()
    posted = await posting.post(message(), action)
    assert [one["ts"] for one in slack.written()] == [posted["ts"]]
    assert len(slack.of("chat.postMessage")) == 2
    assert action.log == ["executing", "not_executed", "executing"]


async def test_every_ambiguous_failure_is_looked_into(slack: RememberingSlack, posting: Posting) -> None:
    """However often a post's outcome is unknown, there is one message in the end."""
    slack.answer("chat.postMessage", "internal_error", "cut", "fatal_error")
    slack.swallowed.append("internal_error")
    posted = await posting.post(message(), Action())
    assert [one["ts"] for one in slack.written()] == [posted["ts"]]
    assert len(slack.of("chat.postMessage")) == 4


async def test_no_second_post_after_a_time_out(slack: RememberingSlack, clock: Clock) -> None:
    """A post that is not answered in time may be there: it is looked for, and found."""
    gate = asyncio.Event()
    slack.answer("chat.postMessage", gate)
    async with slack.client(timeout=0.1) as web:
        sending = asyncio.create_task(posting_with(web, clock).post(message(), Action()))
        await eventually(lambda: slack.of("conversations.history"))
        gate.set()  # Slack goes on with what nobody waits for any more
        posted = await sending
    assert [one["ts"] for one in slack.written()] == [posted["ts"]]


async def test_begun_action_is_looked_up_first(
    slack: RememberingSlack, posting: Posting, clock: Clock
) -> None:
    """An action that a crash cut off is looked for before anything else, and found."""
    there = slack.write(clock.time() - 60, user="UBOT", metadata=metadata(IDENTITY))
    action = Action(begun_at=clock.time() - 61)
    assert (await posting.post(message(), action))["ts"] == there["ts"]
    assert slack.of("chat.postMessage") == []
    assert action.log == []


async def test_begun_action_that_is_not_there_is_posted(
    slack: RememberingSlack, posting: Posting, clock: Clock
) -> None:
    """An action that a crash cut off before Slack had it is posted, once, after that was noted."""
    action = Action(begun_at=clock.time() - 60)
    posted = await posting.post(message(), action)
    assert [call.method for call in slack.calls][-1] == "chat.postMessage"
    assert [one["ts"] for one in slack.written()] == [posted["ts"]]
    assert action.log == ["not_executed", "executing"]


async def test_begun_action_is_not_posted_blindly(slack: RememberingSlack, posting: Posting) -> None:
    """An action that a crash cut off is not posted where nobody may look."""
    slack.channels["C1"]["is_member"] = False
    with pytest.raises(OutcomeUnknown):
        await posting.post(message(), Action(begun_at=1.0))
    assert slack.of("chat.postMessage") == []


async def test_begun_by_slacks_clock(slack: RememberingSlack, posting: Posting, clock: Clock) -> None:
    """When a post began is told by Slack's clock, as soon as Slack has told it: the machine's may be off."""
    slack.now = lambda: clock.time() + 7200
    first, second = Action(), Action()
    await posting.post(message(), first)
    await posting.post(message(), second)
    assert first.at == [clock.time()]
    assert abs(second.at[0] - slack.now()) <= 1


async def test_one_message_a_second_with_a_small_burst(
    slack: RememberingSlack, posting: Posting, clock: Clock
) -> None:
    """In the long run a channel gets one message a second, the first few at once."""
    for _ in range(BURST + 4):
        await posting.post(message(), Action())
    assert clock.slept == [1.0] * 4
    assert BURST <= 5


async def test_quiet_channel_may_burst_again(slack: RememberingSlack, posting: Posting, clock: Clock) -> None:
    """After a quiet time the burst is there again, and not a bigger one."""
    for _ in range(BURST + 1):
        await posting.post(message(), Action())
    clock.now += 3600
    clock.slept.clear()
    for _ in range(BURST):
        await posting.post(message(), Action())
    assert clock.slept == []
    await posting.post(message(), Action())
    assert clock.slept == [1.0]


async def test_pace_goes_on_where_another_replica_left_it(slack: RememberingSlack, clock: Clock) -> None:
    """A channel that got a burst from one replica gets a message a second from all of them."""
    action = Action()
    for _ in range(6):
        async with slack.client() as web:
            await posting_with(web, clock).post(message(), action)
    assert clock.slept == pytest.approx([1.0, 1.0, 1.0])


@pytest.mark.parametrize("later", [5.0, 60.0, 1e9])
async def test_pace_left_by_a_wrong_clock_costs_nothing(
    slack: RememberingSlack, posting: Posting, clock: Clock, later: float
) -> None:
    """What was noted by a clock that was ahead, or before the clock was set back, holds no channel back."""
    action = Action()
    for _ in range(BURST):
        action.busy_until(clock.time() + later)
        await posting.post(message(), action)
    assert sum(clock.slept) == 0


async def test_pace_counts_from_the_answer(slack: RememberingSlack, posting: Posting, clock: Clock) -> None:
    """A message that was long on its way is counted by Slack when it arrives: the fourth comes later."""
    begun = clock.now

    def arrival() -> float:
        if len(slack.posted) == 1:
            clock.now = begun + 0.5
        return clock.time()

    slack.now = arrival
    for _ in range(BURST + 1):
        await posting.post(message(), Action())
    assert clock.now - begun == pytest.approx(1.5)


async def test_channels_have_a_pace_each(slack: RememberingSlack, posting: Posting, clock: Clock) -> None:
    """A channel that has to wait delays no other."""
    for number in range(50):
        await posting.post(message(f"C{number}"), Action())
    assert clock.slept == []


async def test_retry_after_holds_the_channel(slack: RememberingSlack, posting: Posting, clock: Clock) -> None:
    """A `Retry-After` costs no message: it holds back that channel, for that long, and no other."""
    slack.answer("chat.postMessage", rate_limited(30))
    held = asyncio.create_task(posting.post(message(), Action()))
    answer = await held
    assert answer["ts"]
    assert sum(clock.slept) == 30
    clock.slept.clear()
    await posting.post(message("C2"), Action())
    assert clock.slept == []


async def test_retry_after_holds_the_channels_other_messages_too(
    slack: RememberingSlack, posting: Posting, clock: Clock
) -> None:
    """While a channel is held back, nothing goes there: not even messages that were not refused."""
    slack.answer("chat.postMessage", Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "30"}))
    first = Action()
    sending = asyncio.create_task(posting.post(message(), first))
    while "not_executed" not in first.log:
        await asyncio.sleep(0)
    await posting.post(message(), Action())
    await sending
    assert clock.now >= 1030
    assert len(slack.posted) == 2


async def test_channel_known_by_name_and_id_is_one(
    slack: RememberingSlack, posting: Posting, clock: Clock
) -> None:
    """A channel is paced as one, however it is called."""
    slack.channel("C1", name="general")
    for channel in ("#general", "general", "C1", "#general"):
        await posting.post(message(channel), Action())
    assert clock.slept == [1.0]


async def test_ten_minutes_of_waiting_are_unavailable(
    slack: RememberingSlack, posting: Posting, clock: Clock
) -> None:
    """Slack asking to wait for longer than ten minutes ends in `unavailable`; nothing was posted."""
    assert retries.SLACK_UNAVAILABLE_AFTER == 600
    slack.answer("chat.postMessage", rate_limited(3600))
    with pytest.raises(CallRefused) as caught:
        await posting.post(message(), Action())
    assert (caught.value.code, caught.value.kind) == ("unavailable", Kind.UNAVAILABLE)
    assert sum(clock.slept) == 600
    assert slack.posted == []


async def test_unreachable_slack_is_unavailable_in_the_end(
    slack: RememberingSlack, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Slack that cannot be reached is tried again, and ends in `unavailable`."""
    monkeypatch.setattr(retries, "SLACK_UNAVAILABLE_AFTER", 0.05)
    slack.url = "http://127.0.0.1:9"  # nobody listens there
    action = Action()
    async with slack.client() as web:
        with pytest.raises(CallRefused) as caught:
            await posting_with(web, clock).post(message(), action)
    assert caught.value.kind == Kind.UNAVAILABLE
    assert action.log[-1] == "not_executed"


@pytest.mark.parametrize("code", ["service_unavailable", "request_timeout", "ratelimited"])
async def test_not_posted_is_tried_again(slack: RememberingSlack, posting: Posting, code: str) -> None:
    """What Slack did not take is posted when it does, once."""
    slack.answer("chat.postMessage", *[code] * 3)
    await posting.post(message(), Action())
    assert len(slack.of("chat.postMessage")) == 4
    assert len(slack.posted) == 1
