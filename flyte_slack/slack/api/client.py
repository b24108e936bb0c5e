"""The way to Slack's Web API: one session for all calls."""

import contextlib
from collections.abc import AsyncIterator
from types import SimpleNamespace

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from ... import __version__
from ...proxies import proxy_for
from .metrics import RATE_LIMITED

_TIMEOUT = 30
_RATE_LIMITED = 429


@contextlib.asynccontextmanager
async def connect(url: str, token: str) -> AsyncIterator[AsyncWebClient]:
    """Lend a client without retries of the SDK's own: they would post twice.

    Args:
        url: base URL of the Web API, with a slash at the end.
        token: sent with every call that brings none of its own.
    """
    counting = aiohttp.TraceConfig()
    counting.on_request_end.append(_count)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=30),
        timeout=aiohttp.ClientTimeout(total=_TIMEOUT),  # the SDK's own is for sessions it makes
        trace_configs=[counting],
    ) as session:
        client = AsyncWebClient(
            token=token,
            base_url=url,
            timeout=_TIMEOUT,
            session=session,
            retry_handlers=[],
            user_agent_prefix=f"flyte-slack/{__version__}",
        )
        client.proxy = proxy_for(url)
        yield client


async def _count(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, call: aiohttp.TraceRequestEndParams
) -> None:
    if call.response.status == _RATE_LIMITED:
        RATE_LIMITED.labels(call.url.name).inc()
