"""Flows and the engine that runs them, as the Flyte server does.

An event starts a new execution of every flow that has a step waiting for it and depending on no other step.
The result of an action is such an event as well, and besides goes on with the execution the action belongs
to: there it can set off the steps that depend on what has completed. The models take and give the JSON of
the server's `/v1/flows`; the order of a step's parts (context, event, criteria, command) is the server's.
"""

import json
import logging
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from .templates import StringMap, TemplateError, holds, render, render_value

logger = logging.getLogger(__name__)


def new_id() -> str:
    """Return an id of the server's form, 24 hexadecimal digits."""
    return secrets.token_hex(12)


class FlowError(ValueError):
    """A flow that cannot be read: not YAML or JSON, or not of a flow's shape."""


class WireModel(BaseModel):
    """JSON as Go reads it: types are strict, unknown members are ignored and `null` is as good as absent."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data

    def to_json(self) -> dict[str, Any]:
        """Return the members that were given, under their JSON names."""
        return self.model_dump(by_alias=True, exclude_defaults=True)


class StepEvent(WireModel):
    """The event a step waits for."""

    name: str = ""
    pack_name: str = ""
    pack_labels: dict[str, str] = {}


class StepCommand(WireModel):
    """The command a step has carried out; its labels and input are templates."""

    name: str = ""
    pack_name: str = ""
    pack_labels: dict[str, str] = {}
    input: JsonValue = None


class Step(WireModel):
    """One step of a flow: when that event comes and the criteria hold, an action for this command."""

    id: str = ""
    depends_on: list[str] = []
    event: StepEvent = Field(default_factory=StepEvent)
    context: dict[str, str] = {}
    criteria: str = ""
    command: StepCommand = Field(default_factory=StepCommand)


class Flow(WireModel):
    """A named list of steps."""

    name: str = Field(min_length=1)
    description: str = ""
    steps: list[Step] = []


class _YamlLoader(yaml.SafeLoader):
    """YAML for JSON's types: what looks like a date stays a string."""


_YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_flow(text: str | bytes, syntax: Literal["json", "yaml"]) -> Flow:
    """Read one flow; a context value that is not a string is refused, as is any other wrong type."""
    try:
        # SafeLoader's own types only: nothing in a flow can name a Python object.
        document = json.loads(text) if syntax == "json" else yaml.load(text, _YamlLoader)  # noqa: S506
        return Flow.model_validate(document)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, each['loc'])) or 'flow'}: {each['msg']}" for each in error.errors())
        raise FlowError("; ".join(problems)) from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise FlowError(str(error)) from error


def load_flows(folder: Path) -> list[Flow]:
    """Read the flows of a folder, in the order of their file names."""
    flows = []
    for path in sorted(folder.iterdir()):
        if path.suffix in {".yaml", ".yml", ".json"}:
            try:
                flows.append(parse_flow(path.read_bytes(), "json" if path.suffix == ".json" else "yaml"))
            except (FlowError, OSError) as error:
                raise FlowError(f"{path}: {error}") from error
    return flows


@dataclass
class Pack:
    """A pack as events and actions know it."""

    id: str = ""
    name: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    def may_take(self, action: "Action") -> bool:
        """Whether the action is for a pack of this name, and every label it asks for is among this one's."""
        return action.pack_name == self.name and action.pack_labels.items() <= self.labels.items()


@dataclass
class Event:
    """An event that a pack posted, or the result of an action: then `result_of` is the action's id."""

    name: str = ""
    pack: Pack = field(default_factory=Pack)
    payload: Any = None
    created_at: datetime = datetime.min
    received_at: datetime = datetime.min
    result_of: str | None = None

    def variables(self) -> dict[str, Any]:
        """Return what templates see as `Event`."""
        return {
            "Event": self.name,
            "Name": self.name,
            "Pack": {"Id": self.pack.id, "Name": self.pack.name, "Labels": StringMap(self.pack.labels)},
            "Payload": self.payload,
            "CreatedAt": _go_time(self.created_at),
            "ReceivedAt": _go_time(self.received_at),
        }


