"""What makes a program a Flyte pack: register, take actions, execute them, deliver events and results.

It knows no tool: another pack can be built on it.
"""

from .definition import FATAL, ActionContext, Command, Event, EventDefinition, Named, PackDefinition

__all__ = ["FATAL", "ActionContext", "Command", "Event", "EventDefinition", "Named", "PackDefinition"]
