"""The Slack Web API, as every part of the pack calls it."""

import contextlib
from collections.abc import AsyncIterator

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from .. import __version__
from .proxies import proxy_for

_TIMEOUT = 30


@contextlib.asynccontextmanager
async def open_web_api(token: str, url: str) -> AsyncIterator[AsyncWebClient]:
    """One session for all calls, and no retries of the SDK's own: they would post twice.

    Args:
        token: the bot token.
        url: base URL of the Web API.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=30),
        timeout=aiohttp.ClientTimeout(total=_TIMEOUT),  # the SDK's own is for sessions it makes
    ) as session:
        web_api = AsyncWebClient(
            token=token,
            base_url=url,
            timeout=_TIMEOUT,
            session=session,
            retry_handlers=[],
            user_agent_prefix=f"flyte-slack/{__version__}",
        )
        web_api.proxy = proxy_for(url)
        yield web_api
