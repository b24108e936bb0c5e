"""How the pack's parts are doing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .. import logs
from .pulse import Pulse


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
        answered: beats when Flyte answers a take.
        accepted: beats when Flyte accepts an event or a result.
        hindered: what Flyte does not accept, though it should (`event` or `result`, and which), and why.
        orphans: actions that Flyte shows as PENDING for the pack, that the pack does not hold, and that are
            not adopted.
        parts: the other parts by name, each asked anew whenever health is.
    """

    flyte: Condition = Condition(False, "not reached yet")
    registered: bool = False
    answered: Pulse = field(default_factory=Pulse)
    accepted: Pulse = field(default_factory=Pulse)
    hindered: dict[tuple[str, str], str] = field(default_factory=dict)
    orphans: int = 0
    parts: dict[str, Callable[[], Condition]] = field(default_factory=dict)

    @property
    def conditions(self) -> dict[str, Condition]:
        """Every part's condition, by name."""
        return {"FlyteApi": self._flyte()} | {name: condition() for name, condition in self.parts.items()}

    def _flyte(self) -> Condition:
        status = self.flyte.status
        if self.orphans:
            status += f"; {self.orphans} actions were lost between Flyte and the pack"
        for (what, _), cause in list(self.hindered.items())[:1]:
            status += (
                f"; {len(self.hindered)} events or results are not accepted, the first ({what}): {cause}"
            )
        return Condition(self.flyte.healthy and not self.hindered, status)

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
