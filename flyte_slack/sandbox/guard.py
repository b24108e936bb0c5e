"""What keeps other web sites out: a browser on this machine must not be made to talk to the sandbox.

A page of another site can send requests to a loopback address, and by DNS rebinding even under its own
name. So the ``Host`` must be one of this machine's names, and what a browser says it sends for another
site is refused.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


class Refused(Exception):
    """The request cannot be served: a status and a sentence that says why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Guard:
    """Lets in what is addressed to ``host``, the address that the sandbox was told to listen on."""

    def __init__(self, host: str) -> None:
        self._host = host.strip("[]").lower()
        self._loopback_only = _is_loopback(self._host)

    def middleware(self) -> Middleware:
        """Return the middleware that refuses what it does not let in, with a sentence."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                self.check(request)
                return await handler(request)
            except Refused as refused:
                return web.json_response({"error": str(refused)}, status=refused.status)

        return guarded

    def check(self, request: web.Request) -> None:
        """Raise :class:`Refused` for a foreign name or a request from another site's page."""
        host = request.headers.get("Host")
        if host is not None and not self._is_own(host):
            raise Refused(403, f"The sandbox does not answer to the name {host!r}; use its address.")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise Refused(403, "Requests from the page of another site are not taken.")
        elsewhere = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        follows_link = request.method == "GET" and request.path == "/"
        if elsewhere and not follows_link:
            raise Refused(403, "Requests from the page of another site are not taken.")

    def _is_own(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name == self._host or _is_loopback(name):
            return True
        if self._loopback_only:
            return False
        if name == socket.gethostname().lower():
            return True
        # No public name is an address, and none is without a dot: neither can be rebound from outside.
        return _is_address(name) or re.fullmatch(r"[\w-]+", name) is not None


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_address(name) and ipaddress.ip_address(name).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
