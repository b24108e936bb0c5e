"""From Slack's JSON to the event `MessageSent`. Pure: nothing here waits, asks or remembers.

Shapes: https://docs.slack.dev/reference/events/message/ and contract, section 3. Every value of a
payload is a string, or an object or list of them, since Flyte's templates turn numbers into floats.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from ...pack import Event
from ..api.timestamps import instant, seconds
from ..workspace.profiles import Channel, Json, User, text

MESSAGE_SENT = "MessageSent"
MESSAGE_SEND_FAILURE = "MessageSendFailure"

_WRITTEN_BY_PEOPLE = {"", "file_share", "thread_broadcast", "me_message"}
_SLACKBOT = "USLACKBOT"


def is_from_people(message: Json, own_user: str = "") -> bool:
    """Whether a `message` event is content that a person wrote.

    A bot can post without the subtype `bot_message`: `bot_id` tells. `hidden` is never content.

    Args:
        message: the inner event.
        own_user: the pack's own user id, where it is known.
    """
    return (
        message.get("type") == "message"
        and str(message.get("subtype") or "") in _WRITTEN_BY_PEOPLE
        and not message.get("bot_id")
        and not message.get("hidden")
        and str(message.get("user") or "") not in {_SLACKBOT, own_user or _SLACKBOT}
        and bool(message.get("ts"))
        and bool(message.get("channel"))
    )


def place(message: Json) -> tuple[str, float]:
    """Return what a message must stay in order with, its channel, and its place in there, its time."""
    return str(message["channel"]), seconds(message["ts"])


def message_sent(
    origin: Literal["channel", "command"],
    message: Json,
    *,
    channel: Channel,
    user: User,
    team_id: str,
) -> Event:
    """Return the event for a message that was seen in Slack, or that Slack confirmed.

    Args:
        origin: `channel` for a message seen, `command` for the result of `sendMessage`.
        message: Slack's own message object.
        channel: where it is.
        user: who wrote it.
        team_id: the workspace.
    """
    timestamp = text(message.get("ts"))
    files = message.get("files")
    return Event(
        MESSAGE_SENT,
        {
            "origin": origin,
            "channelId": channel.id,
            "channelName": "" if channel.type == "im" else channel.name,
            "channelType": channel.type,
            "message": text(message.get("text")),
            "timestamp": timestamp,
            "threadTimestamp": text(message.get("thread_ts")) or timestamp,
            "teamId": team_id,
            "user": user.payload(),
            "files": [_file(file) for file in files if isinstance(file, Mapping)]
            if isinstance(files, Iterable)
            else [],
        },
        created_at=instant(timestamp),
    )


def _file(file: Json) -> dict[str, str]:
    return {key: text(file.get(key)) for key in ("id", "name", "mimetype", "size", "permalink")}
