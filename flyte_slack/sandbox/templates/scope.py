"""What a rendering knows and leaves behind: variables, what it may cost, what it wrote, the world outside."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .budget import Budget
from .values import Value, joined_bytes


def _no_datastore(_key: str) -> Value:
    raise KeyError(_key)


@dataclass(frozen=True)
class World:
    """What templates reach beside their variables.

    Args:
        datastore: Returns the value kept under a key; `KeyError` if there is none, `ValueError` if it is not
            what its content type says.
        now: The time of `{% now %}`.
        chance: Where random numbers come from.
    """

    datastore: Callable[[str], Value] = _no_datastore
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    chance: random.Random = field(default_factory=random.SystemRandom)


class Output:
    """Text as it is written."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._parts: list[str] = []

    def write(self, text: str) -> None:
        """Add a text."""
        self._budget.write(len(text))
        self._parts.append(text)

    def text(self) -> str:
        """Return everything written."""
        return joined_bytes("".join(self._parts))


@dataclass
class Run:
    """One rendering: its budget, the world, and what single tags remember (`cycle`, `ifchanged`)."""

    world: World
    budget: Budget = field(default_factory=Budget)
    memory: dict[int, Any] = field(default_factory=dict)

    def output(self) -> Output:
        """Return an output that counts to this rendering."""
        return Output(self.budget)


@dataclass
class Scope:
    """The variables in force: `public` are given, `private` are the template's own and hide them."""

    run: Run
    public: Mapping[str, Value]
    private: dict[str, Value] = field(default_factory=dict)
    autoescape: bool = True

    def child(self) -> "Scope":
        """Return a scope whose changes do not reach this one."""
        self.run.budget.step(1 + len(self.private) // 16)
        return Scope(self.run, self.public, dict(self.private), self.autoescape)

    def look_up(self, name: str) -> Value:
        """Return a variable, `None` if there is none."""
        return self.private[name] if name in self.private else self.public.get(name)
