"""How the pack's parts are doing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .. import logs


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether one part works, with a sentence for people.

    Attributes:
        healthy: whether it works.
        status: what it does, or what is wrong.
    """

    healthy: bool
    status: str


@dataclass(slots=True)
class Health:
    """The condition of every part.

    Attributes:
        flyte: the Flyte API, as the last call to it found it.
        registered: whether Flyte knows the pack.
        orphans: actions that Flyte shows as PENDING for the pack, and that the pack does not hold.
        parts: the other parts by name, each asked anew whenever health is.
    """

    flyte: Condition = Condition(False, "not reached yet")
    registered: bool = False
    orphans: int = 0
    parts: dict[str, Callable[[], Condition]] = field(default_factory=dict)

    @property
    def conditions(self) -> dict[str, Condition]:
        """Every part's condition, by name."""
        lost = f"; {self.orphans} actions were lost between Flyte and the pack" if self.orphans else ""
        flyte = Condition(self.flyte.healthy, self.flyte.status + lost)
        return {"FlyteApi": flyte} | {name: condition() for name, condition in self.parts.items()}

    @property
    def ready(self) -> bool:
        """Whether the pack is registered, and every part works."""
        return self.registered and all(condition.healthy for condition in self.conditions.values())

    def report(self) -> dict[str, dict[str, object]]:
        """Return flyte-client's format: a name, whether it is healthy, and a sentence for people."""
        return {
            name: {"healthy": condition.healthy, "status": logs.redact(condition.status)}
            for name, condition in self.conditions.items()
        }
