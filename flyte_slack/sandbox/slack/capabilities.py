"""What an app is handed for a while when people do something: trigger ids and response URLs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..workspace import Workspace
from .errors import MethodError

TRIGGER_SECONDS = 3.0
RESPONSE_SECONDS = 30 * 60.0
RESPONSE_USES = 5
KEPT = 1_000
"""How many of each are remembered; the oldest are forgotten first."""


@dataclass(slots=True)
class Trigger:
    """The right to open a modal for a person, once, soon after they did something."""

    user_id: str
    made: float
    view_id: str = ""
    used: bool = False


@dataclass(slots=True)
class Response:
    """Where a response URL leads: the channel, and the message whose control was used."""

    user_id: str
    channel_id: str
    made: float
    ts: str = ""
    thread_ts: str = ""
    uses: int = 0


class Capabilities:
    """The trigger ids and response URLs of one workspace.

    ``address`` gives the sandbox's base address, which is known only once it listens.
    """

    def __init__(self, workspace: Workspace, address: Callable[[], str]) -> None:
        self._workspace = workspace
        self._address = address
        self._triggers: dict[str, Trigger] = {}
        self._responses: dict[str, Response] = {}

    def trigger(self, user_id: str, view_id: str = "") -> str:
        """Make a trigger id for that person, from within that view if there is one."""
        made = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[made] = Trigger(user_id, self._workspace.now(), view_id)
        _forget_oldest(self._triggers)
        return made

    def exchange(self, trigger_id: str) -> Trigger:
        """Use a trigger id up. Raises Slack's refusals of one that is unknown, used or too old."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise MethodError("invalid_trigger_id")
        if trigger.used:
            raise MethodError("exchanged_trigger_id")
        if self._workspace.now() - trigger.made > TRIGGER_SECONDS:
            raise MethodError("expired_trigger_id")
        trigger.used = True
        return trigger

    def response_url(self, user_id: str, channel_id: str, ts: str = "", thread_ts: str = "") -> str:
        """Make an address at which the app can answer what that person did there."""
        token = f"{self._workspace.team_id}/{secrets.token_urlsafe(18)}"
        self._responses[token] = Response(user_id, channel_id, self._workspace.now(), ts, thread_ts)
        _forget_oldest(self._responses)
        return f"{self._address()}/slack/respond/{token}"

    def use_response(self, token: str) -> Response:
        """Count one use of a response URL. Raises Slack's refusal of one that has had its time."""
        response = self._responses.get(token)
        if response is None:
            raise MethodError("no_service")
        if self._workspace.now() - response.made > RESPONSE_SECONDS:
            raise MethodError("expired_url")
        if response.uses >= RESPONSE_USES:
            raise MethodError("used_url")
        response.uses += 1
        return response


def _forget_oldest(kept: dict[str, Any]) -> None:
    while len(kept) > KEPT:
        del kept[next(iter(kept))]
