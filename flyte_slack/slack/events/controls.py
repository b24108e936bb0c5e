"""`ButtonClicked` and `OptionSelected`: somebody uses a control of a message, a modal or the App Home."""

from abc import abstractmethod
from typing import Any, ClassVar

from pydantic import Field

from ..api.timestamps import seconds
from ..workspace.profiles import Json, mapping, objects, text
from ..workspace.workspace import Workspace
from .base import Body, Bot, EventKind, Payload, Received
from .common import InChannel
from .inputs import Value, chosen, has_several, label, labels, view_keys
from .interactions import actions_of, message_keys, place_keys, received, response_url

_LEGACY = "interactive_message"
_BUTTONS = ("button", "workflow_button")


class ControlPayload(InChannel):
    """Which control was used, by whom, and where."""

    action_id: str = Field(description="the control's `action_id`; its `name` in a legacy attachment")
    block_id: str = Field(description="the block that holds it; empty in a legacy attachment")
    value: str = Field(description="the button's value, or what was chosen")
    text: str = Field(description="the label of the button, or of what was chosen")
    message: str = Field(description="text of the message that it is in; empty in a view")
    timestamp: str = Field(description="that message's `ts`")
    thread_timestamp: str = Field(description="its thread's root; its own, if it is in no thread")
    inputs: dict[str, Value] = Field(description="what else is filled in there, by `action_id`")
    callback_id: str = Field(description="the view's, or the legacy attachment's")
    view_id: str = Field(description="the view that it is in; empty in a message")
    private_metadata: str = Field(description="what the view was opened with")
    trigger_id: str = Field(description="opens a modal, once, within three seconds")
    response_url: str = Field(description="for `respond`; good for half an hour")
    event_timestamp: str = Field(description="when it happened, as Slack has it")


class ButtonClickedPayload(ControlPayload):
    """Which button was clicked, by whom, and where."""


class OptionSelectedPayload(ControlPayload):
    """What was chosen, by whom, and where."""

    values: list[str] = Field(description="all that is chosen; `value` is empty if there can be several")


class _Control(EventKind):
    """What both have in common."""

    payload: ClassVar[type[Payload]]

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which use of a control it is; two clicks are two."""
        actions = actions_of(body)
        if body.get("type") not in ("block_actions", _LEGACY) or not actions:
            return None
        action = actions[0]
        if not self._is_mine(action):
            return None
        at = action.get("action_ts") or body.get("action_ts")
        return received(self.name, body, seconds(at), [at, action.get("action_id") or action.get("name")])

    async def event(self, body: Body, workspace: Workspace) -> Payload:
        """Return the control, and everything around it."""
        action = actions_of(body)[0]
        legacy = body.get("type") == _LEGACY
        view = view_keys(body)
        in_view = {"message": "", "timestamp": "", "thread_timestamp": ""}
        keys = {
            **await place_keys(body, workspace),
            **(in_view if view["view_id"] else message_keys(body)),
            **view,
            "action_id": text(action.get("name" if legacy else "action_id")),
            "block_id": "" if legacy else text(action.get("block_id")),
            "callback_id": view["callback_id"] or text(body.get("callback_id")),
            "trigger_id": text(body.get("trigger_id")),
            "response_url": response_url(body),
            "event_timestamp": text(action.get("action_ts") or body.get("action_ts")),
        }
        return self.payload(**keys, **self._chosen(_with_label(action, body) if legacy else action))

    @abstractmethod
    def _is_mine(self, action: Json) -> bool:
        """Whether a control is of this kind."""

    @abstractmethod
    def _chosen(self, action: Json) -> dict[str, Any]:
        """Return what was clicked or chosen."""


class ButtonClicked(_Control):
    """Somebody clicked a button of a message, a modal or the App Home."""

    name = "ButtonClicked"
    payload = ButtonClickedPayload
    criteria = "{{ Event.Payload.actionId == 'approve' and Event.Payload.value == 'release-42' }}"

    def _is_mine(self, action: Json) -> bool:
        return action.get("type") in _BUTTONS

    def _chosen(self, action: Json) -> dict[str, Any]:
        return {"value": text(action.get("value")), "text": label(action)}


class OptionSelected(_Control):
    """Somebody chose something: from a menu, a date, a time, by radio buttons or check boxes."""

    name = "OptionSelected"
    payload = OptionSelectedPayload
    criteria = "{{ Event.Payload.actionId == 'environment' and Event.Payload.value == 'production' }}"

    def _is_mine(self, action: Json) -> bool:
        return action.get("type") not in _BUTTONS

    def _chosen(self, action: Json) -> dict[str, Any]:
        values = chosen(action)
        value = "" if has_several(action) else "".join(values[:1])
        return {"value": value, "values": values, "text": labels(action)}


def _with_label(action: Json, body: Body) -> Json:
    """Return a legacy action with the labels that only the message has."""
    attachments = objects(mapping(body.get("original_message")).get("attachments"))
    shown = [
        control
        for attachment in attachments
        for control in objects(attachment.get("actions"))
        if control.get("name") == action.get("name")
    ]
    if action.get("type") == "button":
        found = [control for control in shown if text(control.get("value")) == text(action.get("value"))]
        return {**action, "text": text(found[0].get("text")) if found else ""}
    options = [
        option
        for control in shown
        for group in (control, *objects(control.get("option_groups")))
        for option in objects(group.get("options"))
    ]
    texts = {text(option.get("value")): text(option.get("text")) for option in options}
    picked = [
        {**option, "text": text(option.get("text")) or texts.get(text(option.get("value")), "")}
        for option in objects(action.get("selected_options"))
    ]
    return {**action, "selected_options": picked}
