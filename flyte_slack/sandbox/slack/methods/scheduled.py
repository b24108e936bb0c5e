"""``chat.scheduleMessage`` and its relatives: messages that are posted later."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ...workspace import Channel, Message, Workspace
from ..arguments import Arguments
from ..errors import MethodError
from .base import Answer, Methods, Table

FARTHEST_DAYS = 120
CROWD_SECONDS = 300
CROWD_LIMIT = 30
"""At most this many messages of a channel within so many seconds."""


@dataclass(eq=False, slots=True)
class Scheduled:
    """A message that waits for its time."""

    id: str
    channel: Channel
    message: Message
    post_at: int
    created: int
    thread_ts: str
    broadcast: bool
    timer: asyncio.TimerHandle


class ScheduledMessages(Methods):
    """The methods for messages that are posted when they are due."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._pending: dict[str, Scheduled] = {}
        self.table: Table = {
            "chat.deleteScheduledMessage": self.delete,
            "chat.scheduleMessage": self.schedule,
            "chat.scheduledMessages.list": self.list_pending,
        }

    def close(self) -> None:
        """Forget everything that is not posted yet."""
        for pending in self._pending.values():
            pending.timer.cancel()
        self._pending.clear()

    def schedule(self, arguments: Arguments) -> Answer:
        """Take a message to be posted at ``post_at``."""
        channel = self.target(arguments.required("channel"))
        post_at = arguments.number("post_at", "invalid_time")
        now = self.workspace.now()
        if post_at <= now:
            raise MethodError("time_in_past")
        if post_at > now + FARTHEST_DAYS * 24 * 3600:
            raise MethodError("time_too_far")
        crowd = [p for p in self._of(channel) if abs(p.post_at - post_at) < CROWD_SECONDS]
        if len(crowd) >= CROWD_LIMIT:
            raise MethodError("restricted_too_many")
        message = {**self.author(Arguments()), **arguments.content()}
        thread_ts = self.thread_ts(arguments)
        scheduled_id = self.workspace.new_id("Q")
        timer = asyncio.get_running_loop().call_later(post_at - now, self._post, scheduled_id)
        broadcast = bool(thread_ts) and arguments.flag("reply_broadcast")
        self._pending[scheduled_id] = Scheduled(
            scheduled_id, channel, message, post_at, int(now), thread_ts, broadcast, timer
        )
        answer = {"channel": channel.id, "scheduled_message_id": scheduled_id, "post_at": post_at}
        return {**answer, "message": {**message, "type": "delayed_message"}}

    def _post(self, scheduled_id: str) -> None:
        due = self._pending.pop(scheduled_id)
        # Slack takes a scheduled message with metadata, and never posts it.
        if "metadata" not in due.message and not due.channel.is_archived:
            self.workspace.post(due.channel, due.message, thread_ts=due.thread_ts, broadcast=due.broadcast)

    def list_pending(self, arguments: Arguments) -> Answer:
        """List what waits, the next one first."""
        pending = list(self._pending.values())
        if arguments.text("channel"):
            channel = self.channel(arguments)
            pending = self._of(channel)
        oldest, latest = arguments.moment("oldest"), arguments.moment("latest")
        found = [
            {
                "id": item.id,
                "channel_id": item.channel.id,
                "post_at": item.post_at,
                "date_created": item.created,
                "text": item.message["text"],
            }
            for item in sorted(pending, key=lambda item: item.post_at)
            if (oldest is None or item.post_at >= oldest) and (latest is None or item.post_at <= latest)
        ]
        return arguments.page("scheduled_messages", found)

    def _of(self, channel: Channel) -> list[Scheduled]:
        return [item for item in self._pending.values() if item.channel is channel]

    def delete(self, arguments: Arguments) -> Answer:
        """Take back a message that is not posted yet."""
        channel = self.channel(arguments)
        pending = self._pending.get(arguments.required("scheduled_message_id"))
        if pending is None or pending.channel is not channel:
            raise MethodError("invalid_scheduled_message_id")
        pending.timer.cancel()
        del self._pending[pending.id]
        return {}
