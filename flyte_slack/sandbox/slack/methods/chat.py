"""``chat.*``: posting, changing and deleting messages."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from ...workspace import Channel, Message, Workspace
from ..arguments import Arguments
from ..errors import MethodError
from .base import Answer, Methods, Table

UPDATE_LIMIT = 4_000
POSTS_KEPT = 100_000


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


class Chat(Methods):
    """The methods that post and change messages.

    ``posts`` holds the accepted ``chat.postMessage`` calls: their arguments, with ``channel`` as the id
    that was meant and the ``ts`` that was given.
    """

    def __init__(self, workspace: Workspace, burst: int = 20) -> None:
        super().__init__(workspace)
        self.limit = PostingLimit(burst)
        self.posts: list[dict[str, Any]] = []
        self.table: Table = {
            "chat.delete": self.delete,
            "chat.getPermalink": self.get_permalink,
            "chat.meMessage": self.me_message,
            "chat.postEphemeral": self.post_ephemeral,
            "chat.postMessage": self.post_message,
            "chat.update": self.update,
        }

    def post_message(self, arguments: Arguments) -> Answer:
        """Post a message as the bot."""
        channel = self.target(arguments.required("channel"))
        message = {**self.author(arguments), **arguments.content()}
        thread_ts = self.thread_ts(arguments)
        self.limit.spend(channel.id)
        broadcast = bool(thread_ts) and arguments.flag("reply_broadcast")
        posted = self.workspace.post(channel, message, thread_ts=thread_ts, broadcast=broadcast)
        self.posts.append({**arguments, "channel": channel.id, "ts": posted["ts"]})
        if len(self.posts) > POSTS_KEPT:
            del self.posts[0]
        return {"channel": channel.id, "ts": posted["ts"], "message": dict(posted)}

    def me_message(self, arguments: Arguments) -> Answer:
        """Post in the third person."""
        channel = self.target(arguments.required("channel"))
        message = {**self.author(arguments), "text": arguments.required("text"), "subtype": "me_message"}
        self.limit.spend(channel.id)
        return {"channel": channel.id, "ts": self.workspace.post(channel, message)["ts"]}

    def post_ephemeral(self, arguments: Arguments) -> Answer:
        """Show a message to one member of a channel."""
        channel = self.target(arguments.required("channel"))
        user = arguments.required("user")
        if user not in channel.members:
            raise MethodError("user_not_in_channel")
        content = arguments.content()
        content.pop("metadata", None)
        message = {**self.author(arguments), **content}
        thread_ts = self.thread_ts(arguments)
        return {"message_ts": self.workspace.whisper(channel, message, user, thread_ts=thread_ts)["ts"]}

    def update(self, arguments: Arguments) -> Answer:
        """Change one of the bot's own messages."""
        channel, message = self._own_message(arguments, "cant_update_message")
        changes: Message = arguments.content(UPDATE_LIMIT)
        said_anew = bool(changes["text"]) or "blocks" in changes
        if not changes["text"]:
            changes.pop("text")
        # An empty list takes blocks or attachments away, and so does a new text with the old blocks.
        if "blocks" not in changes and (said_anew or arguments.get("blocks") is not None):
            message.pop("blocks", None)
        if "attachments" not in changes and arguments.get("attachments") is not None:
            message.pop("attachments", None)
        if changes.get("metadata") == {}:
            changes.pop("metadata")
            message.pop("metadata", None)
        self.workspace.edit(channel, message, changes, self.workspace.bot.id)
        answer = {"channel": channel.id, "ts": message["ts"], "text": message["text"]}
        return {**answer, "message": dict(message)}

    def delete(self, arguments: Arguments) -> Answer:
        """Delete one of the bot's own messages."""
        channel, message = self._own_message(arguments, "cant_delete_message")
        self.workspace.delete(channel, message)
        return {"channel": channel.id, "ts": message["ts"]}

    def get_permalink(self, arguments: Arguments) -> Answer:
        """Tell the address of a message."""
        channel = self.channel(arguments)
        message = self.message(channel, arguments.required("message_ts"))
        return {"channel": channel.id, "permalink": self.workspace.permalink(channel, message)}

    def _own_message(self, arguments: Arguments, error: str) -> tuple[Channel, Message]:
        channel = self.channel(arguments)
        message = self.message(channel, arguments.required("ts"))
        if message.get("bot_id") != self.workspace.bot.bot_id:
            raise MethodError(error)
        return channel, message
