"""Flows: how they are read and what the engine makes of events."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flyte_slack import sandbox
from flyte_slack.sandbox.flows import Action, Event, Flow, FlowEngine, FlowError, Pack, load_flows, parse_flow

SHIPPED = Path(next(iter(sandbox.__path__))) / "flows"
SLACK = Pack("Slack", "Slack")
NOON = datetime(2026, 11, 23, 12, 0, 0, 250000, UTC)


def flow(yaml: str) -> Flow:
    return parse_flow(yaml, "yaml")


def event(payload: Any = None, name: str = "MessageSent", pack: Pack = SLACK) -> Event:
    return Event(name, pack, payload, NOON, NOON)


def complete(
    engine: FlowEngine, action: Action, payload: Any = None, name: str = "MessageSent"
) -> list[Action]:
    """Take an action and complete it; return what its result leads to."""
    result = event(payload, name)
    action.take()
    action.complete(result)
    return engine.handle_event(result, action)


def inputs(actions: list[Action]) -> list[Any]:
    return [action.input for action in actions]


def message(text: str, **more: str) -> dict[str, str]:
    ts = "1503435956.000247"
    common = {"origin": "channel", "channelId": "C1", "timestamp": ts, "threadTimestamp": ts}
    return {**common, "message": text, **more}


# Reading


def test_json_and_yaml_read_alike() -> None:
    """A flow means the same in JSON and in YAML, and is given back as it came."""
    step = '{"id": "s", "dependsOn": ["r"], "command": {"name": "c", "input": [1, null]}}'
    text = f'{{"name": "n", "steps": [{step}]}}'
    assert parse_flow(text, "json") == parse_flow(text, "yaml")
    steps = parse_flow(text, "json").to_json()["steps"]
    assert steps[0]["command"] == {"name": "c", "input": [1, None]}
    assert steps[0]["dependsOn"] == ["r"]


def test_dates_stay_strings() -> None:
    """What YAML takes for a date is a string, as JSON has none."""
    assert flow("name: n\nsteps: [{command: {input: 2026-01-02}}]").steps[0].command.input == "2026-01-02"


def test_keys_in_yaml() -> None:
    """Keys that YAML takes for numbers or booleans are texts, as on the server."""
    step = flow("name: n\nsteps: [{command: {input: {7: a, true: [{2: b}]}}}]").steps[0]
    assert step.command.input == {"7": "a", "true": [{"2": "b"}]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12:30:45", "12:30:45"),
        ("0001", 1),
        ("0009", 9.0),
        ("1503435956.000247", 1503435956.000247),
        ("1e+3", 1000.0),
    ],
)
def test_numbers_in_yaml(text: str, value: Any) -> None:
    """Numbers are what the server's YAML takes for numbers."""
    assert flow(f"name: n\nsteps: [{{command: {{input: {text}}}}}]").steps[0].command.input == value


@pytest.mark.parametrize(
    ("yaml", "problem"),
    [
        ("name: n\nsteps: [{context: {n: 5}}]", "steps.0.context.n"),
        ("name: n\nsteps: [{criteria: true}]", "steps.0.criteria"),
        ("name: n\nsteps: {}", "steps"),
        ("steps: []", "name"),
        ("[]", "flow"),
        ("name: [", "line 1"),
        ("name: n\nsteps: [{command: {input: !!python/name:os.system }}]", "could not determine"),
    ],
)
def test_unreadable_flows(yaml: str, problem: str) -> None:
    """What is wrong with a flow is said with its place."""
    with pytest.raises(FlowError, match=problem):
        flow(yaml)


def test_folder(tmp_path: Path) -> None:
    """A folder's flows are read in the order of their names, other files left alone."""
    (tmp_path / "b.yaml").write_text("name: b")
    (tmp_path / "a.json").write_text('{"name": "a"}')
    (tmp_path / "c.yml").write_text("name: c")
    (tmp_path / "README.md").write_text("# no flow")
    assert [each.name for each in load_flows(tmp_path)] == ["a", "b", "c"]


def test_folder_with_an_unreadable_flow(tmp_path: Path) -> None:
    """A flow that cannot be read is named with its file and its problem."""
    (tmp_path / "bad.yaml").write_text("name: 5")
    with pytest.raises(FlowError, match=r"bad\.yaml: name: .*string"):
        load_flows(tmp_path)


# Running

ECHO = """
name: echo
steps:
- id: echo
  event: {packName: Slack, name: MessageSent}
  context: {Channel: "{{ Event.Payload.channelId }}"}
  criteria: "{{ Event.Payload.message|match:'^echo ' and Context.Channel == 'C1' }}"
  command:
    packName: Slack
    name: sendMessage
    input: {to: "{{ Context.Channel }}", text: "{{ Event.Payload.message|slice:'5:' }}"}
"""


