"""Serving HTTP on this machine, as Flyte, as Slack and for the runner."""

from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def listen(handler: Handler, port: int = 0) -> tuple[web.ServerRunner, int]:
    """Serve a handler, at a free port unless one is given; return its runner and its port."""
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True, backlog=1024).start()
    return runner, int(runner.addresses[0][1])
