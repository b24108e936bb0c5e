"""What flows work on: packs, the events they send, and the actions they are given."""

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from ..templates import GoTime, Struct, from_json, text_map


def new_id() -> str:
    """Return an id of the server's form, 24 hexadecimal digits."""
    return secrets.token_hex(12)


@dataclass(frozen=True)
class Chain:
    """What one event set off, its results and what they set off included.

    Args:
        id: Names it in the trace.
        rounds: How often each step has run on the way here, by flow and step.
        totals: How often each step has run in the whole chain.
    """

    id: str = field(default_factory=new_id)
    rounds: Mapping[tuple[str, str], int] = field(default_factory=dict)
    totals: Counter[tuple[str, str]] = field(default_factory=Counter)

    def after(self, flow: str, step: str) -> "Chain":
        """Return where the chain stands after a step has run."""
        key = (flow, step)
        self.totals[key] += 1
        return Chain(self.id, {**self.rounds, key: self.rounds.get(key, 0) + 1}, self.totals)


@dataclass
class Pack:
    """A pack as events and actions know it."""

    id: str = ""
    name: str = ""
    labels: dict[str, str] = field(default_factory=dict)

    def may_take(self, action: "Action") -> bool:
        """Whether the action is for a pack of this name, and every label it asks for is among this one's."""
        return action.pack_name == self.name and action.pack_labels.items() <= self.labels.items()


@dataclass
class Event:
    """An event that a pack posted, or the result of an action: then `result_of` is the action's id."""

    name: str = ""
    pack: Pack = field(default_factory=Pack)
    payload: Any = None
    created_at: datetime = datetime.min
    received_at: datetime = datetime.min
    result_of: str | None = None
    chain: Chain = field(default_factory=Chain, compare=False, repr=False)

    @cached_property
    def value(self) -> Struct:
        """What templates see as `Event`."""
        labels = text_map(self.pack.labels)
        pack = Struct("execution.Pack", {"Id": self.pack.id, "Name": self.pack.name, "Labels": labels})
        return Struct(
            "execution.Event",
            {
                "Name": self.name,
                "Pack": pack,
                "Payload": from_json(self.payload, shared=True),
                "CreatedAt": GoTime(_aware(self.created_at)),
                "ReceivedAt": GoTime(_aware(self.received_at)),
            },
        )


@dataclass
class Action:
    """A command to be carried out by a pack, with everything that led to it and came of it."""

    name: str
    pack_name: str
    input: Any
    pack_labels: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=new_id)
    correlation_id: str = field(default_factory=new_id)
    flow_name: str = ""
    flow_uuid: str = ""
    step_id: str = ""
    context: dict[str, str] = field(default_factory=dict)
    trigger: Event = field(default_factory=Event)
    result: Event = field(default_factory=Event)
    states: list[tuple[str, datetime]] = field(default_factory=lambda: [("NEW", datetime.now(UTC))])
    chain: Chain = field(default_factory=Chain, compare=False, repr=False)
    step_name: str = field(default="", compare=False, repr=False)

    @property
    def state(self) -> str:
        """NEW, PENDING once taken, and in the end SUCCESS or FATAL."""
        return self.states[-1][0]

    def take(self) -> None:
        """Give the action away, for good."""
        self.states.append(("PENDING", datetime.now(UTC)))

    def complete(self, result: Event) -> None:
        """Note the result."""
        self.result = result
        self.states.append(("FATAL" if result.name == "FATAL" else "SUCCESS", datetime.now(UTC)))

    @property
    def completed(self) -> bool:
        """Whether there is a result."""
        return self.state in {"SUCCESS", "FATAL"}


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
