"""The names of `engine`, under which the sandbox's flows have always been found."""

from .engine import (
    Action,
    Event,
    Execution,
    Flow,
    FlowEngine,
    FlowError,
    Pack,
    Step,
    StepCommand,
    StepEvent,
    WireModel,
    load_flows,
    new_id,
    parse_flow,
)

__all__ = [
    "Action",
    "Event",
    "Execution",
    "Flow",
    "FlowEngine",
    "FlowError",
    "Pack",
    "Step",
    "StepCommand",
    "StepEvent",
    "WireModel",
    "load_flows",
    "new_id",
    "parse_flow",
]
