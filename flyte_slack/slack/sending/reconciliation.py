"""Finds out what became of a post whose outcome is unknown (promise 5).

Every post carries metadata with its action's identity. It is looked for in the channel's history, or
in the thread, from shortly before the attempt on, until the history has had time to settle.

A Slack that keeps no metadata is not taken for one that has no message: of the bot's own messages
since the attempt, one that reads like the post is it, and any other leaves the outcome unknown.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from cachetools import TTLCache

from ... import logs
from ...errors import OutcomeUnknown
from ..api.clock import SlackClock
from ..api.timestamps import seconds
from ..workspace.history import CannotLook, History, Message
from ..workspace.identity import Identity
from .likeness import carries, reads_like, tells_its_action

log = logs.get(__name__)

SETTLED_AFTER = 10.0
"""Seconds after which a message that is not in the history is not coming any more: it lags a little."""

GIVEN_UP_AFTER = 300.0
"""Seconds after which the outcome stays unknown if the history could not be read."""

_LOOKS = (0.3, 1.0, 2.0, 3.0)
_BEFORE = 300.0  # how much earlier than the attempt, in seconds, is looked: clocks differ
_AT_LEAST = 100  # looked at in any case, however their times compare
_TOLERANCE = 2.0  # seconds by which a message may seem older than the attempt it is of
_AUTHOR = {"username", "icon_emoji", "icon_url"}


class Reconciliation:
    """Looks for the post of an action.

    Args:
        history: what Slack remembers.
        clock: Slack's.
        identity: the bot.
    """

    def __init__(self, history: History, clock: SlackClock, identity: Identity) -> None:
        self._history = history
        self._clock = clock
        self._identity = identity
        self._confirmed: TTLCache[tuple[str, str], bool] = TTLCache(10_000, 2 * _BEFORE)

    def confirmed(self, channel: str, ts: str) -> None:
        """Note that a message is a known post: it is no other's."""
        self._confirmed[channel, ts] = True

    async def find(self, message: Mapping[str, Any], begun_at: float) -> Message | None:
        """Return the confirmation of a post, or None if it surely was not posted.

        Args:
            message: arguments of the post, its metadata included.
            begun_at: when the attempt was begun, on Slack's clock.

        Raises:
            OutcomeUnknown: nobody can tell.
        """
        channel = str(message["channel"])
        if channel[:1] in {"U", "W"} and _AUTHOR & message.keys():
            raise OutcomeUnknown(
                "whether the message was posted is not known: under another author it went to Slackbot's "
                "direct message, which the bot cannot look into"
            )
        await self._identity.known()
        machine = self._clock.machine
        begun = machine.monotonic()
        deadline = begun + GIVEN_UP_AFTER
        looks = iter(_LOOKS)
        try:
            id_ = await self._history.channel_id(channel, deadline)
            while True:
                asked_at = machine.monotonic()
                look = _Look(self._identity, message, begun_at)
                if id_:  # a direct message that does not exist yet holds no message either
                    await self._look(look, id_, deadline)
                found = look.found
                settled = asked_at - begun >= SETTLED_AFTER
                if found is None and settled:
                    found = look.alike(channel)
                if found is not None:
                    log.info(
                        "a post was found in Slack's history",
                        action=message["metadata"]["event_payload"]["action_id"],
                        key=f"{id_}:{found.get('ts')}",
                    )
                    return {"ok": True, "channel": id_, "ts": found.get("ts"), "message": found}
                if settled:
                    if id_ is None and channel[:1] not in {"U", "W"}:
                        raise OutcomeUnknown(
                            f"whether the message was posted is not known: there is no {channel} to look into"
                        )
                    return None
                await machine.sleep(next(looks, _LOOKS[-1]))
                id_ = id_ or await self._history.channel_id(channel, deadline)
        except CannotLook as error:
            raise OutcomeUnknown(
                f"whether the message was posted is not known, and {channel} cannot be looked into "
                f"({error.failure.code}): look there before it is sent again"
            ) from error

    async def _look(self, look: "_Look", channel: str, deadline: float) -> None:
        """Read the messages among which the post is, if it is there, until it is found."""
        thread = str(look.posted.get("thread_ts") or "")
        seen = 0
        messages: AsyncIterator[Message] = (
            self._history.replies(channel, thread, deadline)
            if thread
            else self._history.messages(channel, deadline)
        )
        async for message in messages:
            ts = str(message.get("ts"))
            if look.see(message, known=(channel, ts) in self._confirmed):
                return
            seen += 1
            if not thread and seen > _AT_LEAST and seconds(ts) < look.begun_at - _BEFORE:
                return


class _Look:
    """What one look into the history has shown.

    Attributes:
        posted: arguments of the post that is looked for.
        begun_at: when it was begun.
        found: the message that carries its metadata.
    """

    def __init__(self, identity: Identity, posted: Mapping[str, Any], begun_at: float) -> None:
        self._identity = identity
        self.posted = posted
        self.begun_at = begun_at
        self.found: Message | None = None
        self._unmarked: list[Message] = []
        self._keeps_metadata = False

    def see(self, message: Message, *, known: bool) -> bool:
        """Take a message in, and return whether it is the post.

        Args:
            message: of the history.
            known: whether it is the confirmed post of an action.
        """
        if carries(message, self.posted["metadata"]):
            self.found = message
            return True
        if tells_its_action(message):
            self._keeps_metadata = True
        elif not known and self._is_own(message) and seconds(message.get("ts")) >= self.begun_at - _TOLERANCE:
            self._unmarked.append(message)
        return False

    def alike(self, channel: str) -> Message | None:
        """Return the only message that can be the post although it carries no metadata, or None.

        Raises:
            OutcomeUnknown: there are others.
        """
        if self._keeps_metadata or not self._unmarked:
            return None
        alike = [message for message in self._unmarked if reads_like(message, self.posted)]
        if len(alike) == 1:
            return alike[0]
        raise OutcomeUnknown(
            f"whether the message was posted is not known: messages of the bot's in {channel} say not which "
            "action they are of: look there before it is sent again"
        )

    def _is_own(self, message: Message) -> bool:
        if self._identity.user_id and message.get("user") == self._identity.user_id:
            return True
        return bool(message.get("bot_id")) and self._identity.bot_id in {"", message.get("bot_id")}
