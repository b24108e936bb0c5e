"""Calls over HTTP: each ends in a success, or in the `FlyteError` that says what became of it."""

import contextlib
import json
import ssl
from collections.abc import Mapping, Set
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
import httpx
from aiohttp.connector import Connection
from httpx_aiohttp import AiohttpTransport

from .. import __version__
from ..errors import FlyteProtocolError, FlyteUnauthorized, FlyteUnavailable, TokenUnreadable
from ..proxies import proxy_for
from . import answers
from .patience import within
from .token import Token

_KEPT_ALIVE = 15.0
_TO_CONNECT = 0.8  # of a call's time: what was never sent is told from what was not answered
_FAILURES = (httpx.TransportError, httpx.DecodingError, aiohttp.ClientError, OSError, ValueError)
_NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


class Calls:
    """One connection pool.

    Args:
        base: URL whose login, if it has one, is sent with each call, and that tells which proxy to use.
        token: sent with each call.
        timeout: seconds for a call.
        verify: whether TLS certificates are verified.
    """

    def __init__(self, base: str, token: Token, timeout: float, *, verify: bool) -> None:
        login, proxy = urlsplit(base), proxy_for(base)
        # a quarter of the CPU of httpx's own
        transport = AiohttpTransport(verify=verify, proxy=httpx.Proxy(proxy) if proxy else None)
        transport.client = partial(_session, transport.ssl_context)
        self._token = token
        self._seconds = timeout
        self._http = _Client(
            transport=transport,
            auth=httpx.BasicAuth(unquote(login.username), unquote(login.password or ""))
            if login.username
            else None,
            follow_redirects=False,
            headers={"User-Agent": f"flyte-slack/{__version__}", "Accept": "application/json"},
        )

    async def open(self) -> None:
        """Make it usable."""
        await self._http.__aenter__()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def call(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        accepts: Set[int] = answers.READ,
        seconds: float | None = None,
    ) -> httpx.Response:
        """Return the answer to a call, if it is the success that belongs to the call.

        Args:
            method: of HTTP.
            url: without a login.
            body: sent as JSON; bytes are sent as they are.
            accepts: statuses that are a success.
            seconds: that it may last, in place of the usual ones.

        Raises:
            FlyteError: whatever else became of it; `reply_lost` says whether the server may have got it.
        """
        seconds = seconds or self._seconds
        request = self._request(method, url, body, seconds)
        response: httpx.Response | None = None
        content: bytes | None = None
        try:
            async with within(seconds):
                response = await self._http.send(request, stream=True)
                content = await response.aread()
        except _FAILURES as error:
            if response is None or response.status_code in accepts & answers.WITH_BODY:
                raise _unanswered(error, method, plain(url), seconds) from error
        finally:
            if response is not None and content is None:
                with contextlib.suppress(*_FAILURES):
                    await response.aclose()
        if response.status_code not in accepts:
            raise answers.error_of(method, plain(url), response, content)
        return response

    def _request(
        self, method: str, url: str, body: Mapping[str, Any] | bytes | None, seconds: float
    ) -> httpx.Request:
        headers = {}
        try:
            if token := self._token.current():
                headers["Authorization"] = f"Bearer {token}"
        except TokenUnreadable as error:
            raise FlyteUnauthorized(f"not called: {error}", method=method, url=plain(url)) from error
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
        connect = _TO_CONNECT * min(seconds, self._seconds)
        timeout = httpx.Timeout(None, connect=connect, pool=connect)
        try:
            return self._http.build_request(method, url, content=content, headers=headers, timeout=timeout)
        except (httpx.InvalidURL, ValueError) as error:
            raise FlyteProtocolError(f"a link is no URL ({error})", method=method, url=plain(url)) from error


def plain(url: str) -> str:
    """Return a URL without the login it may hold."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep none: to look for them takes a sixth of a call's CPU, and the Flyte API sets none."""


class _Client(httpx.AsyncClient):
    @property
    def cookies(self) -> httpx.Cookies:
        return _NoCookies()

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        """Take none."""


class _Response(aiohttp.ClientResponse):
    """An answer whose reason phrase can be encoded, whatever the server wrote."""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        await super().start(connection)
        self.reason = (self.reason or "").encode("ascii", "replace").decode()
        return self


def _session(ssl_context: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_ALIVE, ssl=ssl_context),
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=_Response,
    )


def _cause(error: Exception) -> BaseException:
    """Return what happened below httpx, whose name for it can mislead: a reset is no connect time-out."""
    below = error.__cause__
    return below if isinstance(below, aiohttp.ClientError | OSError) else error


def _unanswered(error: Exception, method: str, url: str, seconds: float) -> FlyteUnavailable:
    cause = _cause(error)
    lost = not isinstance(cause, _NOT_SENT)
    if lost and isinstance(cause, TimeoutError | httpx.TimeoutException):
        message, waited = f"no answer within {seconds:g} s", seconds
    else:
        said = f": {cause}" if str(cause) else ""
        message, waited = f"no answer ({cause.__class__.__name__}{said})", None
    return FlyteUnavailable(message, method=method, url=url, reply_lost=lost, waited=waited)
