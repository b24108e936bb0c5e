"""What makes a program a Flyte pack: register, take actions, execute them, deliver events and results.

It knows nothing of Slack: another pack could be built on it.
"""

from .definition import ActionContext, Command, Event, EventDefinition, PackDefinition

__all__ = ["ActionContext", "Command", "Event", "EventDefinition", "PackDefinition"]
