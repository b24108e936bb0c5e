"""What a command of the pack's declares; its base reads the input and makes the failure event.

A command is one file: its input, the payload of its success, the name of its failure, the scopes it
needs, the lane it stays in order with, and one method that does it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from ...errors import CallRefused, InvalidInput, OutcomeUnknown
from ...pack import ActionContext, Command, Event
from ...pack.definition import Lane
from ..api.failures import Kind
from ..api.scopes import Scope
from ..api.timestamps import instant
from ..events.base import Payload
from ..sending.advice import advise
from .inputs import Input, as_text, as_timestamp, read_input
from .tools import Tools

In = TypeVar("In", bound=Input)

_LONGEST_ECHO = 1_000_000  # a failure must stay below the 16 MB that Flyte takes
_LISTS = {"userIds"}
_TIMESTAMPS = {"threadTimestamp", "timestamp"}
_UNSEEN = {"channel_not_found", "invalid_auth", "user_not_found", "unavailable"}
"""Refusals after which a channel's name cannot be looked up."""


class SlackCommand(ABC, Generic[In]):
    """One command.

    Attributes:
        name: as flows call it.
        input: model of its input.
        succeeds: the events of its success, each with the model of its payload.
        fails: name of the event of its failure.
        echoes: inputs that a failure gives back, as they were given.
        scopes: what it needs.
        writes_to_channel: whether it stays in order with what else is written to its channel; if not,
            it waits for nobody.
        after_crash: what happens to an action that a crash cut off, for the documentation.
        example: input of a step, in YAML, for the documentation.

    Args:
        tools: what it works with.
    """

    name: ClassVar[str]
    input: ClassVar[type[Any]]
    succeeds: ClassVar[Mapping[str, type[Payload]]]
    fails: ClassVar[str]
    echoes: ClassVar[tuple[str, ...]] = ("channelId",)
    scopes: ClassVar[tuple[Scope, ...]] = ()
    writes_to_channel: ClassVar[bool] = True
    after_crash: ClassVar[str] = "It is repeated: doing it twice is doing it once."
    example: ClassVar[str] = ""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools

    @abstractmethod
    async def execute(self, given: In, action: ActionContext) -> Event:
        """Do it, and return the event of its success.

        Raises:
            CommandError: it becomes the failure event.
        """

    def command(self, help_url: str) -> Command:
        """Return it as the pack declares it."""
        return Command(
            name=self.name,
            handler=self,
            succeeds=tuple(self.succeeds),
            fails=self.fails,
            help_url=help_url,
            lane=self._lane,
            find_lane=self.tools.workspace.channels.find,
            merges=self.replaces,
            echo=self._echo,
        )

    def replaces(self, input_: Mapping[str, Any]) -> str | None:
        """Return what an action replaces; of those that wait in a row, the newest is executed for all."""
        return None

    async def __call__(self, input_: dict[str, Any], action: ActionContext) -> Event:
        """Do what the input says; ends in exactly one event."""
        try:
            return await self.execute(read_input(self.input, input_), action)
        except InvalidInput as error:
            return self._failed(input_, f"the input cannot be used: {error}", "invalid_input", Kind.INPUT)
        except CallRefused as error:
            return self._failed(input_, await self._advice(input_, error), error.code, error.kind)
        except OutcomeUnknown as error:
            return self._failed(input_, str(error), "outcome_unknown", Kind.UNKNOWN)

    def succeeded(self, payload: Payload, ts: str = "") -> Event:
        """Return the event of a success.

        Args:
            payload: of one of the events declared.
            ts: when it was, if Slack told; now, by default.
        """
        name = next(name for name, model in self.succeeds.items() if isinstance(payload, model))
        return Event(name, payload.wire(), created_at=instant(ts))

    async def channel(self, reference: str) -> str:
        """Return the id of a channel given by its name, its id, or the user of a direct message.

        Raises:
            CallRefused: Slack opens no direct message with this user.
        """
        channels = self.tools.workspace.channels
        id_ = channels.known(reference) or await channels.find(reference)
        if id_[:1] not in {"U", "W"}:
            return id_
        opened = await self.tools.calls.read("conversations.open", {"users": id_})
        channel = opened.get("channel")
        return str(channel.get("id") if isinstance(channel, Mapping) else "") or id_

    def _lane(self, input_: Mapping[str, Any]) -> Lane:
        channel = _channel(input_)
        if not self.writes_to_channel or not channel:
            return None
        return self.tools.workspace.channels.lane(channel)

    def _failed(self, input_: Mapping[str, Any], error: str, code: str, kind: str) -> Event:
        return Event(self.fails, {**self._echo(input_), "error": error, "code": code, "kind": str(kind)})

    def _echo(self, input_: Mapping[str, Any]) -> dict[str, Any]:
        return {name: echo(input_.get(name), name) for name in self.echoes}

    async def _advice(self, input_: Mapping[str, Any], error: CallRefused) -> str:
        return advise(
            error,
            channel=await self._known_as(_channel(input_), error.code),
            thread=str(echo(input_.get("threadTimestamp"), "threadTimestamp")),
            bot=self.tools.workspace.identity.name,
            needs=[scope.name for scope in self.scopes if scope.required],
        )

    async def _known_as(self, channel: str, code: str) -> str:
        """Return a channel as people know it, such as `#ops`, if Slack tells."""
        if self.tools.workspace.channels.known(channel) != channel:
            return f"#{channel}"
        if code in _UNSEEN:
            return channel
        name = (await self.tools.workspace.directory.channel(channel)).name
        return f"#{name}" if name else channel


def echo(value: object, name: str) -> str | list[str]:
    """Return an input as the text that it was understood as; what is no text is empty."""
    if name in _LISTS and isinstance(value, list):
        return [str(echo(item, "")) for item in value]
    if name in _TIMESTAMPS and not isinstance(value, str):
        value = as_timestamp(value)
    text = as_text(value)
    return text[:_LONGEST_ECHO] if isinstance(text, str) else ""


def _channel(input_: Mapping[str, Any]) -> str:
    """Return the channel of an input, as it is named there."""
    return str(echo(input_.get("channelId"), "channelId")).strip().lstrip("#")
