"""What an event of the pack's declares, and what it is asked.

A kind of event is one file: it says which of Slack's payloads it is made from, and makes what flows
see of them. The ways in (Socket Mode, HTTP, history) ask `read` once; the row in the inbox says which
kind it is, and delivery asks that kind for the payload.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from ..api.scopes import Scope
from ..workspace.directory import Directory
from ..workspace.workspace import Workspace

Body = Mapping[str, Any]
"""A payload as Slack sends it: of the Events API (`event_callback` and other outer types), of
interactivity (`block_actions`, `view_submission`, …), or a slash command (which has no `type`)."""


@dataclass(frozen=True, slots=True)
class Received:
    """What a payload is, before anything is looked up.

    Attributes:
        key: what makes two deliveries the same event; keys of different kinds never meet.
        lane: what it must stay in order with: its channel, or its user if it has none.
        position: its time, in seconds since the epoch, and so its place in the lane; 0 stands for the
            time of arrival.
        fills_gaps: whether history can bring it back, so that it moves the mark from which gaps are read.
    """

    key: str
    lane: str
    position: float
    fills_gaps: bool = False


@dataclass(frozen=True, slots=True)
class Bot:
    """Who the pack is in Slack, and whom of its kind it listens to.

    Attributes:
        user_id: the bot's user (`U…`); empty until Slack has told.
        bot_id: the bot (`B…`), as its messages carry it.
        app_id: the app (`A…`).
        hears: bots whose messages are forwarded too: their bot ids, users and apps, or `all`.
    """

    user_id: str = ""
    bot_id: str = ""
    app_id: str = ""
    hears: frozenset[str] = frozenset()


class Payload(BaseModel):
    """A payload as flows see it: strings, objects and lists of them; what is unknown is empty."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")

    def wire(self) -> dict[str, Any]:
        """Return it with its keys in camelCase."""
        return self.model_dump(by_alias=True)


class EventKind(ABC):
    """One kind of event.

    Attributes:
        name: of the event, as flows see it.
        payload: model of its payload.
        subscriptions: Slack's event types that the app subscribes to for it.
        scopes: what it needs.
        criteria: an example of a step's criteria, for the documentation.
    """

    name: ClassVar[str]
    payload: ClassVar[type[Payload]]
    criteria: ClassVar[str]
    subscriptions: tuple[str, ...] = ()
    scopes: tuple[Scope, ...] = ()

    @abstractmethod
    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return what a payload is, or None if it is none of this kind. Pure: nothing is looked up."""

    def keep(self, body: Body, directory: Directory) -> dict[str, Any]:
        """Return what of a payload is stored: all of it but Slack's verification token.

        Args:
            body: as it was received.
            directory: what is known at this moment, without a lookup.
        """
        return {key: value for key, value in body.items() if key != "token"}

    @abstractmethod
    async def event(self, body: Body, workspace: Workspace) -> Payload:
        """Return what flows see.

        Args:
            body: what was stored.
            workspace: names users and channels. A lookup that fails costs no event.
        """
