"""Keeps what Slack sends before Bolt acknowledges it (promise 1)."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from .. import logs
from ..errors import StoreUnavailable
from ..store import Inbox
from .directory import Directory
from .identity import Identity
from .messages import is_from_people, place

log = logs.get(__name__)

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
        if await self._inbox.add(f"{channel}:{ts}", channel, stored, position):
            log.info("message stored", channel=channel, ts=ts, event_id=str(body.get("event_id") or ""))
            self._wake(channel)
        else:
            log.info("message came again", channel=channel, ts=ts, event_id=str(body.get("event_id") or ""))


def bolt(listener: Listener, *, bot_token: str, signing_secret: str) -> AsyncApp:
    """Return a Bolt app that hands every payload to the listener and answers 200 only after it.

    The listener stands before Bolt's authorization, which would acknowledge and lose an event where
    `auth.test` fails, and before the middleware that drops the bot's own events. Bolt still checks
    the signature of HTTP requests first.
    """

    async def keep(
        body: dict[str, Any], req: AsyncBoltRequest, next_: Callable[[], Awaitable[BoltResponse]]
    ) -> BoltResponse:
        if body.get("type") in _NEEDS_NO_STORE:
            return await next_()
        try:
            await listener.receive(body)
        except StoreUnavailable as error:
            log.warning("an event is not acknowledged: Slack sends it again", cause=str(error))
            return BoltResponse(status=503, body="")
        return BoltResponse(status=200, body="")

    return AsyncApp(
        name="flyte-slack",
        logger=logging.getLogger("slack_bolt"),
        token=bot_token,
        signing_secret=signing_secret,
        process_before_response=True,
        before_authorize=keep,
    )


async def receive_http(app: AsyncApp, request: web.Request) -> web.StreamResponse:
    """Answer a request of Slack's Events API; Bolt checks its signature."""
    return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))
