"""``GET trace?since=N`` → ``{"entries": […], "next": M}``: what happened to every event, step by step."""

from __future__ import annotations

from aiohttp import web

from ..guard import Refused
from ..trace import Trace

_LONGEST = 15  # digits


class TraceApi:
    """Reads the trace; ``since`` is the ``next`` of an earlier answer."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve it."""
        router.add_get("/trace", self._read)

    async def _read(self, request: web.Request) -> web.Response:
        since = request.query.get("since", "") or "0"
        if not since.isdecimal() or len(since) > _LONGEST:
            raise Refused(400, "since must be a number: the next of an earlier answer.")
        entries, number = self._trace.since(int(since))
        return web.json_response({"entries": entries, "next": number})
