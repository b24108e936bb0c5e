"""`archiveChannel` (contract, section 10)."""

from typing import ClassVar

from pydantic import Field

from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown
from ..api.scopes import Scope
from ..events.channels import ChannelPayload
from .base import SlackCommand
from .inputs import ChannelReference, Input
from .results import was_done_to


class ArchiveChannelInput(Input):
    """Input of `archiveChannel`."""

    channel_id: ChannelReference = Field(description="channel id or `#name`")


class ArchiveChannel(SlackCommand[ArchiveChannelInput]):
    """Archives a channel. One that is archived already is a success too."""

    name = "archiveChannel"
    input = ArchiveChannelInput
    succeeds: ClassVar = {"ChannelArchived": ChannelPayload}
    fails = "ChannelArchiveFailure"
    scopes = (
        Scope("channels:manage", "archives public channels"),
        Scope("groups:write", "archives private channels", required=False),
    )
    example = 'channelId: "{{ Event.Payload.channelId }}"'

    async def execute(self, given: ArchiveChannelInput, action: ActionContext) -> Event:
        """Archive it."""
        channel = await self.channel(given.channel_id)
        await self.tools.calls.call(
            "conversations.archive",
            {"channel": channel},
            action,
            after_unknown=AfterUnknown.REPEAT,
            done={"already_archived", "is_archived"},
        )
        return self.succeeded(await was_done_to(self.tools.workspace, channel, {}))
