"""What a command of the pack's declares; its base reads the input and makes the failure event.

A command is one file: its input, the payload of its success, the name of its failure, the scopes it
needs, the lane it stays in order with, and one method that does it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from ...pack import ActionContext, Event
from ..api.scopes import Scope
from ..events.base import Payload
from .inputs import Input

In = TypeVar("In", bound=Input)


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
    """

    name: ClassVar[str]
    input: ClassVar[type[Any]]
    succeeds: ClassVar[Mapping[str, type[Payload]]]
    fails: ClassVar[str]
    echoes: ClassVar[tuple[str, ...]] = ("channelId",)
    scopes: ClassVar[tuple[Scope, ...]] = ()
    writes_to_channel: ClassVar[bool] = True

    @abstractmethod
    async def execute(self, given: In, action: ActionContext) -> Event:
        """Do it, and return the event of its success.

        Raises:
            CommandError: it becomes the failure event.
        """
