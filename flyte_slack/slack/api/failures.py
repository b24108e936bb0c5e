"""What a call to Slack that did not succeed means: sorted once, here.

Codes are documented on docs.slack.dev, most of them with `chat.postMessage`.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError


class Kind(StrEnum):
    """Kind of a failure event (contract, section 4)."""

    INPUT = "input"
    CONFIGURATION = "configuration"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What became of a call that was not confirmed."""

    REFUSED = "refused"
    NOT_DONE = "not done"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Failure:
    """A call to Slack that failed.

    Attributes:
        outcome: `NOT_DONE` can be tried again; `UNKNOWN` may have been done.
        code: Slack's error code, or a word for what happened on the way.
        kind: of the failure event.
        retry_after: seconds that Slack asked to wait, or None.
        needed: the scope that is missing, if Slack names it.
        details: what Slack says beside the code, such as which block is wrong.
    """

    outcome: Outcome
    code: str
    kind: Kind
    retry_after: float | None = None
    needed: str = ""
    details: tuple[str, ...] = ()


class Redirected(aiohttp.ClientError):
    """An answer sends to another address, as Slack itself never does. It is not followed.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer of what is no method of the Web API, in the form of the SDK's.

    Attributes:
        status_code: of the answer.
        headers: of the answer.
        data: what the Web API would have said, if anything.
    """

    status_code: int
    headers: Mapping[str, Any]
    data: Mapping[str, Any] = field(default_factory=dict)


class Unsuccessful(Exception):
    """What is no method of the Web API did not succeed.

    Attributes:
        response: what was answered.
    """

    def __init__(self, response: HttpAnswer) -> None:
        super().__init__(f"HTTP status {response.status_code}")
        self.response = response


class Unreadable(Exception):
    """An answer lacks what the method promises."""


_SHORTEST_WAIT = 0.5  # seconds, where Slack asks for none
_RATE_LIMITED = {"ratelimited", "rate_limited"}
_TRY_AGAIN = _RATE_LIMITED | {
    "service_unavailable",
    "request_timeout",
    "org_login_required",
    "team_added_to_org",
    "message_limit_exceeded",
}
_PROXY_AUTHENTICATION = 407
_PASSING = {408, 425}
_NO_METHOD = {404: "unknown_method", 405: "unknown_method"}
_AMBIGUOUS = {"internal_error", "fatal_error", ""}
_LONG_WAIT = {"org_login_required": 60.0, "team_added_to_org": 60.0, "message_limit_exceeded": 60.0}

_TOKEN = [
    "access_denied",
    "accesslimited",
    "account_inactive",
    "app_not_installed",
    "enterprise_is_restricted",
    "invalid_auth",
    "is_inactive",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "team_access_not_granted",
    "team_not_found",
    "token_expired",
    "token_revoked",
    "two_factor_setup_required",
]
_REVOKED = {
    "account_inactive",
    "app_not_installed",
    "invalid_auth",
    "not_authed",
    "token_expired",
    "token_revoked",
}
_TARGET = [
    "cannot_dm_bot",
    "cannot_post_to_user",
    "channel_is_archived",
    "channel_not_found",
    "channel_type_not_supported",
    "ekm_access_denied",
    "im_not_found",
    "is_archived",
    "is_disconnected",
    "message_not_found",
    "messages_tab_disabled",
    "not_in_channel",
    "posting_to_channel_denied",
    "thread_locked",
    "user_disabled",
    "user_is_bot",
    "user_not_found",
    "user_not_in_channel",
    "users_not_found",
]
_MESSAGE = [
    "bad_timestamp",
    "attachment_payload_limit_exceeded",
    "blocks_too_long",
    "cannot_reply_to_message",
    "invalid_arg_name",
    "invalid_arguments",
    "invalid_array_arg",
    "invalid_attachments",
    "invalid_charset",
    "invalid_form_data",
    "invalid_json",
    "invalid_post_type",
    "invalid_thread_ts",
    "json_not_object",
    "markdown_text_conflict",
    "message_too_long",
    "metadata_must_be_sent_from_app",
    "metadata_too_large",
    "missing_post_type",
    "msg_too_long",
    "no_text",
    "request_too_large",
    "thread_not_found",
    "too_many_attachments",
    "too_long",
    "too_many_contact_cards",
]
_KINDS = {
    **dict.fromkeys(_TOKEN, Kind.CONFIGURATION),
    **dict.fromkeys(_TARGET, Kind.CONFIGURATION),
    **dict.fromkeys(_MESSAGE, Kind.INPUT),
}
_FAMILIES = (
    ("restricted_action", Kind.CONFIGURATION),
    ("invalid_blocks", Kind.INPUT),
    ("invalid_metadata", Kind.INPUT),
    ("invalid_attachment", Kind.INPUT),
    ("msg_", Kind.INPUT),
    ("slack_connect_", Kind.CONFIGURATION),
)


