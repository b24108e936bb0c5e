"""The flows in force, and what they make of events."""

from collections.abc import Iterable
from typing import Any, Self

from ..templates import World
from .documents import Flow
from .execution import Execution
from .model import Action, Event, new_id
from .observer import Observer, unobserved


class FlowEngine:
    """The flows in force and their executions.

    An event starts a new execution of every flow that has a step waiting for it and depending on no other
    step. The result of an action is such an event as well, and besides goes on with the execution the action
    belongs to: there it can set off the steps that depend on what has completed.

    Args:
        flows: The flows to begin with.
        observer: Is told what the engine does.
        world: What templates reach.
    """

    def __init__(
        self, flows: Iterable[Flow] = (), observer: Observer = unobserved, world: World | None = None
    ) -> None:
        self.flows: dict[str, Flow] = {}
        self.executions: dict[str, Execution] = {}
        self._uuids: dict[str, str] = {}
        self._observer = observer
        self._world = world or World()
        for flow in flows:
            self.add(flow)

    def add(self, flow: Flow) -> Self:
        """Put a flow in force, in place of one with the same name; executions go on with what they began."""
        self.flows[flow.name] = flow
        self._uuids[flow.name] = new_id()
        return self

    def handle_event(self, event: Event, completed: Action | None = None) -> list[Action]:
        """Return the new actions an event leads to; `completed` is the action it is the result of."""
        if completed is not None:
            event.chain = completed.chain
        self._tell(event, completed)
        created = []
        for flow in list(self.flows.values()):
            execution = Execution(flow, self._uuids[flow.name], observer=self._observer, world=self._world)
            if actions := execution.run(event, {}):
                self.executions[execution.correlation_id] = execution
                created += actions
        if completed is not None and (begun := self.executions.get(completed.correlation_id)):
            created += begun.run(event, completed.context)
        return created

    def _tell(self, event: Event, completed: Action | None) -> None:
        detail: dict[str, Any] = {"event": event.name, "pack": event.pack.id, "payload": event.payload}
        if completed is None:
            self._observer("event", detail, correlation=event.chain.id)
            return
        detail |= {"action": completed.id, "command": completed.name, "state": completed.state}
        self._observer(
            "result", detail, flow=completed.flow_name, step=completed.step_name, correlation=event.chain.id
        )
