"""`ModalSubmitted` and `ModalClosed`: how a modal ends."""

from pydantic import Field

from ..workspace.profiles import mapping, text
from ..workspace.workspace import Workspace
from .base import Body, Bot, EventKind, Received
from .common import ByUser
from .inputs import Value, view_keys
from .interactions import received, user_id, user_keys


class ModalPayload(ByUser):
    """A modal, and what was filled in."""

    view_id: str = Field(description="the view")
    callback_id: str = Field(description="its `callback_id`")
    private_metadata: str = Field(description="what it was opened with")
    inputs: dict[str, Value] = Field(description="what was filled in, by `action_id`")
    trigger_id: str = Field(description="opens another modal, once, within three seconds; none after closing")
    hash: str = Field(description="the view's state, for `updateModal`")


class _Modal(EventKind):
    """What both have in common."""

    payload = ModalPayload

    async def event(self, body: Body, workspace: Workspace) -> ModalPayload:
        """Return the modal as it was left."""
        return ModalPayload(
            **await user_keys(body, workspace),
            **view_keys(body),
            trigger_id=text(body.get("trigger_id")),
            hash=text(mapping(body.get("view")).get("hash")),
        )


class ModalSubmitted(_Modal):
    """Somebody filled in a modal and submitted it."""

    name = "ModalSubmitted"
    criteria = "{{ Event.Payload.callbackId == 'reason' and Event.Payload.inputs.why != '' }}"

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which submission it is."""
        if body.get("type") != "view_submission":
            return None
        view = mapping(body.get("view"))
        return received(self.name, body, tells=[view.get("id"), view.get("hash")])


class ModalClosed(_Modal):
    """Somebody closed a modal that was opened with `notify_on_close`."""

    name = "ModalClosed"
    criteria = "{{ Event.Payload.callbackId == 'reason' }}"

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which view it is: it is closed once, and nothing else tells it."""
        view_id = text(mapping(body.get("view")).get("id"))
        if body.get("type") != "view_closed" or not view_id:
            return None
        return Received(f"{self.name}:{view_id}", user_id(body), 0.0)
