"""What an answer of the Flyte API means: the one place that says so.

| answer | who is at fault | error | what follows |
|---|---|---|---|
| the success that belongs to the call (below) | nobody | | done, even if the body is cut short |
| 400 | what was sent | `FlyteRejected` | a dead letter at once |
| 404 | the pack, or the action, is unknown | `FlyteNotFound` | a new registration, then another try |
| 401, 403, 405, 407 | the token, or a firewall | `FlyteUnauthorized` | slow tries; see `pack.attempts` |
| other 4xx (409, 413, 422, 423 ...) | what was sent, perhaps | `FlyteRefused` | as above |
| 408, 425, 429, 5xx, no answer | the server | `FlyteUnavailable` | tries with back-off |
| anything else: another 2xx, 3xx, 1xx | whoever answers is not Flyte | `FlyteProtocolError` | slow tries |
"""

from collections.abc import Mapping

import httpx

from ..errors import (
    FlyteError,
    FlyteNotFound,
    FlyteProtocolError,
    FlyteRefused,
    FlyteRejected,
    FlyteUnauthorized,
    FlyteUnavailable,
)

READ = frozenset({200})
"""Answers that count when something is read."""

REGISTERED = frozenset({201})
"""Answers that count when a pack is registered."""

ACCEPTED = frozenset({202})
"""Answers that count when an event or a result is posted; a proxy's page comes with 200."""

TAKEN = frozenset({200, 204})
"""Answers that count when an action is taken."""

WITH_BODY = frozenset({200, 201})
"""Successes that are worth nothing without the body."""

_KINDS: Mapping[int, type[FlyteError]] = {
    400: FlyteRejected,
    401: FlyteUnauthorized,
    403: FlyteUnauthorized,
    404: FlyteNotFound,
    405: FlyteUnauthorized,
    407: FlyteUnauthorized,
    408: FlyteUnavailable,
    425: FlyteUnavailable,
    429: FlyteUnavailable,
}
_MAYBE_PROCESSED = frozenset({502, 504})  # a proxy's: the server may have got the request


def kind_of(status: int) -> type[FlyteError]:
    """Return the error that a status stands for, where it is not the success of the call."""
    if status >= 500:
        return FlyteUnavailable
    return _KINDS.get(status, FlyteRefused if status >= 400 else FlyteProtocolError)


def error_of(method: str, url: str, response: httpx.Response, body: bytes | None) -> FlyteError:
    """Return what an answer that is not the success of its call means.

    Args:
        method: of the request.
        url: of the request, without a login.
        response: the answer's head.
        body: the answer's body, or None if it was cut short.
    """
    status, kind = response.status_code, kind_of(response.status_code)
    message = f"{status} {response.reason_phrase}".strip()
    if kind is FlyteUnauthorized:
        message += ": the token (FLYTE_JWT or FLYTE_JWT_FILE) is missing, expired, or not allowed to do this"
    elif response.is_redirect:
        message += f": redirects are not followed, and this one is to {response.headers.get('Location')!r}"
    elif kind is FlyteProtocolError:
        what = response.headers.get("Content-Type", "no content type")
        message += f" ({what}): the Flyte API does not answer so; does a proxy?"
    wait = response.headers.get("Retry-After", "")
    return kind(
        message,
        method=method,
        url=url,
        status=status,
        retry_after=float(wait) if wait.isdecimal() else None,
        empty=body is not None and not body.strip(),
        reply_lost=status in _MAYBE_PROCESSED,
    )
