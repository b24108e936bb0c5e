"""The one way to call Slack for an action: what is waited for, recorded, repeated, and what it ends in."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from scripted_slack import Answer, Call, Reply, ScriptedSlack, error, rate_limited
from slack_parts import Action, Clock, virtual_clock
from support import eventually

from flyte_slack import retries
from flyte_slack.errors import CallRefused, OutcomeUnknown
from flyte_slack.slack.api.calls import AfterUnknown, Calls
from flyte_slack.slack.api.clock import SlackClock

AMBIGUOUS = [
    "internal_error",
    "fatal_error",
    "cut",
    Reply("", 500, content_type="text/plain"),
    Reply("{broken"),
]
METHOD = "reactions.add"
ARGUMENTS = {"channel": "C1", "timestamp": "1.000001", "name": "eyes", "left_out": None}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_clock(monkeypatch)


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack().serve() as served:
        yield served


@pytest.fixture
async def calls(slack: ScriptedSlack, clock: Clock) -> AsyncIterator[Calls]:
    async with slack.client() as web:
        yield Calls(web, SlackClock(clock))


async def call(calls: Calls, action: Action | None = None, **more: Any) -> dict[str, Any]:
    more = {"after_unknown": AfterUnknown.REPEAT} | more
    return dict(await calls.call(METHOD, ARGUMENTS, action or Action(), **more))


async def test_call_is_recorded_before_it_is_made(slack: ScriptedSlack, calls: Calls) -> None:
    """That a call begins is on disk before Slack gets it; arguments that are None are left out."""
    action = Action()
    slack.judge = lambda call: action.log.append(call.method)
    assert (await call(calls, action))["ok"] is True
    assert action.log == ["executing", METHOD]
    assert "left_out" not in slack.calls[0].arguments


async def test_refusal_is_final_and_told_whole(slack: ScriptedSlack, calls: Calls) -> None:
    """A refusal is not tried again; its code, kind, scope and details are told."""
    slack.answer(METHOD, error("missing_scope", needed="reactions:write", errors=["see there"]))
    action = Action()
    with pytest.raises(CallRefused) as caught:
        await call(calls, action)
    refusal = caught.value
    assert (refusal.code, refusal.kind, refusal.needed) == (
        "missing_scope",
        "configuration",
        "reactions:write",
    )
    assert refusal.details == ("see there",)
    assert action.log == ["executing", "not_executed"]
    assert len(slack.calls) == 1


async def test_done_already_is_success(slack: ScriptedSlack, calls: Calls) -> None:
    """A code that means that it is so already is a success, at the first attempt too."""
    slack.answer(METHOD, "already_reacted")
    assert (await call(calls, done={"already_reacted"}))["error"] == "already_reacted"
    slack.answer(METHOD, "already_reacted")
    with pytest.raises(CallRefused):
        await call(calls)


@pytest.mark.parametrize("answer", AMBIGUOUS)
async def test_repeat_after_an_unknown_outcome(slack: ScriptedSlack, calls: Calls, answer: Answer) -> None:
    """What may be done twice is called again, and stays begun: nobody knows that it had no effect."""
    slack.answer(METHOD, answer)
    action = Action()
    await call(calls, action)
    assert len(slack.calls) == 2
    assert action.log == ["executing", "executing"]


@pytest.mark.parametrize("answer", AMBIGUOUS)
async def test_never_after_an_unknown_outcome(slack: ScriptedSlack, calls: Calls, answer: Answer) -> None:
    """What must not be done twice ends as unknown, after one call."""
    slack.answer(METHOD, answer)
    action = Action()
    with pytest.raises(OutcomeUnknown):
        await call(calls, action, after_unknown=AfterUnknown.NEVER)
    assert len(slack.calls) == 1
    assert action.log == ["executing"]


@pytest.mark.parametrize("answer", AMBIGUOUS)
@pytest.mark.parametrize("found", [None, {"ok": True, "found": "1"}])
async def test_find_after_an_unknown_outcome(
    slack: ScriptedSlack, calls: Calls, answer: Answer, found: dict[str, Any] | None
) -> None:
    """What can be looked up is: found it is the answer, surely absent it is called once more."""
    slack.answer(METHOD, answer)

    async def find(begun_at: float) -> dict[str, Any] | None:
        assert begun_at > 0
        return found

    action = Action()
    answered = await call(calls, action, after_unknown=find)
    assert answered.get("found") == (found or {}).get("found")
    assert len(slack.calls) == (1 if found else 2)
    assert action.log == (["executing"] if found else ["executing", "not_executed", "executing"])


async def test_execution_that_was_cut_off(slack: ScriptedSlack, calls: Calls) -> None:
    """After a crash an action is settled first: repeated, found, or left as unknown."""
    cut_off = Action(begun_at=1.0)
    with pytest.raises(OutcomeUnknown):
        await call(calls, cut_off, after_unknown=AfterUnknown.NEVER)
    assert slack.calls == []
    await call(calls, cut_off)
    assert len(slack.calls) == 1
    slack.answer(METHOD, "message_not_found")
    with pytest.raises(CallRefused) as caught:
        await call(calls, cut_off)
    assert caught.value.in_doubt


async def test_retry_after_holds_the_method(
    slack: ScriptedSlack, calls: Calls, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Retry-After` holds that method back for all of that time, longer than a minute too, and no other."""
    slack.answer(METHOD, rate_limited(100))
    at: list[float] = []
    slack.judge = lambda call: at.append(clock.now) if call.method == METHOD else None
    begun = clock.now
    await call(calls)
    assert at == [begun + 100]
    slack.answer(METHOD, rate_limited(100))
    go_on = asyncio.Event()
    monkeypatch.setattr(clock, "sleep", lambda seconds: go_on.wait())
    limited = asyncio.create_task(call(calls))
    await eventually(lambda: len(slack.of(METHOD)) == 3)
    await calls.read("users.info", {"user": "U1"})
    assert not limited.done()
    limited.cancel()


