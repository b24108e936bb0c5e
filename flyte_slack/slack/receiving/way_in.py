"""The way in, as it is set: Socket Mode connections or HTTP requests, and history for what they missed."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from ... import retries
from ...pack.health import Condition
from ...pack.runtime import Runtime
from ...settings.slack import Mode, Settings
from ..api.clock import SlackClock
from ..events.filter import ChannelFilter
from ..events.kinds import Kinds
from ..workspace.history import History
from ..workspace.workspace import Workspace
from .bolt import bolt
from .catch_up import CatchUp
from .http import HttpEndpoint
from .listener import Listener
from .socket_mode import Connections

_LOOK_EVERY = 0.1


class WayIn:
    """Everything that brings payloads of Slack's into the store of a runtime.

    Args:
        settings: say which way.
        runtime: gets the events; its web port gets the route in HTTP mode.
        web: the Web API.
        clock: Slack's.
        history: what Slack remembers.
        workspace: who the bot is, and how users and channels are called.
        kinds: what is forwarded.
        channels: tells which channels are forwarded.
    """

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime,
        web: AsyncWebClient,
        clock: SlackClock,
        history: History,
        workspace: Workspace,
        kinds: Kinds,
        channels: ChannelFilter,
    ) -> None:
        self._web = web
        self._store = runtime.store
        self._identity, self._channels = workspace.identity, channels
        self._connections: Connections | None = None
        by_http = settings.receives_by is Mode.HTTP
        listener = Listener(
            kinds,
            runtime.store.inbox,
            runtime.wake,
            workspace.directory,
            workspace.identity,
            lambda lane, since: self._catch_up.missed(lane, since),
        )
        self._catch_up = CatchUp(
            history,
            listener,
            runtime.store,
            workspace.identity,
            workspace.directory,
            clock,
            settings.catch_up,
            None if by_http else self._is_connected,
            runtime.arrivals,
        )
        app = bolt(
            listener,
            bot_token=settings.slack_bot_token.get_secret_value(),
            signing_secret=_value(settings.slack_signing_secret),
        )
        self._endpoint = HttpEndpoint(app, lambda since: self._catch_up.missed(None, since))
        if by_http:
            runtime.app.router.add_post("/slack/events", self._endpoint.handle)
            self._catch_up.connected()
        else:
            self._connections = Connections(
                app,
                _value(settings.slack_app_token),
                web,
                settings.connections,
                self._catch_up.connected,
                runtime.arrivals,
                kinds,
            )
            runtime.gauges.append(self._connections.gauges)

    def receiving(self) -> list[Coroutine[Any, Any, None]]:
        """Return what receives, and is stopped first."""
        return [self._receive(self._connections)] if self._connections else []

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """Return what goes on beside it."""
        return [self._identity.run(self._web), self._catch_up.run(), self._claim()]

    def condition(self) -> Condition:
        """Return how it is doing."""
        if self._identity.refused:
            return Condition(False, f"SLACK_BOT_TOKEN is not accepted: {self._identity.refused}")
        condition = (self._connections or self._endpoint).condition()
        if waiting := len(self._channels.waiting):
            told = f"events of {waiting} channels wait for the channel's name (FLYTE_SLACK_CHANNELS)"
            return Condition(condition.healthy, f"{condition.status}; {told}")
        return condition

    async def _claim(self) -> None:
        """Make the store this workspace's, or end: what waits in it must not be posted in another one."""
        while not self._identity.team_id:
            await asyncio.sleep(_LOOK_EVERY)
        await retries.until_stored(self._store.claim, {"workspace": self._identity.team_id})

    def _is_connected(self) -> bool:
        return self._connections is not None and self._connections.condition().healthy

    async def _receive(self, connections: Connections) -> None:
        await self._catch_up.prepared.wait()
        await connections.run()


def _value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
