"""What the interface shows of the workspace: people by name, and every key always there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..slack.views import View, Views
from ..workspace import TOMBSTONE, Channel, Message, User, Workspace

Shape = dict[str, Any]


class Shapes:
    """Makes the JSON of messages, channels, people and modals."""

    def __init__(self, workspace: Workspace, views: Views) -> None:
        self._workspace = workspace
        self._views = views

    def message(self, channel: Channel, message: Message) -> Shape:
        """Show a message. ``thread_ts`` is the root's on replies and ``null`` otherwise."""
        thread_ts = message.get("thread_ts", message["ts"])
        recipient = message.get("ephemeral_to", "")
        return {
            "ts": message["ts"],
            "user": self._name(message.get("user", self._workspace.bot.id)),
            "text": message["text"],
            "thread_ts": None if thread_ts == message["ts"] else thread_ts,
            "blocks": message.get("blocks", []),
            "attachments": message.get("attachments", []),
            "files": [{**file, "url": f"/api/files/{file['id']}"} for file in message.get("files", [])],
            "reactions": [
                {"name": r["name"], "users": [self._name(user) for user in r["users"]], "count": r["count"]}
                for r in message.get("reactions", [])
            ],
            "edited": "edited" in message,
            "ephemeral_to": self._name(recipient) if recipient else None,
            "channel": channel.id,
            "subtype": message.get("subtype", ""),
            "bot": "bot_id" in message,
            "author": message.get("username", ""),
            "icons": message.get("icons", {}),
            "deleted": message.get("subtype") == TOMBSTONE,
            "pinned": bool(message.get("pinned_to")),
            "reply_count": message.get("reply_count", 0),
            "reply_users": [self._name(user) for user in message.get("reply_users", [])],
            "latest_reply": message.get("latest_reply"),
            "permalink": self._workspace.permalink(channel, message),
        }

    def messages(self, channel: Channel) -> Iterable[Message]:
        """Return a channel's messages, ephemeral ones among them, oldest first."""
        if not channel.ephemerals:
            return channel.messages
        return sorted([*channel.messages, *channel.ephemerals], key=lambda message: str(message["ts"]))

    def _name(self, user_id: str) -> str:
        if user_id == self._workspace.bot.bot_id:
            return self._workspace.bot.name
        user = self._workspace.users.get(user_id)
        return user.name if user else user_id

    def directory(self, commands: Iterable[str]) -> Shape:
        """Show the channels, the people, and the slash commands that are known."""
        workspace = self._workspace
        return {
            "channels": [
                {
                    "id": channel.id,
                    "name": self.reference(channel),
                    "kind": channel.kind,
                    "topic": channel.topic,
                    "purpose": channel.purpose,
                    "archived": channel.is_archived,
                    "members": [member.name for member in workspace.members_of(channel)],
                    "bot": workspace.bot_is_in(channel.id),
                }
                for channel in workspace.channels.values()
            ],
            "users": [self.person(user) for user in workspace.users.values()],
            "usergroups": [
                {"id": group_id, "handle": handle, "members": [self._name(user) for user in members]}
                for group_id, (handle, members) in workspace.usergroups.items()
            ],
            "commands": sorted(commands),
        }

    def reference(self, channel: Channel) -> str:
        """Return the name that a request gives a channel: ``@NAME`` for a direct message with the bot."""
        if channel.kind != "im":
            return channel.name
        other = next(user for user in self._workspace.members_of(channel) if not user.bot_id)
        return f"@{other.name}"

    @staticmethod
    def person(user: User) -> Shape:
        """Show a person, or the bot."""
        return {
            "id": user.id,
            "name": user.name,
            "real_name": user.real_name,
            "display_name": user.display_name,
            "title": user.title,
            "bot": bool(user.bot_id),
        }

    def modals(self, user_id: str) -> list[Shape]:
        """Show a person's open modals, the one on top last."""
        return [self.modal(view) for view in self._views.of(user_id)]

    def modal(self, view: View) -> Shape:
        """Show a modal; ``view`` is Slack's own object, with what is filled in as its ``state``."""
        title = view.content.get("title") or {}
        return {
            "view_id": view.id,
            "callback_id": view.callback_id,
            "title": title.get("text", ""),
            "view": self._views.as_slack(view),
        }
