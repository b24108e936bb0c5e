"""`setChannelTopic` (contract, section 10)."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from ...errors import CallRefused
from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown
from ..api.scopes import Scope
from ..events.base import Payload
from ..workspace.profiles import mapping, text
from .base import SlackCommand
from .inputs import ChannelReference, Input, Text

_METHODS = {"topic": "conversations.setTopic", "purpose": "conversations.setPurpose"}


class SetChannelTopicInput(Input):
    """Input of `setChannelTopic`: at least one of the two texts."""

    channel_id: ChannelReference = Field(description="channel id or `#name`")
    topic: Text | None = Field(None, description="topic, 250 characters at most")
    purpose: Text | None = Field(None, description="purpose, 250 characters at most")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.topic or self.purpose):
            raise ValueError("topic or purpose is required")
        return self


class ChannelTopicSet(Payload):
    """What the channel is about, as Slack has it now."""

    channel_id: str = Field(description="channel id")
    topic: str = Field(description="its topic")
    purpose: str = Field(description="its purpose")


class SetChannelTopic(SlackCommand[SetChannelTopicInput]):
    """Sets the topic or the purpose of a channel, or both; what is not given stays as it is."""

    name = "setChannelTopic"
    input = SetChannelTopicInput
    succeeds: ClassVar = {"ChannelTopicSet": ChannelTopicSet}
    fails = "ChannelTopicSetFailure"
    scopes = (
        Scope("channels:manage", "sets topics of public channels", alternatives=("channels:write.topic",)),
        Scope(
            "groups:write",
            "sets topics of private channels",
            alternatives=("groups:write.topic",),
            required=False,
        ),
        Scope("channels:read", "reads what is not set", required=False),
    )
    example = 'channelId: "#ops"\ntopic: "On call this week: {{ Event.Payload.who }}"'

    async def execute(self, given: SetChannelTopicInput, action: ActionContext) -> Event:
        """Set what is given."""
        channel = await self.channel(given.channel_id)
        asked = {"topic": given.topic, "purpose": given.purpose}
        shown = {name: value for name, value in asked.items() if value}
        for name, value in list(shown.items()):
            answer = await self.tools.calls.call(
                _METHODS[name], {"channel": channel, name: value}, action, after_unknown=AfterUnknown.REPEAT
            )
            now = mapping(mapping(answer.get("channel")).get(name)).get("value") or answer.get(name)
            shown[name] = text(now) or value
        if len(shown) < len(asked):
            shown = {**await self._as_it_is(channel), **shown}
        return self.succeeded(
            ChannelTopicSet(
                channel_id=channel, topic=shown.get("topic") or "", purpose=shown.get("purpose") or ""
            )
        )

    async def _as_it_is(self, channel: str) -> dict[str, str]:
        try:
            answer = await self.tools.calls.read("conversations.info", {"channel": channel})
        except CallRefused:
            return {}
        found = mapping(answer.get("channel"))
        return {name: text(mapping(found.get(name)).get("value")) for name in _METHODS}
