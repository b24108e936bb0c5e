"""``reactions.*`` and ``pins.*``: what the bot does to messages beside writing them."""

from __future__ import annotations

import re

from ...workspace import Channel, Message, Workspace
from ..arguments import Arguments
from ..errors import MethodError
from .base import Answer, Methods, Table

EMOJI = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


class Reactions(Methods):
    """The methods of reactions and pins."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.table: Table = {
            "pins.add": self.pin,
            "pins.list": self.pins,
            "pins.remove": self.unpin,
            "reactions.add": self.add,
            "reactions.get": self.get,
            "reactions.remove": self.remove,
        }

    def add(self, arguments: Arguments) -> Answer:
        """React to a message as the bot."""
        channel, message, name = self._reaction(arguments)
        if channel.is_archived:
            raise MethodError("is_archived")
        if not self.workspace.react(channel, message, name, self.workspace.bot.id):
            raise MethodError("already_reacted")
        return {}

    def remove(self, arguments: Arguments) -> Answer:
        """Take the bot's reaction back."""
        channel, message, name = self._reaction(arguments)
        if not self.workspace.unreact(channel, message, name, self.workspace.bot.id):
            raise MethodError("no_reaction")
        return {}

    def get(self, arguments: Arguments) -> Answer:
        """Read a message with its reactions."""
        channel, message = self._message(arguments)
        shown = {key: value for key, value in message.items() if key != "metadata"}
        shown["permalink"] = self.workspace.permalink(channel, message)
        return {"type": "message", "channel": channel.id, "message": shown}

    def _reaction(self, arguments: Arguments) -> tuple[Channel, Message, str]:
        name = arguments.required("name").strip(":")
        if not EMOJI.fullmatch(name):
            raise MethodError("invalid_name")
        return *self._message(arguments), name

    def _message(self, arguments: Arguments) -> tuple[Channel, Message]:
        channel = self.joined_channel(arguments)
        ts = arguments.text("timestamp")
        if not ts:
            raise MethodError("no_item_specified")
        return channel, self.message(channel, ts)

    def pin(self, arguments: Arguments) -> Answer:
        """Pin a message to its channel."""
        channel, message = self._message(arguments)
        if not self.workspace.pin(channel, message, self.workspace.bot.id):
            raise MethodError("already_pinned")
        return {}

    def unpin(self, arguments: Arguments) -> Answer:
        """Take a pin off."""
        channel, message = self._message(arguments)
        if not self.workspace.unpin(channel, message, self.workspace.bot.id):
            raise MethodError("not_pinned")
        return {}

    def pins(self, arguments: Arguments) -> Answer:
        """List what is pinned to a channel, the newest pin first."""
        channel = self.joined_channel(arguments)
        items = []
        for pin in channel.pins:
            message = self.workspace.find(channel, pin.ts)
            if message is not None:
                link = {"permalink": self.workspace.permalink(channel, message)}
                item = {"type": "message", "channel": channel.id, "message": {**message, **link}}
                items.append({**item, "created": pin.created, "created_by": pin.user_id})
        return {"items": items}
