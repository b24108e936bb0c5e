"""A scope of the bot token, as a command or an event declares it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope that something needs.

    Attributes:
        name: as Slack has it, such as `chat:write`.
        purpose: what is done with it, to follow the name in a sentence.
        alternatives: scopes any of which would do as well.
        required: whether it cannot be done without; a lookup of names, for instance, can.
    """

    name: str
    purpose: str
    alternatives: tuple[str, ...] = ()
    required: bool = True
