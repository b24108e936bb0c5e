"""A running sandbox, and who talks to it: a plugin of the tests that name it in `pytest_plugins`."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from sandbox_parts import Peer, Person, client
from slack_sdk.web.async_client import AsyncWebClient

from flyte_slack.sandbox.server import Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Give a running sandbox."""
    async with Sandbox(port=0) as running:
        yield running


@pytest.fixture
async def session(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    """Give an HTTP session at the sandbox."""
    async with aiohttp.ClientSession(base_url=sandbox.url) as opened:
        yield opened


@pytest.fixture
def slack(sandbox: Sandbox) -> AsyncWebClient:
    """Give the official client with the bot's token."""
    return client(sandbox)


@pytest.fixture
async def peer(sandbox: Sandbox, session: aiohttp.ClientSession) -> Peer:
    """Give an open WebSocket of the app's."""
    return await Peer.open(sandbox, session)


@pytest.fixture
def alice(session: aiohttp.ClientSession) -> Person:
    """Give alice."""
    return Person(session, "alice")


@pytest.fixture
def bob(session: aiohttp.ClientSession) -> Person:
    """Give bob."""
    return Person(session, "bob")
