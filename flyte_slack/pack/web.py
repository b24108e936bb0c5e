"""The web port: health for people and for probes (contract, section 6)."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from .. import logs
from .health import Health

log = logs.get(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def health_app(health: Health) -> web.Application:
    """Return an application with `/`, `/health/live` and `/health/ready`.

    Args:
        health: asked anew at each request.
    """

    async def report(_request: web.Request) -> web.Response:
        parts = health.report()
        healthy = all(part["healthy"] for part in parts.values())
        return web.json_response(parts, status=200 if healthy else 500)

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def ready(_request: web.Request) -> web.Response:
        return web.json_response({"ready": health.ready}, status=200 if health.ready else 503)

    app = web.Application()
    app.add_routes([web.get("/", report), web.get("/health/live", live), web.get("/health/ready", ready)])
    return app


@contextlib.asynccontextmanager
async def serve(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve an application, and give the port it got.

    Raises:
        OSError: the address cannot be bound.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=3)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise OSError(
                f"{host}:{port} cannot be listened on ({error.strerror}): "
                "set FLYTE_SLACK_HOST or FLYTE_SLACK_PORT to another"
            ) from error
        bound: int = runner.addresses[0][1]
        log.info("listening", host=host, port=bound)
        yield bound
    finally:
        await runner.cleanup()
