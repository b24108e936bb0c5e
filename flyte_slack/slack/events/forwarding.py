"""From a stored Slack event to the event that flows see: which, and with which names."""

import asyncio
from collections.abc import Sequence

from ... import logs, retries
from ...pack import Event
from ...store import StoredEvent
from ..workspace.directory import Directory
from ..workspace.profiles import Channel
from .message_sent import message_sent

log = logs.get(__name__)


class Forwarding:
    """Maps stored messages to `MessageSent`, and leaves out channels that are not forwarded.

    Args:
        directory: names users and channels.
        channels: ids or `#names` whose messages are forwarded; all, where there are none.
    """

    def __init__(self, directory: Directory, channels: Sequence[str]) -> None:
        self._directory = directory
        self._ids = {channel for channel in channels if not channel.startswith("#")}
        self._names = {channel.lstrip("#") for channel in channels if channel.startswith("#")}

    async def __call__(self, stored: StoredEvent) -> Event | None:
        """Return the event, or None where its channel is not forwarded."""
        message = stored.body["event"]
        channel_id = str(message["channel"])
        if not self._names and self._ids and channel_id not in self._ids:
            return None
        channel, user = await asyncio.gather(
            self._directory.channel(channel_id, str(message.get("channel_type") or "")),
            self._directory.user(str(message.get("user") or "")),
        )
        if self._names and channel_id not in self._ids:
            channel = await self._named(channel)
            if channel.name not in self._names:
                return None
        team_id = str(stored.body.get("team_id") or "")
        return message_sent("channel", message, channel=channel, user=user, team_id=team_id)

    async def _named(self, channel: Channel) -> Channel:
        """Wait until Slack tells a channel's name: forwarding depends on it, and nothing shall be lost."""
        tries = 0
        while not channel.name and channel.type != "im":
            tries += 1
            log.log(30 if tries == 1 else 10, "a message waits for its channel's name", channel=channel.id)
            await asyncio.sleep(retries.pause(retries.SLACK_CONNECT, tries, TimeoutError()))
            channel = await self._directory.channel(channel.id, channel.type)
        return channel
