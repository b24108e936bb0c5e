"""Flyte's audit: what became of the actions that flows asked for."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

PAGE = 100
"""Executions of flows that are asked for at once."""

_PENDING = "PENDING"


@dataclass(frozen=True, slots=True)
class PendingAction:
    """An action that somebody took and nobody has completed.

    Attributes:
        id: Flyte's id of it, which is a part of its result link.
        command: name of the command.
        input: its input, whatever JSON value the flow gave.
        since: when it was taken, on this process's monotonic clock, as Flyte's clock tells its age.
    """

    id: str
    command: str
    input: Any
    since: float


class ActionState(BaseModel):
    """State of an action in Flyte: NEW, PENDING, SUCCESS or FATAL, and since when."""

    value: str
    time: AwareDatetime


class AuditedAction(BaseModel):
    """An action, as the audit shows it."""

    id: str
    name: str = ""
    pack_name: str = Field("", alias="packName")
    pack_labels: dict[str, str] = Field(default_factory=dict, alias="packLabels")
    input: Any = None
    state: ActionState


class FlowAudit(BaseModel):
    """A page of the audit: executions of flows, the newest first."""

    flows: list[Any] = Field(default_factory=list)

    def actions(self) -> list[AuditedAction]:
        """Return the actions of all executions; one that cannot be read costs no other."""
        found = []
        for flow in self.flows:
            steps = flow.get("actions") if isinstance(flow, dict) else None
            for action in steps.values() if isinstance(steps, dict) else ():
                with contextlib.suppress(ValidationError):
                    found.append(AuditedAction.model_validate(action))
        return found


def query(reference: str, pack: str, start: int) -> str:
    """Return the reference of a page of the executions in which a pack has actions."""
    joint = "&" if "?" in reference else "?"
    return reference + joint + urlencode({"actionPackName": pack, "start": start, "limit": PAGE})


def is_pending(action: AuditedAction, pack: str, labels: Mapping[str, str]) -> bool:
    """Whether a pack took an action and did not complete it.

    A pack takes the actions whose labels are all its own, those without labels included.
    """
    is_its = action.pack_name == pack and action.pack_labels.items() <= labels.items()
    return is_its and action.state.value == _PENDING


def now(response: httpx.Response) -> datetime:
    """Return what time it was in Flyte when it answered."""
    try:
        told = parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
    return told if told.tzinfo else told.replace(tzinfo=UTC)
