"""What commands take that do something to one message."""

from pydantic import Field

from ..events.base import Payload
from .inputs import ChannelReference, Input, Timestamp


class NamedMessage(Input):
    """A message, named by its channel and its time."""

    channel_id: ChannelReference = Field(description="channel id, `#name`, or a user id for a direct message")
    timestamp: Timestamp = Field(description="`timestamp` of the message")


class MessageReference(Payload):
    """Which message it was done to."""

    channel_id: str = Field(description="channel id")
    timestamp: str = Field(description="`timestamp` of the message")