def test_an_event_sets_off_a_step() -> None:
    """An event the step waits for, and that meets its criteria, makes an action with the rendered input."""
    engine = FlowEngine([flow(ECHO)])
    [action] = engine.handle_event(event({"channelId": "C1", "message": "echo hi"}))
    assert (action.name, action.pack_name, action.state) == ("sendMessage", "Slack", "NEW")
    assert action.input == {"to": "C1", "text": "hi"}
    assert action.context == {"Channel": "C1"}
    assert engine.executions[action.correlation_id].actions == {"echo": action}


@pytest.mark.parametrize(
    "other",
    [
        event({"channelId": "C1", "message": "hi"}),
        event({"channelId": "C2", "message": "echo hi"}),
        event({"channelId": "C1", "message": "echo hi"}, name="Other"),
        event({"channelId": "C1", "message": "echo hi"}, pack=Pack("Other", "Other")),
        event(None),
        event("text"),
    ],
)
def test_other_events_do_not(other: Event) -> None:
    """Another event, another pack's event, or one that fails the criteria makes no action."""
    assert FlowEngine([flow(ECHO)]).handle_event(other) == []


def test_labels_of_an_event() -> None:
    """A step that asks for labels wants them all among those of the event's pack."""
    engine = FlowEngine([flow("name: n\nsteps: [{event: {name: E, packName: P, packLabels: {env: prod}}}]")])
    assert len(engine.handle_event(event(name="E", pack=Pack("", "P", {"env": "prod", "x": "y"})))) == 1
    assert engine.handle_event(event(name="E", pack=Pack("", "P", {"env": "test"}))) == []
    assert engine.handle_event(event(name="E", pack=Pack("", "P"))) == []


def test_every_event_begins_an_execution() -> None:
    """Two events are two executions, each with an id of its own."""
    engine = FlowEngine([flow(ECHO)])
    payload = {"channelId": "C1", "message": "echo hi"}
    [first], [second] = engine.handle_event(event(payload)), engine.handle_event(event(payload))
    assert first.correlation_id != second.correlation_id


def test_steps_without_id() -> None:
    """Steps need no id: each makes its action."""
    step = "{event: {name: E, packName: Slack}, command: {name: c, input: %d}}"
    engine = FlowEngine([flow(f"name: n\nsteps: [{step % 1}, {step % 2}]")])
    assert inputs(engine.handle_event(event(name="E"))) == [1, 2]


CHAIN = """
name: chain
steps:
- id: one
  event: {packName: Slack, name: Start}
  context: {From: "{{ Event.Payload }}"}
  command: {packName: Slack, name: c, input: one}
- id: two
  event: {packName: Slack, name: Start}
  command: {packName: Slack, name: c, input: two}
- id: either
  dependsOn: [one, two]
  event: {packName: Slack, name: Done}
  context: {Then: "{{ Event.Payload }}"}
  command: {packName: Slack, name: c, input: "{{ Context.From }}-{{ Context.Then }}"}
- id: last
  dependsOn: [either]
  event: {packName: Slack, name: Done}
  criteria: "{{ Event.Payload == 'ok' }}"
  command: {packName: Slack, name: c, input: "{{ Context.From }}-{{ Context.Then }}-last"}
"""


def test_steps_wait_for_what_they_depend_on() -> None:
    """A step runs when one of those it depends on has completed, once, with what that one knew."""
    engine = FlowEngine([flow(CHAIN)])
    one, two = engine.handle_event(event("begun", "Start"))
    assert engine.handle_event(event("too early", "Done"), one) == []
    [either] = complete(engine, one, "second", "Done")
    assert either.input == "begun-second"
    assert either.correlation_id == one.correlation_id
    assert complete(engine, two, "first", "Done") == []
    [last] = complete(engine, either, "ok", "Done")
    assert last.input == "begun-second-last"
    assert complete(engine, last, "ok", "Done") == []


def test_criteria_of_a_later_step() -> None:
    """A later step whose criteria fail makes no action."""
    engine = FlowEngine([flow(CHAIN)])
    one, _ = engine.handle_event(event("begun", "Start"))
    [either] = complete(engine, one, "second", "Done")
    assert complete(engine, either, "not ok", "Done") == []


