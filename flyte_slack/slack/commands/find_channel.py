"""`findChannel` (contract, section 10)."""

from datetime import UTC, datetime
from typing import ClassVar, Literal

from pydantic import Field

from ...pack import ActionContext, Event
from ..api.scopes import Scope
from ..api.timestamps import seconds
from ..events.base import Payload
from ..workspace.profiles import Channel, mapping, text
from .base import SlackCommand
from .inputs import ChannelReference, Input


class FindChannelInput(Input):
    """Input of `findChannel`."""

    channel_id: ChannelReference = Field(description="channel id, `#name`, or a user id for a direct message")


class ChannelFound(Payload):
    """A channel that the bot can see."""

    channel_id: str = Field(description="channel id")
    channel_name: str = Field(description="its name without `#`; empty for a direct message")
    channel_type: str = Field(description="`channel`, `group`, `im` or `mpim`")
    topic: str = Field(description="its topic")
    purpose: str = Field(description="its purpose")
    is_archived: Literal["true", "false"] = Field(description="whether it is archived")
    is_member: Literal["true", "false"] = Field(description="whether the bot is a member")
    member_count: str = Field(description="how many members it has")
    creator_id: str = Field(description="id of the user who created it")
    created_at: str = Field(description="when it was created, RFC 3339")


class FindChannel(SlackCommand[FindChannelInput]):
    """Finds a channel by its id or its name, and tells what it is."""

    name = "findChannel"
    input = FindChannelInput
    succeeds: ClassVar = {"ChannelFound": ChannelFound}
    fails = "ChannelFindFailure"
    scopes = (
        Scope("channels:read", "finds public channels"),
        Scope("groups:read", "finds private channels"),
        Scope("im:read", "finds direct messages"),
        Scope("mpim:read", "finds group direct messages"),
    )
    writes_to_channel = False
    after_crash = "It is repeated: it changes nothing."
    example = 'channelId: "#ops"'

    async def execute(self, given: FindChannelInput, action: ActionContext) -> Event:
        """Find the channel."""
        id_ = await self.channel(given.channel_id)
        answer = await self.tools.calls.read(
            "conversations.info", {"channel": id_, "include_num_members": "true"}
        )
        found = mapping(answer.get("channel"))
        channel = Channel.from_slack(text(found.get("id")) or id_, found)
        payload = ChannelFound(
            channel_id=channel.id,
            channel_name=channel.name,
            channel_type=channel.type,
            topic=text(mapping(found.get("topic")).get("value")),
            purpose=text(mapping(found.get("purpose")).get("value")),
            is_archived="true" if found.get("is_archived") is True else "false",
            is_member="true" if found.get("is_member") is True or found.get("is_im") is True else "false",
            member_count=text(found.get("num_members")),
            creator_id=text(found.get("creator")),
            created_at=_day(found.get("created")),
        )
        return self.succeeded(payload)


def _day(created: object) -> str:
    at = seconds(created)
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""
