"""``conversations.*`` that change something: creating, inviting, joining, archiving, describing."""

from __future__ import annotations

import re
from typing import Any

from ...workspace import Channel, NotInWorkspaceError, Workspace
from ..arguments import Arguments
from ..errors import MethodError
from .base import Answer, Methods, Table
from .conversations import conversation

NAME_LIMIT = 80
TOPIC_LIMIT = 250
INVITE_LIMIT = 100


def checked_name(workspace: Workspace, name: str) -> str:
    """Return a name for a channel. Raises Slack's refusals of one that cannot be had."""
    if not name:
        raise MethodError("invalid_name_required")
    if len(name) > NAME_LIMIT:
        raise MethodError("invalid_name_maxlength")
    if not re.search(r"[^\W_]", name):
        raise MethodError("invalid_name_punctuation")
    if not re.fullmatch(r"[\w-]+", name) or name != name.lower():
        raise MethodError("invalid_name_specials")
    try:
        workspace.channel(name)
    except NotInWorkspaceError:
        return name
    raise MethodError("name_taken")


class Channels(Methods):
    """The methods that change channels and who is in them."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.table: Table = {
            "conversations.archive": self.archive,
            "conversations.create": self.create,
            "conversations.invite": self.invite,
            "conversations.join": self.join,
            "conversations.kick": self.kick,
            "conversations.leave": self.leave,
            "conversations.rename": self.rename,
            "conversations.setPurpose": self.set_purpose,
            "conversations.setTopic": self.set_topic,
            "conversations.unarchive": self.unarchive,
        }

    def create(self, arguments: Arguments) -> Answer:
        """Create a channel, whose only member is the bot."""
        name = checked_name(self.workspace, arguments.text("name"))
        private = arguments.flag("is_private")
        channel = self.workspace.create_channel(name, self.workspace.bot.id, private=private)
        return {"channel": conversation(self.workspace, channel)}

    def invite(self, arguments: Arguments) -> Answer:
        """Make users members. One who cannot be invited keeps all out, unless ``force`` is given."""
        channel = self._of_people(self.writable_channel(arguments))
        users = arguments.listed("users")
        if not users:
            raise MethodError("no_user")
        if len(users) > INVITE_LIMIT:
            raise MethodError("too_many_users")
        errors = [{"user": u, "ok": False, "error": e} for u in users if (e := self._refused(channel, u))]
        welcome = [user for user in users if not any(error["user"] == user for error in errors)]
        if errors and not (arguments.flag("force") and welcome):
            raise MethodError(str(errors[0]["error"]), errors=errors)
        for user in welcome:
            self.workspace.join(channel, user, inviter=self.workspace.bot.id, log=True)
        answer: dict[str, Any] = {"channel": conversation(self.workspace, channel)}
        return answer | ({"errors": errors} if errors else {})

    def _refused(self, channel: Channel, user: str) -> str:
        if user not in self.workspace.users:
            return "user_not_found"
        if user == self.workspace.bot.id:
            return "cant_invite_self"
        return "already_in_channel" if user in channel.members else ""

    def kick(self, arguments: Arguments) -> Answer:
        """End a user's membership."""
        channel = self._of_people(self.writable_channel(arguments))
        user = arguments.required("user")
        if user not in self.workspace.users:
            raise MethodError("user_not_found")
        if user == self.workspace.bot.id:
            raise MethodError("cant_kick_self")
        if channel.name == "general":
            raise MethodError("cant_kick_from_general")
        if not self.workspace.leave(channel, user):
            raise MethodError("not_in_channel")
        return {"errors": {}}

    def join(self, arguments: Arguments) -> Answer:
        """Make the bot a member of a public channel."""
        channel = self.channel(arguments)
        if channel.kind != "channel":
            raise MethodError("method_not_supported_for_channel_type")
        if channel.is_archived:
            raise MethodError("is_archived")
        joined = self.workspace.join(channel, self.workspace.bot.id, log=True)
        answer: Answer = {"channel": conversation(self.workspace, channel)}
        return answer | ({} if joined else {"warning": "already_in_channel"})

    def leave(self, arguments: Arguments) -> Answer:
        """End the bot's membership."""
        channel = self._of_people(self.channel(arguments))
        if channel.name == "general":
            raise MethodError("cant_leave_general")
        return {} if self.workspace.leave(channel, self.workspace.bot.id) else {"not_in_channel": True}

    def archive(self, arguments: Arguments) -> Answer:
        """Archive a channel."""
        channel = self._of_people(self.joined_channel(arguments))
        if channel.is_archived:
            raise MethodError("already_archived")
        if channel.name == "general":
            raise MethodError("cant_archive_general")
        self.workspace.archive(channel, self.workspace.bot.id)
        return {}

    def unarchive(self, arguments: Arguments) -> Answer:
        """Bring an archived channel back."""
        channel = self._of_people(self.joined_channel(arguments))
        if not channel.is_archived:
            raise MethodError("not_archived")
        self.workspace.archive(channel, self.workspace.bot.id, archived=False)
        return {}

    def rename(self, arguments: Arguments) -> Answer:
        """Give a channel another name."""
        channel = self._of_people(self.writable_channel(arguments))
        name = checked_name(self.workspace, arguments.text("name"))
        self.workspace.rename(channel, name, self.workspace.bot.id)
        return {"channel": conversation(self.workspace, channel)}

    def set_topic(self, arguments: Arguments) -> Answer:
        """Set a channel's topic."""
        channel, topic = self._described(arguments, "topic")
        self.workspace.describe(channel, self.workspace.bot.id, topic=topic)
        return {"channel": conversation(self.workspace, channel)}

    def set_purpose(self, arguments: Arguments) -> Answer:
        """Set a channel's purpose, which is answered with ``ok`` alone."""
        channel, purpose = self._described(arguments, "purpose")
        self.workspace.describe(channel, self.workspace.bot.id, purpose=purpose)
        return {}

    def _described(self, arguments: Arguments, name: str) -> tuple[Channel, str]:
        channel = self.writable_channel(arguments)
        if name not in arguments:
            raise MethodError("invalid_arguments", f"[ERROR] missing required field: {name}")
        text = arguments.text(name)
        if len(text) > TOPIC_LIMIT:
            raise MethodError("too_long")
        return channel, text

    @staticmethod
    def _of_people(channel: Channel) -> Channel:
        if channel.kind in ("im", "mpim"):
            raise MethodError("method_not_supported_for_channel_type")
        return channel
