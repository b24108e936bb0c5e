"""Which channels are forwarded: `FLYTE_SLACK_CHANNELS`."""

import asyncio
from collections.abc import Sequence

from ... import logs, retries
from ..workspace.directory import Directory
from ..workspace.profiles import Channel, is_channel_id

log = logs.get(__name__)


class ChannelFilter:
    """Tells which channels are forwarded.

    Args:
        directory: names channels.
        channels: their ids or names, with or without `#`, in any case; all, if there are none.

    Attributes:
        waiting: channels of which Slack does not tell the name.
    """

    def __init__(self, directory: Directory, channels: Sequence[str]) -> None:
        self._directory = directory
        self._ids = frozenset(channel for channel in channels if not channel.startswith("#"))
        self._names = frozenset(
            channel.removeprefix("#").lower() for channel in channels if not _is_surely_an_id(channel)
        )
        self.waiting: set[str] = set()

    async def passes(self, lane: str) -> bool:
        """Whether the events of a lane are forwarded; those that are in no channel always are."""
        if not (self._ids or self._names) or not is_channel_id(lane) or lane in self._ids:
            return True
        if not self._names or lane.startswith("D"):
            return False
        return (await self._named(lane)).name.lower() in self._names

    async def _named(self, id_: str) -> Channel:
        """Wait until Slack tells a channel's name: forwarding depends on it, and nothing must be lost."""
        tries = 0
        try:
            while True:
                channel = await self._directory.channel(id_)
                if channel.name or channel.type == "im":
                    return channel
                if (refusal := self._directory.refusal(id_)) == "channel_not_found":
                    log.warning("a channel that Slack does not show to the bot is not forwarded", channel=id_)
                    return channel
                tries += 1
                self.waiting.add(id_)
                log.log(
                    30 if tries == 1 else 10,
                    "events wait for their channel's name",
                    channel=id_,
                    cause=refusal,
                )
                await asyncio.sleep(retries.pause(retries.SLACK_CONNECT, tries, TimeoutError()))
        finally:
            self.waiting.discard(id_)


def _is_surely_an_id(channel: str) -> bool:
    """Whether an item cannot be a name: `CI` could be either, ids have digits."""
    return is_channel_id(channel) and any(character.isdigit() for character in channel)
