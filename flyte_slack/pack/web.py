"""The web port: health for people and for probes, and metrics (contract, section 6)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from .. import logs
from .health import Health

log = logs.get(__name__)

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes of a request: the longest message that a chat tool sends is a tenth of it, however it is escaped."""

_REQUEST_WITHIN = 10.0  # seconds from a connection to the headers of its first request
_KEPT_ALIVE = 75.0
_MOST_IDLE = 200

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def health_app(health: Health, metrics: Callable[[], bytes]) -> web.Application:
    """Return an application with `/`, `/health/live`, `/health/ready` and `/metrics`.

    Args:
        health: asked anew at each request.
        metrics: gives the metrics in Prometheus' text format.
    """

    async def report(_request: web.Request) -> web.Response:
        parts = health.report()
        healthy = all(part["healthy"] for part in parts.values())
        return web.json_response(parts, status=200 if healthy else 500)

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def ready(_request: web.Request) -> web.Response:
        return web.json_response({"ready": health.ready}, status=200 if health.ready else 503)

    async def scrape(_request: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(client_max_size=LARGEST_BODY)
    app.add_routes(
        [
            web.get("/", report),
            web.get("/health/live", live),
            web.get("/health/ready", ready),
            web.get("/metrics", scrape),
        ]
    )
    return app


@contextlib.asynccontextmanager
async def serve(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve an application, and give the port it got.

    Raises:
        OSError: the address cannot be bound.
    """
    idle = _Idle()
    app.middlewares.append(idle.heard)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=3, keepalive_timeout=_KEPT_ALIVE
    )
    await runner.setup()
    idle.server = cast("web.Server", runner.server)
    try:
        try:
            server = await asyncio.get_running_loop().create_server(idle.welcome, host, port)
        except OSError as error:
            raise OSError(
                f"{host}:{port} cannot be listened on ({error.strerror}): "
                "set FLYTE_SLACK_HOST or FLYTE_SLACK_PORT to another"
            ) from error
        async with server:
            bound: int = server.sockets[0].getsockname()[1]
            log.info("listening", host=host, port=bound)
            try:
                yield bound
            finally:
                server.close()
                await runner.cleanup()  # or leaving the server waits for every connection that is kept alive
    finally:
        await runner.cleanup()


class _Idle:
    """Connections on which nothing is answered: each has so long to bring a request, and there are so many.

    One that brings half of a request is idle too.

    Attributes:
        server: makes a protocol for each connection.
    """

    server: web.Server

    def __init__(self) -> None:
        self._waiting: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def welcome(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        protocol = self.server()
        self._wait(protocol, _REQUEST_WITHIN)
        return protocol

    @web.middleware
    async def heard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a connection stay while its request is answered."""
        if (timer := self._waiting.pop(request.protocol, None)) is not None:
            timer.cancel()
        try:
            return await handler(request)
        finally:
            if request.protocol.transport is not None:
                self._wait(request.protocol, _KEPT_ALIVE)

    def _wait(self, protocol: web.RequestHandler, seconds: float) -> None:
        """Wait for a request; the connection that has waited longest makes room for it."""
        if len(self._waiting) >= _MOST_IDLE:
            self._close(next(iter(self._waiting)))
        loop = asyncio.get_running_loop()
        self._waiting[protocol] = loop.call_later(seconds, self._close, protocol)

    def _close(self, protocol: web.RequestHandler) -> None:
        self._waiting.pop(protocol).cancel()
        if protocol.transport is not None:
            protocol.transport.close()
