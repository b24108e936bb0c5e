"""The trace: what the engine, the Flyte API and the Slack API tell of an event's way."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from flyte_slack.sandbox.flows import Action, Event, FlowEngine, Pack, parse_flow
from flyte_slack.sandbox.server import Sandbox
from flyte_slack.sandbox.trace import Trace

SLACK = Pack("Slack", "Slack")

ECHO = """
name: echo
steps:
- id: echo
  event: {packName: Slack, name: MessageSent}
  context: {Channel: "{{ Event.Payload.channel.id }}"}
  criteria: "{{ Event.Payload.text|match:'^echo ' and Context.Channel == 'C1' }}"
  command: {packName: Slack, name: sendMessage, input: {text: "{{ Event.Payload.text|slice:'5:' }}"}}
"""

LOOP = """
name: loop
steps:
- id: again
  event: {packName: Slack, name: MessageSent}
  command: {packName: Slack, name: sendMessage, input: {text: again}}
"""


def traced(*flows: str) -> tuple[Trace, FlowEngine]:
    """An engine and its trace."""
    trace = Trace()
    return trace, FlowEngine([parse_flow(each, "yaml") for each in flows], trace)


def message(text: str) -> Event:
    """What the pack says of a message."""
    return Event("MessageSent", SLACK, {"text": text, "channel": {"id": "C1"}})


def finish(engine: FlowEngine, action: Action, result: Event) -> list[Action]:
    """Complete an action; return what its result leads to."""
    action.take()
    action.complete(result)
    return engine.handle_event(result, action)


def entries(trace: Trace, *kinds: str) -> list[dict[str, Any]]:
    """The entries of some kinds."""
    return [entry for entry in trace.since()[0] if not kinds or entry["kind"] in kinds]


def test_the_way_of_a_message() -> None:
    """Event, criteria, action and result are told in order, all with one correlation."""
    trace, engine = traced(ECHO)
    [action] = engine.handle_event(message("echo hi"))
    trace.taken(action)
    trace.slack_call("chat.postMessage", {"channel": "C1", "text": "hi"}, {"ok": True, "ts": "1.0"})
    finish(engine, action, Event("MessageSendFailure", SLACK, {"error": "x"}))
    told = entries(trace)
    assert [entry["kind"] for entry in told] == ["event", "criteria", "action", "slack_call", "result"]
    assert len({entry["correlation"] for entry in told}) == 1
    assert [entry["flow"] for entry in told] == ["", "echo", "echo", "echo", "echo"]
    event, criteria, made, call, result = (entry["detail"] for entry in told)
    assert event == {"event": "MessageSent", "pack": "Slack", "payload": message("echo hi").payload}
    assert (criteria["rendered"], criteria["true"]) == ("True", True)
    assert criteria["values"] == {"Event.Payload.text": "echo hi", "Context.Channel": "C1"}
    assert (made["command"], made["input"], made["action"]) == ("sendMessage", {"text": "hi"}, action.id)
    assert (call["method"], call["ok"], call["answer"]["ts"]) == ("chat.postMessage", True, "1.0")
    assert (result["event"], result["state"]) == ("MessageSendFailure", "SUCCESS")


def test_criteria_that_do_not_hold() -> None:
    """A step that does not run says what its criteria rendered, and with which values."""
    trace, engine = traced(ECHO)
    engine.handle_event(message("hello"))
    [criteria] = entries(trace, "criteria")
    assert (criteria["flow"], criteria["step"]) == ("echo", "echo")
    assert criteria["detail"]["true"] is False
    assert criteria["detail"]["rendered"] == "False"
    assert criteria["detail"]["values"]["Event.Payload.text"] == "hello"


def test_criteria_that_are_no_boolean() -> None:
    """Criteria that render as anything else are said to be neither."""
    trace, engine = traced(ECHO.replace('criteria: "{{ ', 'criteria: "yes {{ '))
    assert engine.handle_event(message("echo hi")) == []
    assert "neither" in entries(trace, "criteria")[0]["detail"]["reason"]


def test_an_error_says_where() -> None:
    """An error names the template, its place in the step and the place in the template."""
    trace, engine = traced(ECHO.replace("|slice:'5:'", "|nope"))
    assert engine.handle_event(message("echo hi")) == []
    [error] = entries(trace, "error")
    assert error["detail"] == {
        "where": "command.input.text",
        "template": "{{ Event.Payload.text|nope }}",
        "problem": "there is no filter nope",
        "line": 1,
        "column": 23,
    }


def test_a_step_that_answers_itself_is_stopped() -> None:
    """After 20 rounds an error says so, and the next event finds the step as willing as ever."""
    for _ in range(2):
        trace, engine = traced(LOOP)
        for _ in range(2):
            waiting, made = engine.handle_event(message("go")), 0
            while waiting:
                made += 1
                waiting = finish(engine, waiting.pop(), message("again"))
            assert made == 20
        errors = entries(trace, "error")
        assert len(errors) == 2
        assert "answers itself" in errors[0]["detail"]["problem"]
        assert (errors[0]["flow"], errors[0]["step"]) == ("loop", "again")


def test_steps_that_answer_each_other_are_stopped() -> None:
    """Two of them double with each round, which must end soon."""
    _, engine = traced(LOOP, LOOP.replace("loop", "other"))
    waiting, made = engine.handle_event(message("go")), 0
    while waiting:
        made += 1
        waiting += finish(engine, waiting.pop(), message("again"))
    assert made <= 400


def test_numbers() -> None:
    """`since` is a `next` given before; what was dropped is not asked for in vain."""
    trace = Trace(entries=3)
    assert trace.since() == ([], 1)
    for number in range(5):
        trace("event", {"number": number})
    assert [entry["n"] for entry in trace.since()[0]] == [3, 4, 5]
    assert [entry["n"] for entry in trace.since(5)[0]] == [5]
    assert trace.since(6) == ([], 6)
    assert trace.since(99) == ([], 6)


def test_memory_is_bounded() -> None:
    """Long texts and lists are cut, and the oldest entries go where all together are too much."""
    trace = Trace(size=10_000)
    trace("event", {"text": "x" * 100_000, "list": list(range(1000)), "deep": deep(500)})
    [entry] = trace.since()[0]
    assert len(entry["detail"]["text"]) < 5_000
    assert len(entry["detail"]["list"]) == 201
    for _ in range(100):
        trace("event", {"text": "x" * 1000})
    assert len(trace.since()[0]) < 12


def deep(levels: int) -> Any:
    """A list in a list in a list."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_a_call_belongs_to_the_action_whose_input_it_repeats() -> None:
    """With several actions in progress, only what they are to say tells their calls apart."""
    trace = Trace()
    first, second = (
        Action("sendMessage", "Slack", {"text": text}, step_name=text) for text in ("one", "two")
    )
    trace.taken(first)
    trace.taken(second)
    for arguments in ({"text": "two", "token": "xoxb-1"}, {"channel": "C1"}):
        trace.slack_call("chat.postMessage", arguments, {"ok": False, "error": "ratelimited"})
    two, nobody = entries(trace)
    assert (two["step"], two["correlation"]) == ("two", second.chain.id)
    assert nobody["correlation"] == ""
    assert "token" not in two["detail"]["arguments"]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(port=0) as running:
        yield running


