"""Calls over HTTP: each ends in a success, or in the `FlyteError` that says what became of it."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp
import httpx
from aiohttp.connector import Connection
from httpx_aiohttp import AiohttpTransport

from .. import __version__
from ..errors import (
    FlyteError,
    FlyteNotFound,
    FlyteProtocolError,
    FlyteRejected,
    FlyteUnauthorized,
    FlyteUnavailable,
)
from ..proxies import proxy_for
from .token import Token

_KEPT_ALIVE = 15.0
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
        self._timeout = httpx.Timeout(timeout)
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
        timeout: httpx.Timeout | None = None,
    ) -> httpx.Response:
        """Return the answer to a call, if it is a success.

        Args:
            method: of HTTP.
            url: without a login.
            body: sent as JSON; bytes are sent as they are.
            timeout: in place of the usual one.

        Raises:
            FlyteError: whatever else became of it; `reply_lost` says whether the server may have got it.
        """
        timeout = timeout or self._timeout
        headers = {}
        if token := self._token.current():
            headers["Authorization"] = f"Bearer {token}"
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, ValueError) as error:
            raise FlyteProtocolError(f"a link is no URL ({error})", method=method, url=plain(url)) from error
        try:
            async with asyncio.timeout(_total(timeout)):
                response = await self._http.request(
                    method, target, content=content, headers=headers, timeout=timeout
                )
        except (httpx.TransportError, httpx.DecodingError, aiohttp.ClientError, OSError, ValueError) as error:
            cause = _cause(error)
            raise FlyteUnavailable(
                f"no answer ({cause.__class__.__name__}{f': {cause}' if str(cause) else ''})",
                method=method,
                url=plain(url),
                reply_lost=not isinstance(cause, _NOT_SENT),
            ) from error
        if not response.is_success:
            raise _refusal(method, plain(url), response)
        return response


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


def _refusal(method: str, url: str, response: httpx.Response) -> FlyteError:
    status = response.status_code
    wait = response.headers.get("Retry-After", "")
    kind: type[FlyteError] = FlyteRejected
    message = f"{status} {response.reason_phrase}".strip()
    if status in {401, 403, 405, 407}:
        kind = FlyteUnauthorized
        message += ": the token (FLYTE_JWT or FLYTE_JWT_FILE) is missing, expired, or not allowed to do this"
    elif status == httpx.codes.NOT_FOUND:
        kind = FlyteNotFound
    elif status in {408, 425, 429} or response.is_server_error:
        kind = FlyteUnavailable
    elif not response.is_client_error:
        kind = FlyteProtocolError
        if response.is_redirect:
            message += (
                f": redirects are not followed, and this one is to {response.headers.get('Location')!r}"
            )
    return kind(
        message,
        method=method,
        url=url,
        status=status,
        retry_after=float(wait) if wait.isdecimal() else None,
        empty=not response.content.strip(),
        reply_lost=status in {502, 504},  # a proxy's: the server may have got the request
    )


def _total(timeout: httpx.Timeout) -> float:
    """Seconds for a whole call: httpx's own time-outs begin anew with every byte."""
    return (timeout.connect or 0.0) + (timeout.read or 0.0)
