"""`updateModal` (contract, section 10)."""

from typing import ClassVar

from pydantic import Field

from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown
from .base import SlackCommand
from .inputs import Input, Word
from .view import VIEW, View, ViewShown, shown


class UpdateModalInput(Input):
    """Input of `updateModal`."""

    view_id: Word = Field(description="`viewId` of the modal")
    view: View = VIEW
    hash: Word | None = Field(
        None, description="`hash` of the modal; if it has changed since, nothing is done"
    )


class ModalUpdated(ViewShown):
    """The modal shows the view."""


class UpdateModal(SlackCommand[UpdateModalInput]):
    """Changes a modal that is open."""

    name = "updateModal"
    input = UpdateModalInput
    succeeds: ClassVar = {"ModalUpdated": ModalUpdated}
    fails = "ModalUpdateFailure"
    echoes = ("viewId",)
    writes_to_channel = False
    after_crash = "It is repeated if no `hash` was given; with one it ends in `outcome_unknown`."
    example = (
        'viewId: "{{ Event.Payload.viewId }}"\n'
        "view:\n  title: Thank you\n  blocks:\n"
        "  - type: section\n    text: {type: mrkdwn, text: Your answer was sent}"
    )

    async def execute(self, given: UpdateModalInput, action: ActionContext) -> Event:
        """Change it."""
        answer = await self.tools.calls.call(
            "views.update",
            {"view_id": given.view_id, "view": given.view, "hash": given.hash},
            action,
            after_unknown=AfterUnknown.NEVER if given.hash else AfterUnknown.REPEAT,
        )
        payload = {"view_id": given.view_id, **{name: text for name, text in shown(answer).items() if text}}
        return self.succeeded(ModalUpdated(**{"callback_id": "", "hash": "", **payload}))
