"""Slack's answers, read for the checks: whether they are Slack's, and what a refusal asks for."""

import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError

from ...slack.api.failures import Failure, Outcome, read_failure
from .probes import Failed

_REINSTALL = "install the app again on its page Install App, and set the token it gives"
_REMEDIES = {
    "account_inactive": _REINSTALL,
    "app_not_installed": _REINSTALL,
    "token_expired": _REINSTALL,
    "token_revoked": _REINSTALL,
    "link_disabled": "turn Socket Mode on, on the app's page Socket Mode",
    "missing_scope": "generate an App-Level Token with the scope connections:write on the app's page "
    "Basic Information, and set it",
    "unknown_method": "check SLACK_API_URL: what is there knows no such method",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one call.

    Attributes:
        body: its JSON; empty where there was none.
        headers: with names in lower case.
        failure: what is wrong, or None.
        error: in words.
        at: when it came, by this machine's clock.
    """

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    failure: Failure | None
    error: str
    at: float

    @property
    def is_slacks(self) -> bool:
        """Whether it is one that Slack gives, a refusal included."""
        return "ok" in self.body or (self.failure is not None and self.failure.retry_after is not None)

    @property
    def is_there(self) -> bool:
        """Whether anybody answered: the SDK says so of every answer that is not one of success."""
        return "SlackApiError" in self.error


async def answer_to(call: Awaitable[Any]) -> Answer:
    """Wait for the answer to a call of the SDK's; raises nothing that the call does."""
    failure, error = None, ""
    try:
        answer: Any = await call
    except Exception as raised:
        failure, error = read_failure(raised), f"{raised.__class__.__name__}: {raised}"
        answer = raised.response if isinstance(raised, SlackApiError) else None
    body, headers = getattr(answer, "data", None), getattr(answer, "headers", None) or {}
    return Answer(
        body if isinstance(body, dict) else {},
        {name.lower(): str(value) for name, value in headers.items()},
        failure,
        error,
        time.time(),
    )


def refused(failure: Failure, usual: str) -> Failed:
    """Return what to say of a refusal.

    Args:
        failure: Slack's.
        usual: what to do where the code asks for nothing in particular.
    """
    if failure.retry_after is not None:
        return Failed("Slack asks to wait", f"try again in {failure.retry_after:.0f} s")
    if failure.outcome is not Outcome.REFUSED:
        return Failed(f"Slack cannot tell now ({failure.code})", "try again later")
    return Failed(f"not accepted ({failure.code})", _REMEDIES.get(failure.code, usual))
