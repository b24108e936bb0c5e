"""Keeps what Slack sends before Bolt acknowledges it (promise 1)."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from ... import logs
from ...errors import StoreUnavailable
from ...pack.metrics import EVENT_STORED
from ...store import Inbox
from ..events.message_sent import is_from_people, place
from ..workspace.directory import Directory
from ..workspace.identity import Identity

log = logs.get(__name__)

_BODY_WITHIN = 5.0  # seconds; Slack waits three for the answer
_NEEDS_NO_STORE = {"url_verification", "ssl_check"}


class Listener:
    """The one listener: stores messages of people, takes in changed names, acknowledges the rest.

    Args:
        inbox: where messages are kept.
        wake: told the lane of each message that was stored.
        directory: told of changed names.
        identity: the bot, whose own messages are not forwarded.
    """

    def __init__(
        self, inbox: Inbox, wake: Callable[[str], None], directory: Directory, identity: Identity
    ) -> None:
        self._inbox = inbox
        self._wake = wake
        self._directory = directory
        self._identity = identity

    async def receive(self, body: Mapping[str, Any]) -> None:
        """Take in one payload of the Events API; returns when it can be acknowledged.

        Raises:
            StoreUnavailable: it must not be acknowledged.
        """
        event = body.get("event")
        if not isinstance(event, Mapping):
            log.debug("a payload without an event is acknowledged", type=str(body.get("type")))
            return
        self._directory.learn(event)
        if not is_from_people(event, self._identity.user_id):
            return
        (channel, position), ts = place(event), str(event["ts"])
        team = str(body.get("team_id") or event.get("team") or self._identity.team_id)
        stored = {"team_id": team, "event": dict(event)}
        key, event_id = f"{channel}:{ts}", str(body.get("event_id") or "")
        if await self._inbox.add(key, channel, stored, position, kind="MessageSent", fills_gaps=True):
            EVENT_STORED.observe(max(0.0, time.time() - position))
            log.info("message stored", key=key, event_id=event_id)
            self._wake(channel)
        else:
            log.info("message came again", key=key, event_id=event_id)


class _Keep(AsyncMiddleware):
    """Hands every payload to the listener and answers 200 only after it.

    A class, not a function: for those Bolt looks into the payload, and fails where it is not what it expects.
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
        """Answer a request, or leave it to Bolt where there is nothing to keep."""
        if req.body.get("type") in _NEEDS_NO_STORE:
            return await next()
        try:
            await self._listener.receive(req.body)
        except StoreUnavailable as error:
            log.warning("an event is not acknowledged: Slack sends it again", cause=str(error))
            return BoltResponse(status=503, body="")
        return BoltResponse(status=200, body="")


def bolt(listener: Listener, *, bot_token: str, signing_secret: str) -> AsyncApp:
    """Return a Bolt app that stores with the listener, then answers.

    The listener stands before Bolt's authorization, which would acknowledge and lose an event where
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


async def receive_http(app: AsyncApp, request: web.Request) -> web.StreamResponse:
    """Answer a request of Slack's Events API or of its interactivity; Bolt checks its signature."""
    try:
        async with asyncio.timeout(_BODY_WITHIN):
            await request.read()  # kept by the request for whoever reads it again
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))