@dataclass
class Action:
    """A command to be carried out by a pack, with everything that led to it and came of it."""

    name: str
    pack_name: str
    input: Any
    pack_labels: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    correlation_id: str = field(default_factory=new_id)
    flow_name: str = ""
    flow_uuid: str = ""
    step_id: str = ""
    context: dict[str, str] = field(default_factory=dict)
    trigger: Event = field(default_factory=Event)
    result: Event = field(default_factory=Event)
    states: list[tuple[str, datetime]] = field(default_factory=lambda: [("NEW", datetime.now(UTC))])

    @property
    def state(self) -> str:
        """NEW, PENDING once taken, and in the end SUCCESS or FATAL."""
        return self.states[-1][0]

    def take(self) -> None:
        """Give the action away, for good."""
        self.states.append(("PENDING", datetime.now(UTC)))

    def complete(self, result: Event) -> None:
        """Note the result."""
        self.result = result
        self.states.append(("FATAL" if result.name == "FATAL" else "SUCCESS", datetime.now(UTC)))

    @property
    def completed(self) -> bool:
        """Whether there is a result."""
        return self.state in {"SUCCESS", "FATAL"}


@dataclass
class Execution:
    """One run of a flow, as the flow was when the run began."""

    flow: Flow
    flow_uuid: str
    correlation_id: str = field(default_factory=new_id)
    actions: dict[str, Action] = field(default_factory=dict)

    @property
    def last_change(self) -> datetime:
        """When the state of one of its actions last changed."""
        return max(action.states[-1][1] for action in self.actions.values())

    def due(self, event: Event) -> list[Step]:
        """List the steps that wait for this event, have not run yet and depend on completed ones only."""
        return [
            step
            for step in self.flow.steps
            if (step.event.name, step.event.pack_name) == (event.name, event.pack.name)
            and step.id not in self.actions
            and all(self._has_completed(step_id) for step_id in step.depends_on)
        ]

    def run(self, event: Event, context: dict[str, str]) -> list[Action]:
        """Run what is due. A step that fails is logged and makes no action; it holds up no other."""
        created = []
        for step in self.due(event):
            try:
                action = self._run_step(step, event, context)
            except TemplateError as error:
                logger.warning("Flow %s, step %s: %s", self.flow.name, step.id or "without id", error)
                continue
            if action is not None:
                self.actions[step.id] = action
                created.append(action)
        return created

    def _has_completed(self, step_id: str) -> bool:
        return step_id in self.actions and self.actions[step_id].completed

    def _run_step(self, step: Step, event: Event, context: dict[str, str]) -> Action | None:
        variables: dict[str, Any] = {"Event": event.variables(), "Context": context}
        context = context | {name: render(value, variables) for name, value in step.context.items()}
        variables["Context"] = context
        labels = render_value(step.event.pack_labels, variables)
        if not labels.items() <= event.pack.labels.items() or not holds(step.criteria, variables):
            return None
        return Action(
            name=step.command.name,
            pack_name=step.command.pack_name,
            pack_labels=render_value(step.command.pack_labels, variables),
            input=render_value(step.command.input, variables),
            correlation_id=self.correlation_id,
            flow_name=self.flow.name,
            flow_uuid=self.flow_uuid,
            step_id=step.id,
            context=context,
            trigger=event,
        )


class FlowEngine:
    """The flows in force and their executions."""

    def __init__(self, flows: Iterable[Flow] = ()) -> None:
        self.flows: dict[str, Flow] = {}
        self.executions: dict[str, Execution] = {}
        self._uuids: dict[str, str] = {}
        for flow in flows:
            self.add(flow)

    def add(self, flow: Flow) -> Self:
        """Put a flow in force, in place of one with the same name; executions go on with what they began."""
        self.flows[flow.name] = flow
        self._uuids[flow.name] = new_id()
        return self

    def handle_event(self, event: Event, completed: Action | None = None) -> list[Action]:
        """Return the new actions an event leads to; `completed` is the action it is the result of."""
        created = []
        for flow in self.flows.values():
            execution = Execution(flow, self._uuids[flow.name])
            if actions := execution.run(event, {}):
                self.executions[execution.correlation_id] = execution
                created += actions
        if completed is not None and (begun := self.executions.get(completed.correlation_id)):
            created += begun.run(event, completed.context)
        return created


def _go_time(moment: datetime) -> str:
    """Print a time as Go does: `2026-11-23 08:41:51.297886 +0000 UTC`."""
    return re.sub(r"\.?0*$", "", f"{moment:%Y-%m-%d %H:%M:%S.%f}") + " +0000 UTC"
