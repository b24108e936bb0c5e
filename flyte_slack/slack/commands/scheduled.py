"""Messages that Slack is to post later, and what is remembered of those that the pack scheduled."""

from collections.abc import AsyncIterator

from ...pack import ActionContext
from ..api.calls import Calls
from ..workspace.profiles import Json, mapping, objects, text

_KIND = "scheduled"


async def scheduled_messages(calls: Calls, channel: str) -> AsyncIterator[Json]:
    """Yield the messages that wait to be posted to a channel.

    Raises:
        CallRefused: Slack does not tell.
    """
    cursor = ""
    while True:
        page = await calls.read(
            "chat.scheduledMessages.list", {"channel": channel, "limit": 100, "cursor": cursor or None}
        )
        for message in objects(page.get("scheduled_messages")):
            if text(message.get("channel_id")) in {"", channel}:
                yield message
        cursor = text(mapping(page.get("response_metadata")).get("next_cursor"))
        if not cursor:
            return


def remember(action: ActionContext, id_: str, post_at: int) -> None:
    """Remember which action scheduled a message, and for when."""
    action.remember(_KIND, id_, {"action": action.identity, "postAt": post_at})


async def is_of_another(action: ActionContext, id_: str) -> bool:
    """Whether another action is known to have scheduled a message."""
    known = mapping(await action.recall(_KIND, id_))
    return bool(known) and known.get("action") != action.identity


async def remembered_time(action: ActionContext, id_: str) -> int | None:
    """Return when a message is to be posted, if the pack scheduled it, in seconds since the epoch."""
    at = mapping(await action.recall(_KIND, id_)).get("postAt")
    return at if isinstance(at, int) else None
