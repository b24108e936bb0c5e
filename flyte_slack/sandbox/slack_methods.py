"""What each Web API method does to the workspace, as docs.slack.dev documents the method.

A method takes :class:`~flyte_slack.sandbox.slack_arguments.Arguments`, answers with the fields beside
``"ok": true`` and raises :class:`~flyte_slack.sandbox.slack_arguments.MethodError` otherwise.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from typing import Any

from .slack_arguments import Arguments, MethodError
from .slack_conversations import Conversations
from .workspace import Channel, Message, NotInWorkspaceError, Workspace

Answer = dict[str, Any]


class PostingLimit:
    """One message a second per channel, after a burst of ``burst`` (docs.slack.dev, "Rate limits")."""

    def __init__(self, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.burst = burst
        self._clock = clock
        self._free_at: dict[str, float] = {}

    def spend(self, channel_id: str) -> None:
        """Count one message, or raise ``ratelimited`` with the seconds to wait."""
        now = self._clock()
        free_at = max(self._free_at.get(channel_id, now), now)
        if free_at - now > self.burst - 1:
            raise MethodError("ratelimited", retry_after=math.ceil(free_at - now - self.burst + 1))
        self._free_at[channel_id] = free_at + 1


class SlackMethods:
    """The Web API methods of the bot token by their name, in ``table``.

    ``posts`` holds every accepted ``chat.postMessage``: its arguments, with ``channel`` as the id that
    was meant and the ``ts`` that was given.
    """

    def __init__(self, workspace: Workspace, burst: int = 20) -> None:
        self.workspace = workspace
        self.conversations = Conversations(workspace)
        self.limit = PostingLimit(burst)
        self.posts: list[dict[str, Any]] = []
        self.table: dict[str, Callable[[Arguments], Answer]] = {
            "bots.info": self.bots_info,
            "chat.delete": self.chat_delete,
            "chat.postMessage": self.chat_post_message,
            "chat.update": self.chat_update,
            "reactions.add": self.reactions_add,
            "team.info": self.team_info,
            "users.info": self.users_info,
            "users.list": self.users_list,
            **self.conversations.table,
        }

    # chat.*

    def chat_post_message(self, arguments: Arguments) -> Answer:
        """Post a message as the bot."""
        channel = self._target(arguments.required("channel"))
        if channel.is_archived:
            raise MethodError("is_archived")
        if channel.kind != "channel" and not self.workspace.bot_is_in(channel.id):
            raise MethodError("not_in_channel")
        message = {**self._author(arguments), **arguments.content()}
        thread_ts = arguments.text("thread_ts")
        if "thread_ts" in arguments and arguments["thread_ts"] is not None and not _is_ts(thread_ts):
            raise MethodError("invalid_thread_ts", f"[ERROR] {thread_ts} is not a valid thread_ts")
        self.limit.spend(channel.id)
        broadcast = bool(thread_ts) and arguments.flag("reply_broadcast")
        posted = self.workspace.post(channel, message, thread_ts=thread_ts, broadcast=broadcast)
        self.posts.append({**arguments, "channel": channel.id, "ts": posted["ts"]})
        return {"channel": channel.id, "ts": posted["ts"], "message": dict(posted)}

    def _target(self, reference: str) -> Channel:
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
        return channel

    def _author(self, arguments: Arguments) -> Message:
        bot = self.workspace.bot
        author: Message = {"bot_id": bot.bot_id, "app_id": self.workspace.app_id}
        icons = {"emoji": arguments.text("icon_emoji"), "image_48": arguments.text("icon_url")}
        icons = {kind: value for kind, value in icons.items() if value}
        username = arguments.text("username")
        if username or icons:
            author |= {"subtype": "bot_message", "username": username or bot.real_name}
            return author | ({"icons": icons} if icons else {})
        return author | {"user": bot.id, "bot_profile": self._bot()}

    def chat_update(self, arguments: Arguments) -> Answer:
        """Change one of the bot's own messages."""
        channel, message = self._own_message(arguments, "cant_update_message")
        content = arguments.content()
        if "text" in arguments and "blocks" not in content:
            message.pop("blocks", None)
        self.workspace.edit(channel, message, content, self.workspace.bot.id)
        answer = {"channel": channel.id, "ts": message["ts"], "text": message["text"]}
        return {**answer, "message": dict(message)}

    def chat_delete(self, arguments: Arguments) -> Answer:
        """Delete one of the bot's own messages."""
        channel, message = self._own_message(arguments, "cant_delete_message")
        self.workspace.delete(channel, message)
        return {"channel": channel.id, "ts": message["ts"]}

    def _own_message(self, arguments: Arguments, error: str) -> tuple[Channel, Message]:
        channel = self.conversations.channel(arguments)
        message = self.workspace.find(channel, arguments.required("ts"))
        if message is None:
            raise MethodError("message_not_found")
        if message.get("bot_id") != self.workspace.bot.bot_id:
            raise MethodError(error)
        return channel, message

    # users.*, bots.*, team.*, reactions.*

    def users_info(self, arguments: Arguments) -> Answer:
        """Describe one user."""
        user = self.workspace.users.get(arguments.required("user"))
        if user is None:
            raise MethodError("user_not_found")
        return {"user": user.as_slack(self.workspace.team_id)}

    def users_list(self, arguments: Arguments) -> Answer:
        """List the users of the workspace."""
        users = [user.as_slack(self.workspace.team_id) for user in self.workspace.users.values()]
        return {**arguments.page("members", users), "cache_ts": int(time.time())}

    def bots_info(self, arguments: Arguments) -> Answer:
        """Describe the bot behind a bot id."""
        bot = self.workspace.bot
        if arguments.text("bot") not in ("", bot.bot_id):
            raise MethodError("bot_not_found")
        return {"bot": {**self._bot(), "user_id": bot.id}}

    def _bot(self) -> Answer:
        bot = self.workspace.bot
        identity = {"id": bot.bot_id, "app_id": self.workspace.app_id, "name": bot.real_name}
        return {**identity, "deleted": False, "updated": 0, "team_id": self.workspace.team_id, "icons": {}}

    def team_info(self, arguments: Arguments) -> Answer:
        """Describe the workspace."""
        workspace = self.workspace
        return {"team": {"id": workspace.team_id, "name": workspace.team_name, "domain": workspace.domain}}

    def reactions_add(self, arguments: Arguments) -> Answer:
        """React to a message as the bot."""
        channel = self.conversations.readable_channel(arguments)
        name = arguments.required("name").strip(":")
        if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", name):
            raise MethodError("invalid_name")
        message = self.workspace.find(channel, arguments.required("timestamp"))
        if message is None:
            raise MethodError("message_not_found")
        if not self.workspace.react(channel, message, name, self.workspace.bot.id):
            raise MethodError("already_reacted")
        return {}


def _is_ts(text: str) -> bool:
    return re.fullmatch(r"\d{10,}\.\d+", text) is not None
