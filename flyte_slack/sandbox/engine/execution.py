"""One run of a flow: which steps are due, and what a step makes of an event."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..templates import Template, TemplateError, World, as_boolean, parse, render_value
from .documents import Flow, Step
from .model import Action, Event, new_id
from .observer import Observer, unobserved

ROUNDS = 20
"""How often a step may run because of its own results. The server would go on for ever."""

RUNS = 200
"""How often a step may run in all that one event sets off."""

logger = logging.getLogger("flyte_slack.sandbox.flows")


class StepError(Exception):
    """A step that makes no action: which of its templates failed, and why.

    Args:
        where: The template's place in the step, such as `command.input.text`.
        error: What is wrong with it.
    """

    def __init__(self, where: str, error: TemplateError) -> None:
        super().__init__(f"{where}: {error}")
        self.where = where
        self.error = error


@dataclass
class Execution:
    """One run of a flow, as the flow was when the run began."""

    flow: Flow
    flow_uuid: str
    correlation_id: str = field(default_factory=new_id)
    actions: dict[str, Action] = field(default_factory=dict)
    observer: Observer = field(default=unobserved, repr=False, compare=False)
    world: World = field(default_factory=World, repr=False, compare=False)

    @property
    def last_change(self) -> datetime:
        """When the state of one of its actions last changed."""
        return max(action.states[-1][1] for action in self.actions.values())

    def due(self, event: Event) -> list[Step]:
        """List the steps that wait for this event, have not run yet and depend on nothing that is to come.

        One completed step of those it depends on is enough, as on the server.
        """
        return [
            step
            for step in self.flow.steps
            if (step.event.name, step.event.pack_name) == (event.name, event.pack.name)
            and step.id not in self.actions
            and (not step.depends_on or any(map(self._has_completed, step.depends_on)))
        ]

    def run(self, event: Event, context: dict[str, str]) -> list[Action]:
        """Run what is due. A step that fails is told of and makes no action; it holds up no other."""
        created = []
        for step in self.due(event):
            try:
                action = self._run_step(step, event, context)
            except StepError as failed:
                self._tell_error(step, event, failed)
                continue
            if action is not None:
                self.actions[step.id] = action
                created.append(action)
        return created

    def _has_completed(self, step_id: str) -> bool:
        return step_id in self.actions and self.actions[step_id].completed

    def _run_step(self, step: Step, event: Event, context: dict[str, str]) -> Action | None:
        try:
            variables: dict[str, Any] = {"Event": event.value, "Context": context}
        except RecursionError:
            raise _failed("event.payload", "it is nested too deeply") from None
        # Entries of one step do not see each other.
        context = context | self._texts("context", step.context, variables)
        variables["Context"] = context
        labels = self._texts("event.packLabels", step.event.pack_labels, variables)
        if not labels.items() <= event.pack.labels.items():
            self._tell("criteria", step, event, {"true": False, "reason": f"the pack lacks labels {labels}"})
            return None
        if not self._holds(step, event, variables) or not self._may_run(step, event):
            return None
        action = Action(
            name=step.command.name,
            pack_name=step.command.pack_name,
            pack_labels=self._texts("command.packLabels", step.command.pack_labels, variables),
            input=self._rendered("command.input", step.command.input, variables),
            correlation_id=self.correlation_id,
            flow_name=self.flow.name,
            flow_uuid=self.flow_uuid,
            step_id=step.id,
            context=context,
            trigger=event,
            chain=event.chain.after(self.flow.name, self._name(step)),
            step_name=self._name(step),
        )
        self._tell("action", step, event, _shown(action))
        return action

    def _holds(self, step: Step, event: Event, variables: Mapping[str, Any]) -> bool:
        criteria = step.criteria
        rendered = self._rendered("criteria", criteria, variables) if criteria else "true"
        holds = as_boolean(rendered)
        detail: dict[str, Any] = {"template": criteria, "rendered": rendered, "true": bool(holds)}
        detail["values"] = _values(parse(criteria), event, variables["Context"]) if criteria else {}
        if holds is None:
            detail["reason"] = "rendered, the criteria are neither true nor false"
        self._tell("criteria", step, event, detail)
        return bool(holds)

    def _may_run(self, step: Step, event: Event) -> bool:
        key = (self.flow.name, self._name(step))
        if event.chain.rounds.get(key, 0) < ROUNDS and event.chain.totals[key] < RUNS:
            return True
        problem = (
            f"The step answers itself: it was stopped after {ROUNDS} rounds. The server would go on. "
            "Criteria that tell its own results from other events would end it."
        )
        logger.warning("Flow %s, step %s: %s", self.flow.name, step.id or "without id", problem)
        self._tell("error", step, event, {"problem": problem})
        return False

    def _texts(self, where: str, templates: dict[str, str], variables: Mapping[str, Any]) -> dict[str, str]:
        return {key: self._rendered(f"{where}.{key}", text, variables) for key, text in templates.items()}

    def _rendered(self, where: str, value: Any, variables: Mapping[str, Any]) -> Any:
        try:
            return render_value(value, variables, self.world)
        except TemplateError as error:
            raise StepError(where + error.path, error) from error
        except RecursionError:
            raise _failed(where, "it is nested too deeply") from None

    def _name(self, step: Step) -> str:
        return step.id or f"#{self.flow.steps.index(step) + 1}"

    def _tell(self, kind: str, step: Step, event: Event, detail: dict[str, Any]) -> None:
        self.observer(kind, detail, flow=self.flow.name, step=self._name(step), correlation=event.chain.id)

    def _tell_error(self, step: Step, event: Event, failed: StepError) -> None:
        logger.warning("Flow %s, step %s: %s", self.flow.name, step.id or "without id", failed)
        error = failed.error
        detail = {
            "where": failed.where,
            "template": error.source,
            "problem": error.message,
            "line": error.line,
            "column": error.column,
        }
        self._tell("error", step, event, detail)


def _failed(where: str, problem: str) -> StepError:
    return StepError(where, TemplateError(problem))


def _shown(action: Action) -> dict[str, Any]:
    return {
        "action": action.id,
        "command": action.name,
        "pack": action.pack_name,
        "labels": action.pack_labels,
        "input": action.input,
        "context": action.context,
        "execution": action.correlation_id,
    }


def _values(template: Template, event: Event, context: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the event and the context that a template uses, by their paths."""
    pack = {"Id": event.pack.id, "Name": event.pack.name, "Labels": event.pack.labels}
    known = {"Event": {"Name": event.name, "Pack": pack, "Payload": event.payload}, "Context": context}
    found = {}
    for use in template.uses():
        if use.kind == "variable" and use.path[0] in known and not use.local:
            value: Any = known
            for key in use.path:
                if isinstance(value, Mapping):
                    value = value.get(str(key))
                elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                    value = value[key]
                else:
                    value = None
            found[".".join(map(str, use.path))] = value
    return found
