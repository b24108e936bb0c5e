"""Flows and the engine that runs them, as the Flyte server does.

The models take and give the JSON of the server's `/v1/flows`; the order of a step's parts (context, event,
criteria, command) is the server's.
"""

from .documents import Flow, FlowError, Step, StepCommand, StepEvent, WireModel, load_flows, parse_flow
from .execution import ROUNDS, Execution
from .flow_engine import FlowEngine
from .model import Action, Chain, Event, Pack, new_id
from .observer import Observer, unobserved

__all__ = [
    "ROUNDS",
    "Action",
    "Chain",
    "Event",
    "Execution",
    "Flow",
    "FlowEngine",
    "FlowError",
    "Observer",
    "Pack",
    "Step",
    "StepCommand",
    "StepEvent",
    "WireModel",
    "load_flows",
    "new_id",
    "parse_flow",
    "unobserved",
]
