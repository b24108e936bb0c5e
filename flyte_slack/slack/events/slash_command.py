"""`SlashCommandUsed`: somebody typed a command of the app's, such as `/deploy web`."""

from pydantic import Field

from ..api.scopes import Scope
from ..workspace.profiles import text
from ..workspace.workspace import Workspace
from .base import Body, Bot, EventKind, Received
from .common import InChannel
from .interactions import place_keys, received

COMMANDS = Scope("commands", "slash commands and shortcuts", required=False)
"""Needed only if the app declares one."""


class SlashCommandPayload(InChannel):
    """A slash command, who used it, and where."""

    command: str = Field(description="the command, with its slash")
    text: str = Field(description="what was typed after it")
    trigger_id: str = Field(description="opens a modal, once, within three seconds")
    response_url: str = Field(description="for `respond`; good for half an hour")


class SlashCommandUsed(EventKind):
    """Somebody used a slash command of the app's."""

    name = "SlashCommandUsed"
    payload = SlashCommandPayload
    scopes = (COMMANDS,)
    criteria = "{{ Event.Payload.command == '/deploy' and Event.Payload.text == 'web' }}"

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which use it is; the payload of a slash command is the one that has no type."""
        if "type" in body or not text(body.get("command")).startswith("/"):
            return None
        return received(self.name, body)

    async def event(self, body: Body, workspace: Workspace) -> SlashCommandPayload:
        """Return the command, and who used it where."""
        return SlashCommandPayload(
            **await place_keys(body, workspace),
            command=text(body.get("command")),
            text=text(body.get("text")),
            trigger_id=text(body.get("trigger_id")),
            response_url=text(body.get("response_url")),
        )
