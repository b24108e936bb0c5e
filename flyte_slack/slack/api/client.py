"""The way to Slack's Web API: one session for all calls."""

import contextlib
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from ... import __version__
from ...proxies import proxy_for
from .failures import Redirected, is_revoked, read_failure
from .metrics import RATE_LIMITED

_TIMEOUT = 30
_RATE_LIMITED = 429
_REDIRECTS = {300, 301, 302, 303, 307, 308}
_WITH_THE_APP_TOKEN = "apps.connections.open"  # noqa: S105 - a method


class Client(AsyncWebClient):
    """The Web API; it tells when Slack does not accept the bot token any more, whoever called.

    Attributes:
        refused: called with Slack's error code.
    """

    refused: Callable[[str], None] = staticmethod(lambda code: None)

    async def api_call(self, api_method: str, **arguments: Any) -> AsyncSlackResponse:
        """Call a method."""
        try:
            return await super().api_call(api_method, **arguments)
        except SlackApiError as error:
            code = read_failure(error).code
            if is_revoked(code) and api_method not in {_WITH_THE_APP_TOKEN, "auth.test"}:
                self.refused(code)
            raise


@contextlib.asynccontextmanager
async def connect(
    url: str, token: str, refused: Callable[[str], None] = lambda code: None
) -> AsyncIterator[AsyncWebClient]:
    """Lend a client without retries of the SDK's own: they would post twice.

    Args:
        url: base URL of the Web API, with a slash at the end.
        token: sent with every call that brings none of its own.
        refused: called with Slack's error code when it does not accept the token.
    """
    counting = aiohttp.TraceConfig()
    counting.on_request_end.append(_count)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=30),
        timeout=aiohttp.ClientTimeout(total=_TIMEOUT),  # the SDK's own is for sessions it makes
        trace_configs=[counting],
        middlewares=(follow_no_redirect,),
    ) as session:
        client = Client(
            token=token,
            base_url=url,
            timeout=_TIMEOUT,
            session=session,
            retry_handlers=[],
            user_agent_prefix=f"flyte-slack/{__version__}",
        )
        client.proxy = proxy_for(url)
        client.refused = refused
        yield client


async def follow_no_redirect(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Raise `Redirected` for an answer that sends elsewhere: what is sent must not go to another address."""
    answer = await handler(request)
    if answer.status in _REDIRECTS:
        answer.close()
        raise Redirected(answer.status)
    return answer


async def _count(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, call: aiohttp.TraceRequestEndParams
) -> None:
    if call.response.status == _RATE_LIMITED:
        RATE_LIMITED.labels(call.url.name).inc()