def read_failure(error: BaseException) -> Failure:
    """Sort what a call to the Web API raised.

    Args:
        error: from slack_sdk, aiohttp or asyncio.
    """
    if isinstance(error, SlackApiError | Unsuccessful):
        return _read_answer(error)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL):
        return Failure(Outcome.NOT_DONE, "unreachable", Kind.UNAVAILABLE)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return _refused_by_proxy(error.status)
    if isinstance(error, Redirected):
        return Failure(Outcome.REFUSED, "redirected", Kind.CONFIGURATION)
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return Failure(Outcome.UNKNOWN, "time-out", Kind.UNKNOWN)
    if isinstance(error, aiohttp.ClientError | OSError):
        return Failure(Outcome.UNKNOWN, "connection lost", Kind.UNKNOWN)
    if isinstance(error, SlackClientError | Unreadable):
        return Failure(Outcome.UNKNOWN, "unreadable answer", Kind.UNKNOWN)
    return Failure(Outcome.UNKNOWN, error.__class__.__name__, Kind.UNKNOWN)


def is_revoked(code: str) -> bool:
    """Whether a code says that Slack does not accept the token, whatever is done with it."""
    return code in _REVOKED


def _read_answer(error: SlackApiError | Unsuccessful) -> Failure:
    # an answer that is labelled JSON and is none comes as aiohttp's own response, without `get`
    answer: object = error.response
    data = getattr(answer, "data", None)
    body = data if isinstance(data, dict) else {}
    status = getattr(answer, "status_code", None) or getattr(answer, "status", 0) or 0
    code = str(body.get("error") or "")
    wait = _retry_after(getattr(answer, "headers", None))
    if status == _PROXY_AUTHENTICATION:
        return _refused_by_proxy(status)
    if status == 429 or code in _RATE_LIMITED:
        return Failure(Outcome.NOT_DONE, "ratelimited", Kind.UNAVAILABLE, wait if wait is not None else 1.0)
    if 400 <= status < 500 and not code and status not in _PASSING:
        return Failure(Outcome.REFUSED, _NO_METHOD.get(status, f"HTTP status {status}"), Kind.REJECTED)
    if status >= 500 or code in _AMBIGUOUS:
        return Failure(Outcome.UNKNOWN, code or f"HTTP status {status}", Kind.UNKNOWN)
    if code in _TRY_AGAIN:
        return Failure(
            Outcome.NOT_DONE, code, Kind.UNAVAILABLE, wait if wait is not None else _LONG_WAIT.get(code)
        )
    return Failure(
        Outcome.REFUSED, code, _kind(code), needed=str(body.get("needed") or ""), details=_details(body)
    )


def _refused_by_proxy(status: int) -> Failure:
    return Failure(Outcome.NOT_DONE, f"the proxy answers with HTTP status {status}", Kind.UNAVAILABLE)


def _details(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what Slack says of what is wrong, each thing once."""
    metadata = body.get("response_metadata")
    said = [body.get("errors"), metadata.get("messages") if isinstance(metadata, Mapping) else None]
    lines = [_line(item) for part in said if isinstance(part, list) for item in part]
    return tuple(dict.fromkeys(filter(None, lines)))


def _line(item: object) -> str:
    if isinstance(item, Mapping):  # of several users, one each
        parts = [str(item[key]) for key in ("user", "error") if item.get(key)]
        return ": ".join(parts) if item.get("error") else ""
    return item.removeprefix("[ERROR]").strip() if isinstance(item, str) else ""


def _kind(code: str) -> Kind:
    if code in _KINDS:
        return _KINDS[code]
    for beginning, kind in _FAMILIES:
        if code.startswith(beginning):
            return kind
    return Kind.REJECTED


def _retry_after(headers: object) -> float | None:
    """Read `Retry-After`, in seconds or as a date; headers are a plain or a case-insensitive mapping."""
    named = {
        str(name).lower(): str(value[0] if isinstance(value, list) else value)
        for name, value in (dict(headers).items() if headers else ())  # type: ignore[call-overload]
    }
    asked = named.get("retry-after")
    if asked is None:
        return None
    try:
        return max(_SHORTEST_WAIT, float(asked))
    except ValueError:
        until, now = _date(asked), _date(named.get("date", "")) or time.time()
        return None if until is None else max(_SHORTEST_WAIT, until - now)


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