def test_a_result_is_an_event() -> None:
    """A result begins executions like any event, so that a flow can answer itself."""
    engine = FlowEngine([flow(ECHO)])
    payload = {"channelId": "C1", "message": "echo hi"}
    [action] = engine.handle_event(event(payload))
    [again] = complete(engine, action, payload)
    assert again.correlation_id != action.correlation_id


def test_a_fatal_result_completes() -> None:
    """FATAL completes an action as well, in a state of its own."""
    engine = FlowEngine([flow(CHAIN)])
    one, _ = engine.handle_event(event("begun", "Start"))
    complete(engine, one, "panic", "FATAL")
    assert (one.state, one.completed) == ("FATAL", True)


def test_a_template_error_makes_no_action(caplog: pytest.LogCaptureFixture) -> None:
    """A step with a bad template is skipped with a warning that names flow and step; others run."""
    good = "{id: good, event: {name: E, packName: Slack}, command: {name: c}}"
    for bad in ('command: {input: "{{"}', 'criteria: "{% nope %}"', 'context: {X: "{{ a|nope }}"}'):
        caplog.clear()
        step = f"{{id: bad, event: {{name: E, packName: Slack}}, {bad}}}"
        engine = FlowEngine([flow(f"name: n\nsteps: [{step}, {good}]")])
        assert [action.step_id for action in engine.handle_event(event(name="E"))] == ["good"]
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert record.getMessage().startswith("Flow n, step bad: ")


def test_replacing_a_flow() -> None:
    """A flow put in force again replaces the first; what has begun goes on as it began."""
    engine = FlowEngine([flow(CHAIN)])
    one, two = engine.handle_event(event("begun", "Start"))
    engine.add(flow("name: chain"))
    assert engine.handle_event(event("begun", "Start")) == []
    assert inputs(complete(engine, two, "x", "Done")) == ["-x"]
    assert complete(engine, one, "x", "Done") == []


def test_what_templates_see_of_an_event() -> None:
    """Pack, payload and times of an event are there for templates."""
    pack = Pack("P.env.prod", "P", {"env": "prod"})
    text = (
        "{{ Event.Name }} {{ Event.Pack.Id }} {{ Event.Pack.Name }} {{ Event.Pack.Labels.env }} "
        "{{ Event.Payload.x }} {{ Event.CreatedAt }}"
    )
    step = f'{{event: {{name: E, packName: P}}, command: {{input: "{text}"}}}}'
    [action] = FlowEngine([flow(f"name: n\nsteps: [{step}]")]).handle_event(event({"x": "y"}, "E", pack))
    assert action.input == "E P.env.prod P prod y 2026-11-23 12:00:00.25 +0000 UTC"


# The shipped flows


@pytest.fixture
def shipped() -> FlowEngine:
    return FlowEngine(load_flows(SHIPPED))


def test_echo(shipped: FlowEngine) -> None:
    """`echo hello` is answered with `hello` in the same channel, outside any thread."""
    [action] = shipped.handle_event(event(message("echo hello & <b>")))
    assert action.input == {"channelId": "C1", "message": "hello & <b>", "threadTimestamp": ""}


def test_echo_in_a_thread(shipped: FlowEngine) -> None:
    """What is said in a thread is answered there."""
    [action] = shipped.handle_event(event(message("echo hello", threadTimestamp="1503435900.000001")))
    assert action.input["threadTimestamp"] == "1503435900.000001"


def test_echo_never_answers_itself(shipped: FlowEngine) -> None:
    """What the flow had posted is not taken for a message of a person."""
    [action] = shipped.handle_event(event(message("echo echo hello")))
    assert complete(shipped, action, message("echo hello", origin="command")) == []
    assert shipped.handle_event(event(message("say echo hello"))) == []


def test_deploy(shipped: FlowEngine) -> None:
    """`deploy NAME` is announced in the channel and, once that is posted, confirmed in a thread."""
    [announce] = shipped.handle_event(event(message("deploy web")))
    assert announce.input == {"channelId": "C1", "message": "Deploying web…"}
    posted = message("Deploying web…", origin="command", timestamp="2.0", threadTimestamp="2.0")
    [confirm] = complete(shipped, announce, posted)
    assert confirm.input == {
        "channelId": "C1",
        "message": "web is deployed.",
        "threadTimestamp": "1503435956.000247",
    }
    assert complete(shipped, confirm, message("web is deployed.", origin="command")) == []


def test_deploy_that_could_not_be_announced(shipped: FlowEngine) -> None:
    """Where the announcement failed nothing is confirmed."""
    [announce] = shipped.handle_event(event(message("deploy web")))
    assert complete(shipped, announce, {"error": "…"}, "MessageSendFailure") == []
