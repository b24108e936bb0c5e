"""Posts messages with `chat.postMessage`: at their channel's pace, never blindly twice (promises 5 and 6)."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ... import logs
from ...pack import ActionContext
from ..api.calls import Answer, Calls
from .likeness import metadata
from .pace import Paces
from .reconciliation import Reconciliation

log = logs.get(__name__)


class Posting:
    """Posts messages.

    Args:
        calls: calls Slack.
        paces: say when a channel may get its next message.
        reconciliation: finds out what became of a post whose outcome is unknown.
    """

    def __init__(self, calls: Calls, paces: Paces, reconciliation: Reconciliation) -> None:
        self._calls = calls
        self._paces = paces
        self._reconciliation = reconciliation

    async def post(self, message: Mapping[str, Any], action: ActionContext, part: int = 0) -> Answer:
        """Post a message once, and return Slack's confirmation.

        Args:
            message: arguments of `chat.postMessage`.
            action: the action that asks for it; its identity goes into the message's metadata.
            part: which of the action's messages it is, if it has several.

        Raises:
            CallRefused: Slack refused it, or could not take it for ten minutes; nothing was posted.
            OutcomeUnknown: it may have been posted.
        """
        channel = str(message["channel"])
        marked = {**message, "metadata": metadata(action.identity, part)}
        posted = await self._calls.call(
            "chat.postMessage",
            marked,
            action,
            after_unknown=partial(self._reconciliation.find, marked),
            promises=("ts",),
            gate=await self._paces.gate(channel, action),
        )
        id_, ts = str(posted.get("channel") or channel), str(posted["ts"])
        self._paces.same(channel, id_)
        self._reconciliation.confirmed(id_, ts)
        log.info("message posted", action=action.identity, key=f"{id_}:{ts}")
        return posted

    async def find(self, message: Mapping[str, Any], action: ActionContext, part: int) -> Answer | None:
        """Return Slack's confirmation of what an execution that was cut off posted, or None if it did not.

        Raises:
            OutcomeUnknown: nobody can tell.
        """
        if action.begun_at is None:
            return None
        marked = {**message, "metadata": metadata(action.identity, part)}
        return await self._reconciliation.find(marked, action.begun_at)
