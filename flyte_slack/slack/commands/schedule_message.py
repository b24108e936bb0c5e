"""`scheduleMessage` (contract, section 10)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from pydantic import Field

from ...errors import OutcomeUnknown
from ...pack import ActionContext, Event
from ..api.calls import Answer
from ..events.base import Payload
from ..sending.likeness import reads_like
from ..workspace.profiles import text
from .base import SlackCommand
from .content import Content
from .inputs import Boolean, ChannelReference, Instant, Timestamp
from .scheduled import is_of_another, remember, scheduled_messages
from .scopes import NAME_CHANNELS, WRITE

_TOLERANCE = 2.0  # seconds by which a message may seem to be scheduled before it was asked for


class ScheduleMessageInput(Content):
    """Input of `scheduleMessage`."""

    channel_id: ChannelReference = Field(description="channel id, `#name`, or a user id for a direct message")
    post_at: Instant = Field(description="when: seconds since the epoch, or RFC 3339; 120 days ahead at most")
    thread_timestamp: Timestamp = Field("", description="thread to reply in")
    unfurl_links: Boolean | None = Field(None, description="whether links are unfolded")
    unfurl_media: Boolean | None = Field(None, description="whether media are unfolded")


class MessageScheduled(Payload):
    """Slack will post the message."""

    channel_id: str = Field(description="channel id")
    scheduled_message_id: str = Field(description="for `cancelScheduledMessage`")
    post_at: str = Field(description="when it will be posted, RFC 3339")
    message: str = Field(description="text, as it was sent")
    thread_timestamp: str = Field(description="thread it will be a reply in, or empty")


class ScheduleMessage(SlackCommand[ScheduleMessageInput]):
    """Has Slack post a message later."""

    name = "scheduleMessage"
    input = ScheduleMessageInput
    succeeds: ClassVar = {"MessageScheduled": MessageScheduled}
    fails = "MessageScheduleFailure"
    echoes = ("channelId", "message", "threadTimestamp", "postAt")
    scopes = (WRITE, *NAME_CHANNELS)
    after_crash = (
        "It is looked for among the scheduled messages, by channel, time and text, and scheduled again if "
        "it is not there; once `postAt` is past it ends in `outcome_unknown`."
    )
    example = 'channelId: "#ops"\nmessage: Time to go home\npostAt: "2026-12-24T16:00:00Z"'

    async def execute(self, given: ScheduleMessageInput, action: ActionContext) -> Event:
        """Schedule it."""
        channel = await self.channel(given.channel_id)
        shown = await given.shown(self.tools.mentions, self.tools.workspace.directory)
        arguments = {
            "channel": channel,
            "post_at": int(given.post_at.timestamp()),
            "thread_ts": given.thread_timestamp or None,
            "unfurl_links": given.unfurl_links,
            "unfurl_media": given.unfurl_media,
            **shown,
        }
        answer = await self.tools.calls.call(
            "chat.scheduleMessage",
            arguments,
            action,
            after_unknown=partial(self._find, arguments, action),
            promises={"scheduled_message_id"},
        )
        id_ = str(answer["scheduled_message_id"])
        remember(action, id_, arguments["post_at"])
        payload = MessageScheduled(
            channel_id=str(answer.get("channel") or channel),
            scheduled_message_id=id_,
            post_at=rfc3339(given.post_at),
            message=str(shown.get("text", "")),
            thread_timestamp=given.thread_timestamp,
        )
        return self.succeeded(payload)

    async def _find(
        self, message: Mapping[str, Any], action: ActionContext, begun_at: float
    ) -> Answer | None:
        """Return the message as it is scheduled, or None if it is not."""
        if message["post_at"] <= self.tools.calls.clock.now():
            raise OutcomeUnknown(
                "whether the message was scheduled is not known, and its time is past: look into the channel"
            )
        alike = []
        async for item in scheduled_messages(self.tools.calls, message["channel"]):
            is_it = (
                item.get("post_at") == message["post_at"]
                and float(item.get("date_created") or begun_at) >= int(begun_at) - _TOLERANCE
                and reads_like(item, message)
            )
            if is_it and not await is_of_another(action, text(item.get("id"))):
                alike.append(item)
        if len(alike) > 1:
            raise OutcomeUnknown("whether the message was scheduled is not known: several are like it")
        return {"ok": True, "scheduled_message_id": alike[0].get("id")} if alike else None


def rfc3339(at: datetime) -> str:
    """Return a time as payloads have it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
