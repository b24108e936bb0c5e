"""`ShortcutUsed`: somebody chose a shortcut of the app's, from the search or from a message's menu."""

from typing import Literal

from pydantic import Field

from ..api.timestamps import seconds
from ..workspace.profiles import text
from ..workspace.workspace import Workspace
from .base import Body, Bot, EventKind, Received
from .common import InChannel
from .interactions import message_keys, place_keys, received, response_url
from .slash_command import COMMANDS

_MESSAGE = "message_action"


class ShortcutPayload(InChannel):
    """A shortcut, who used it, and on which message; the channel of a global one is empty."""

    callback_id: str = Field(description="the shortcut's `callback_id`")
    kind: Literal["global", "message"] = Field(description="`global`, or `message` if it was used on one")
    message: str = Field(description="text of that message")
    timestamp: str = Field(description="that message's `ts`")
    thread_timestamp: str = Field(description="its thread's root; its own, if it is in no thread")
    trigger_id: str = Field(description="opens a modal, once, within three seconds")
    response_url: str = Field(description="for `respond`; good for half an hour")


class ShortcutUsed(EventKind):
    """Somebody used a shortcut of the app's."""

    name = "ShortcutUsed"
    payload = ShortcutPayload
    scopes = (COMMANDS,)
    criteria = "{{ Event.Payload.callbackId == 'open_ticket' and Event.Payload.kind == 'message' }}"

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which use it is."""
        if body.get("type") not in ("shortcut", _MESSAGE):
            return None
        return received(self.name, body, seconds(body.get("action_ts")))

    async def event(self, body: Body, workspace: Workspace) -> ShortcutPayload:
        """Return the shortcut, and the message that it was used on."""
        return ShortcutPayload(
            **await place_keys(body, workspace),
            **message_keys(body),
            callback_id=text(body.get("callback_id")),
            kind="message" if body.get("type") == _MESSAGE else "global",
            trigger_id=text(body.get("trigger_id")),
            response_url=response_url(body),
        )