async def test_not_done_is_tried_for_ten_minutes(
    slack: ScriptedSlack, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Slack does not take ends in `unavailable`, which says why; nothing was done."""
    assert retries.SLACK_UNAVAILABLE_AFTER == 600
    monkeypatch.setattr(retries, "SLACK_UNAVAILABLE_AFTER", 0.05)
    slack.judge = lambda call: "service_unavailable"
    action = Action()
    with pytest.raises(CallRefused) as caught:
        await call(calls, action)
    assert (caught.value.code, caught.value.kind) == ("unavailable", "unavailable")
    assert caught.value.details == ("service_unavailable",)
    assert action.log[-1] == "not_executed"


async def test_ten_minutes_of_doubt_are_unknown(
    slack: ScriptedSlack, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may have been done in the end is not told as `unavailable`."""
    monkeypatch.setattr(retries, "SLACK_UNAVAILABLE_AFTER", 0.05)
    slack.answer(METHOD, "cut")
    slack.judge = lambda call: "service_unavailable"
    action = Action()
    with pytest.raises(OutcomeUnknown):
        await call(calls, action)
    assert "not_executed" not in action.log


@pytest.mark.parametrize(
    "body",
    [
        {"ok": True},
        {"ok": True, "ts": ""},
        {"ok": True, "ts": "1.000001", "message": "hello"},
        {"ok": True, "ts": None},
    ],
)
async def test_success_without_what_it_promises_is_unknown(
    slack: ScriptedSlack, calls: Calls, body: dict[str, Any]
) -> None:
    """An `ok` without the message's `ts`, or with an odd message, is not half believed."""
    slack.answer("chat.postMessage", Reply(body))
    with pytest.raises(OutcomeUnknown):
        await calls.call(
            "chat.postMessage", {"channel": "C1"}, Action(), after_unknown=AfterUnknown.NEVER, promises={"ts"}
        )


async def test_arguments_go_as_slacks_own_sdk_sends_them(slack: ScriptedSlack, calls: Calls) -> None:
    """Reads are GET with a query, what shows something is JSON, and the rest is POST with a query."""
    seen: list[Call] = []
    slack.judge = lambda call: seen.append(call)
    await calls.read("conversations.info", {"channel": "C1", "include_num_members": "true"})
    await calls.call("views.open", {"view": {"a": [1]}}, Action(), after_unknown=AfterUnknown.NEVER)
    await calls.call("x.set", {"nested": {"a": [1]}}, Action(), after_unknown=AfterUnknown.NEVER)
    assert [call.arguments for call in seen] == [
        {"channel": "C1", "include_num_members": "true"},
        {"view": {"a": [1]}},
        {"nested": {"a": [1]}},
    ]


async def test_wait_can_be_cut_off(
    slack: ScriptedSlack, calls: Calls, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for Slack is not in flight: a stop cuts it off, and the action is as if it was never begun."""
    slack.answer(METHOD, rate_limited(100))
    stuck = asyncio.Event()

    async def sleep(seconds: float) -> None:
        stuck.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(clock, "sleep", sleep)
    action = Action()
    waiting = asyncio.create_task(call(calls, action))
    await stuck.wait()
    assert not action.in_flight
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert action.log == ["executing", "not_executed"]


@pytest.mark.parametrize("answer", ["cut", "internal_error"])
async def test_looking_is_not_in_flight(slack: ScriptedSlack, calls: Calls, answer: Answer) -> None:
    """A stop waits for a call's answer, and not for the look at what became of it: the next start looks."""
    slack.answer(METHOD, answer)
    action = Action()
    seen: list[bool] = []

    async def find(begun_at: float) -> dict[str, Any]:
        seen.append(action.in_flight)
        return {"ok": True}

    slack.judge = lambda call: seen.append(action.in_flight)
    await call(calls, action, after_unknown=find)
    assert seen == [False]
    await call(calls, action)
    assert seen == [False, True]
