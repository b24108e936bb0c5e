"""The scopes that the chosen commands and events need, each with who needs it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from ..api.scopes import Scope

SLASH_AND_SHORTCUTS = "commands"
"""The scope of slash commands and shortcuts: the app has it when it declares one."""


class Needs(Protocol):
    """A command or a kind of event."""

    @property
    def name(self) -> str:
        """As flows know it."""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What it needs."""


@dataclass(slots=True)
class Needed:
    """A scope, and what it is for.

    Attributes:
        name: as Slack has it.
        alternatives: scopes any of which would do as well.
        purposes: what is done with it, each once.
        required_by: commands and events that cannot do without it.
        used_by: commands and events that can.
    """

    name: str
    alternatives: tuple[str, ...] = ()
    purposes: list[str] = field(default_factory=list)
    required_by: list[str] = field(default_factory=list)
    used_by: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Name it with who needs it, and what for."""
        who = ", ".join(self.required_by or self.used_by)
        instead = f", or {' or '.join(self.alternatives)}" if self.alternatives else ""
        return f"{self.name}{instead} ({'; '.join(self.purposes)}: {who})"


def needed(chosen: Iterable[Needs]) -> list[Needed]:
    """Return every scope that commands and events need, by name."""
    found: dict[str, Needed] = {}
    for each in chosen:
        for scope in each.scopes:
            one = found.setdefault(scope.name, Needed(scope.name, scope.alternatives))
            if scope.purpose not in one.purposes:
                one.purposes.append(scope.purpose)
            (one.required_by if scope.required else one.used_by).append(each.name)
    return [found[name] for name in sorted(found)]


def missing(chosen: Iterable[Needs], granted: Collection[str]) -> list[Needed]:
    """Return the scopes that are not granted, and for which nothing else that would do is."""
    return [
        each
        for each in needed(chosen)
        if each.name != SLASH_AND_SHORTCUTS and not {each.name, *each.alternatives} & set(granted)
    ]
