"""Bolt, between what is received and the listener: it answers only when the listener has stored."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from ... import logs
from ...errors import StoreUnavailable
from ..workspace.profiles import text
from .listener import Listener

log = logs.get(__name__)

Headers = Mapping[str, str | Sequence[str]]


class _Keep(AsyncMiddleware):
    """Hands every payload to the listener and answers 200 only after it.

    A class, not a function: for those Bolt looks into the payload, and fails if it is not what it expects.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002
    ) -> BoltResponse | None:
        """Answer a request, or leave it to Bolt if there is nothing to keep."""
        if text(req.body.get("type")) == "url_verification":
            return await next()
        try:
            await self._listener.receive(req.body)
        except StoreUnavailable as error:
            log.warning("an event is not acknowledged: Slack sends it again", cause=str(error))
            return BoltResponse(status=503, body="")
        return BoltResponse(status=200, body="")


def bolt(listener: Listener, *, bot_token: str, signing_secret: str) -> AsyncApp:
    """Return a Bolt app that stores with the listener, then answers.

    The listener stands before Bolt's authorization, which would acknowledge and lose an event if
    `auth.test` fails, and before the middleware that drops the bot's own events. Bolt still checks
    the signature of HTTP requests first.
    """
    return AsyncApp(
        name="flyte-slack",
        logger=logging.getLogger("slack_bolt"),
        token=bot_token,
        signing_secret=signing_secret,
        process_before_response=True,
        before_authorize=_Keep(listener),
    )


async def dispatch(
    app: AsyncApp, body: Mapping[str, Any], *, mode: str, raw: str = "", headers: Headers | None = None
) -> BoltResponse:
    """Give Bolt a payload that was read already, and return its answer.

    Bolt looks into a payload when the request is made, and fails on one that is not what it expects:
    so it gets the payload afterwards.
    """
    request = AsyncBoltRequest(body="", mode=mode, headers=dict(headers or {}))
    request.raw_body, request.body = raw, dict(body)
    return await app.async_dispatch(request)
