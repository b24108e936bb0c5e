"""What goes over the wire to and from the Flyte API.

Shapes as the real server shows them; unknown fields of its answers are passed over.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Link(BaseModel):
    """A link: where, and what it is: `rel` is a word, or an absolute URL into the API's documentation."""

    model_config = ConfigDict(extra="ignore")

    href: str
    rel: str


class Linked(BaseModel):
    """An answer with links: the root, or the index of a version of the API."""

    model_config = ConfigDict(extra="ignore")

    links: list[Link] = Field(default_factory=list)


class EventRegistration(BaseModel):
    """An event definition, as it is registered."""

    name: str
    links: list[Link] = Field(default_factory=list)


class CommandRegistration(BaseModel):
    """A command, as it is registered."""

    name: str
    events: list[str]
    links: list[Link] = Field(default_factory=list)


class PackRegistration(BaseModel):
    """A pack definition, as it is registered. The only rel a pack may send is `help`."""

    name: str
    labels: dict[str, str] = Field(default_factory=dict)
    commands: list[CommandRegistration] = Field(default_factory=list)
    events: list[EventRegistration] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)


class RegisteredPack(Linked):
    """The server's answer to a registration."""

    id: str = ""


class ListedPack(BaseModel):
    """A pack, as the list of packs shows it; when it last called, and what the server makes of that."""

    name: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    last_seen: str = Field("", alias="lastSeen")
    status: str = ""


class PackList(BaseModel):
    """The packs that are registered."""

    packs: list[ListedPack] = Field(default_factory=list)


class TakenAction(Linked):
    """An action, as a take answers it. `input` may be any JSON value."""

    command: str
    input: Any = None


@dataclass(frozen=True, slots=True)
class PackLinks:
    """Where a registered pack posts its events and takes its actions.

    Attributes:
        pack_id: the server's id of the pack.
        events: reference of the link that takes events.
        take: reference of the link that hands out actions.
    """

    pack_id: str
    events: str
    take: str


@dataclass(frozen=True, slots=True)
class Action:
    """An action that was taken and now must be completed.

    Attributes:
        command: name of the command.
        input: its input, whatever JSON value the flow gave.
        result: reference of the link that takes the result; no other action has the same.
    """

    command: str
    input: Any
    result: str