async def test_the_route(sandbox: Sandbox) -> None:
    """`GET /api/trace` has Slack calls and events, from the number asked for, without secrets."""
    async with aiohttp.ClientSession(sandbox.url) as session:

        async def trace(query: str = "") -> Any:
            async with session.get(f"/api/trace{query}") as response:
                return response.status, await response.json()

        headers = {"Authorization": f"Bearer {sandbox.bot_token}"}
        for method in ("auth.test", "chat.postMessage"):
            async with session.post(f"/slack/api/{method}", headers=headers, json={"channel": "nowhere"}):
                pass
        async with session.post(
            "/slack/api/apps.connections.open", headers={"Authorization": f"Bearer {sandbox.app_token}"}
        ):
            pass
        status, answer = await trace()
        assert status == 200
        told = [
            (entry["kind"], entry["detail"]["method"], entry["detail"]["ok"]) for entry in answer["entries"]
        ]
        assert told == [
            ("slack_call", "auth.test", True),
            ("slack_call", "chat.postMessage", False),
            ("slack_call", "apps.connections.open", True),
        ]
        assert "ticket" not in str(answer)
        assert sandbox.bot_token not in str(answer)
        assert set(answer["entries"][0]) == {"n", "at", "kind", "flow", "step", "correlation", "detail"}
        async with session.post("/flyte/v1/packs", data='{"name": "Slack"}'):
            pass
        body = '{"event": "MessageSent", "payload": {"text": "hi"}}'
        async with session.post("/flyte/v1/packs/Slack/events", data=body):
            pass
        _, later = await trace(f"?since={answer['next']}")
        assert later["entries"][0]["kind"] == "event"
        assert later["entries"][0]["n"] == answer["next"]
        assert (await trace("?since=x"))[0] == 400
