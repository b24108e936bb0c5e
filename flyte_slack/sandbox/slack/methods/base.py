"""What the methods share: which channel or message is meant, and whether the bot may see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ...workspace import Channel, Message, NotInWorkspaceError, Workspace
from ..arguments import Arguments
from ..errors import MethodError

Answer = dict[str, Any]
Table = dict[str, Callable[[Arguments], Answer]]


def is_ts(text: str) -> bool:
    """Whether a text has the form of a message's timestamp."""
    return re.fullmatch(r"\d{10,}\.\d+", text) is not None


class Methods:
    """A family of methods. A bot knows of every public channel, and of the other ones it is in."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def is_visible(self, channel: Channel) -> bool:
        """Whether the bot may know that the channel exists."""
        return channel.kind == "channel" or self.workspace.bot_is_in(channel.id)

    def channel(self, arguments: Arguments, name: str = "channel") -> Channel:
        """Return the channel whose id is given, if the bot may know that it exists."""
        channel = self.workspace.channels.get(arguments.required(name))
        if channel is None or not self.is_visible(channel):
            raise MethodError("channel_not_found")
        return channel

    def joined_channel(self, arguments: Arguments, name: str = "channel") -> Channel:
        """Return the channel whose id is given, if the bot is a member of it."""
        channel = self.channel(arguments, name)
        if not self.workspace.bot_is_in(channel.id):
            raise MethodError("not_in_channel")
        return channel

    def writable_channel(self, arguments: Arguments) -> Channel:
        """Return the channel whose id is given, if the bot is a member and it is not archived."""
        channel = self.joined_channel(arguments)
        if channel.is_archived:
            raise MethodError("is_archived")
        return channel

    def target(self, reference: str) -> Channel:
        """Return where a post to this id, user id or name of a public channel goes."""
        workspace = self.workspace
        if reference in workspace.users:
            if reference == workspace.bot.id:
                raise MethodError("cannot_dm_bot")
            return workspace.open_direct(reference)
        try:
            channel = workspace.channel(reference)
        except NotInWorkspaceError:
            raise MethodError("channel_not_found") from None
        if channel.id != reference and channel.kind != "channel":
            raise MethodError("channel_not_found")
        if channel.is_archived:
            raise MethodError("is_archived")
        if channel.kind != "channel" and not workspace.bot_is_in(channel.id):
            raise MethodError("not_in_channel" if channel.kind == "group" else "channel_not_found")
        return channel

    def message(self, channel: Channel, ts: str) -> Message:
        """Return the message of that ``ts``."""
        message = self.workspace.find(channel, ts)
        if message is None or message.get("subtype") == "tombstone":
            raise MethodError("message_not_found")
        return message

    def thread_ts(self, arguments: Arguments) -> str:
        """Read ``thread_ts``, which need not be there but must look like one."""
        thread_ts = arguments.text("thread_ts")
        if arguments.get("thread_ts") is not None and not is_ts(thread_ts):
            raise MethodError("invalid_thread_ts", f"[ERROR] {thread_ts} is not a valid thread_ts")
        return thread_ts

    def bot_profile(self) -> Answer:
        """Describe the bot as messages and ``bots.info`` do."""
        bot = self.workspace.bot
        identity = {"id": bot.bot_id, "app_id": self.workspace.app_id, "name": bot.real_name}
        return {**identity, "deleted": False, "updated": 0, "team_id": self.workspace.team_id, "icons": {}}

    def author(self, arguments: Arguments) -> Message:
        """Return whom a post is by: the bot, under a name and icon of its own if asked for."""
        bot = self.workspace.bot
        author: Message = {"bot_id": bot.bot_id, "app_id": self.workspace.app_id}
        icons = {"emoji": arguments.text("icon_emoji"), "image_48": arguments.text("icon_url")}
        icons = {kind: value for kind, value in icons.items() if value}
        username = arguments.text("username")
        if username or icons:
            author |= {"subtype": "bot_message", "username": username or bot.real_name}
            return author | ({"icons": icons} if icons else {})
        return author | {"user": bot.id, "bot_profile": self.bot_profile()}
