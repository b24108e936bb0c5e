"""Finds out what became of a post whose outcome is unknown (promise 5).

Every post carries metadata with its action's identity. It is looked for in the channel's history, or
in the thread, from shortly before the attempt on, until the history has had time to settle.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from ... import logs
from ...errors import OutcomeUnknown
from ..api.clock import SlackClock
from ..api.timestamps import seconds
from ..workspace.history import CannotLook, History, Message

log = logs.get(__name__)

METADATA_TYPE = "flyte_action"
"""`event_type` of the metadata that every post carries; its payload holds the action's identity."""

SETTLED_AFTER = 10.0
"""Seconds after which a message that is not in the history is not coming any more: it lags a little."""

GIVEN_UP_AFTER = 300.0
"""Seconds after which the outcome stays unknown where the history could not be read."""

_LOOKS = (0.3, 1.0, 2.0, 3.0)
_BEFORE = 300.0  # how much earlier than the attempt, in seconds, is looked: clocks differ


def metadata(identity: str) -> dict[str, object]:
    """Return the metadata of an action's post: flat, snake_case, and no secret."""
    return {"event_type": METADATA_TYPE, "event_payload": {"action_id": identity}}


class Reconciliation:
    """Looks for the post of an action.

    Args:
        history: what Slack remembers.
        clock: Slack's.
    """

    def __init__(self, history: History, clock: SlackClock) -> None:
        self._history = history
        self._clock = clock

    async def find(self, message: Mapping[str, Any], identity: str, begun_at: float) -> Message | None:
        """Return the confirmation of a post, or None where it surely was not posted.

        Args:
            message: arguments of the post.
            identity: of the action.
            begun_at: when the attempt was begun, on Slack's clock.

        Raises:
            OutcomeUnknown: nobody can tell.
        """
        channel, thread = str(message["channel"]), str(message.get("thread_ts") or "")
        if channel[:1] in {"U", "W"} and _AUTHOR & message.keys():
            raise OutcomeUnknown(
                "whether the message was posted is not known: under another author it went to Slackbot's "
                "direct message, which the bot cannot look into"
            )
        begun = time.monotonic()
        deadline = begun + GIVEN_UP_AFTER
        looks = iter(_LOOKS)
        try:
            id_ = await self._history.channel_id(channel, deadline)
            while True:
                asked_at = time.monotonic()
                # a direct message that does not exist yet holds no message either
                found = await self._look(id_, thread, identity, begun_at, deadline) if id_ else None
                if found is not None:
                    log.info("a post was found in Slack's history", action=identity, ts=found.get("ts"))
                    return {"ok": True, "channel": id_, "ts": found.get("ts"), "message": found}
                if asked_at - begun >= SETTLED_AFTER:
                    if id_ is None and channel[:1] not in {"U", "W"}:
                        raise OutcomeUnknown(
                            f"whether the message was posted is not known: there is no {channel} to look into"
                        )
                    log.info("a post is not in Slack's history", action=identity)
                    return None
                await asyncio.sleep(next(looks, _LOOKS[-1]))
                id_ = id_ or await self._history.channel_id(channel, deadline)
        except CannotLook as error:
            raise OutcomeUnknown(
                f"whether the message was posted is not known, and {channel} cannot be looked into "
                f"({error.failure.code}): look there before it is sent again"
            ) from error

    async def _look(
        self, channel: str, thread: str, identity: str, begun_at: float, deadline: float
    ) -> Message | None:
        since = begun_at - _BEFORE
        if thread:
            async for message in self._history.replies(channel, thread, deadline):
                if _is_of(message, identity):
                    return message
            return None
        seen = 0
        async for message in self._history.messages(channel, deadline):
            if _is_of(message, identity):
                return message
            seen += 1
            if seen > _AT_LEAST and seconds(message.get("ts")) < since:
                return None
        return None


_AUTHOR = {"username", "icon_emoji", "icon_url"}
_AT_LEAST = 100  # looked at in any case, however their times compare


def _is_of(message: Message, identity: str) -> bool:
    found = message.get("metadata")
    if not isinstance(found, Mapping) or found.get("event_type") != METADATA_TYPE:
        return False
    payload = found.get("event_payload")
    return isinstance(payload, Mapping) and payload.get("action_id") == identity
