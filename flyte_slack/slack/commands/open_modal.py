"""`openModal` (contract, section 10)."""

from typing import ClassVar

from pydantic import Field

from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown
from .base import SlackCommand
from .inputs import Input, Word
from .view import VIEW, View, ViewShown, shown


class OpenModalInput(Input):
    """Input of `openModal`."""

    trigger_id: Word = Field(description="`triggerId` of an interactive event; good for three seconds, once")
    view: View = VIEW


class ModalOpened(ViewShown):
    """The modal is open."""


class OpenModal(SlackCommand[OpenModalInput]):
    """Opens a modal for the user whose click, command or shortcut an event told of."""

    name = "openModal"
    input = OpenModalInput
    succeeds: ClassVar = {"ModalOpened": ModalOpened}
    fails = "ModalOpenFailure"
    echoes = ("triggerId",)
    writes_to_channel = False
    after_crash = "It is not repeated: it ends in `outcome_unknown`; its trigger is too old by then."
    example = (
        'triggerId: "{{ Event.Payload.triggerId }}"\n'
        "view:\n  callback_id: reason\n  title: Reason\n  submit: Send\n  blocks:\n"
        "  - type: input\n    label: {type: plain_text, text: Why}\n"
        "    element: {type: plain_text_input, action_id: why}"
    )

    async def execute(self, given: OpenModalInput, action: ActionContext) -> Event:
        """Open it."""
        answer = await self.tools.calls.call(
            "views.open",
            {"trigger_id": given.trigger_id, "view": given.view},
            action,
            after_unknown=AfterUnknown.NEVER,
            promises={"view"},
        )
        return self.succeeded(ModalOpened(**shown(answer)))
