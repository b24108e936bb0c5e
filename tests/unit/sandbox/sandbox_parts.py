"""What the sandbox's tests talk to it with: as the app, over a bare WebSocket, and as a person."""

from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flyte_slack.sandbox.server import Sandbox


def client(sandbox: Sandbox, token: str | None = None) -> AsyncWebClient:
    """Return the official client with the bot's token, or with another one."""
    token = sandbox.bot_token if token is None else token
    return AsyncWebClient(token=token, base_url=f"{sandbox.url}/slack/api/", retry_handlers=[])


async def error_of(call: Awaitable[Any]) -> str:
    """Return the code with which Slack refuses a call."""
    return str((await refusal_of(call))["error"])


async def refusal_of(call: Awaitable[Any]) -> dict[str, Any]:
    """Return the whole answer with which Slack refuses a call."""
    with pytest.raises(SlackApiError) as raised:
        await call
    return dict(raised.value.response.data)


async def socket_url(sandbox: Sandbox) -> str:
    """Ask for the address of a WebSocket."""
    answer = await client(sandbox, "").apps_connections_open(app_token=sandbox.app_token)
    return str(answer["url"])


class Peer:
    """A bare WebSocket that acknowledges when told to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    @classmethod
    async def open(cls, sandbox: Sandbox, session: aiohttp.ClientSession) -> "Peer":
        """Connect and read the hello."""
        peer = cls(await session.ws_connect(await socket_url(sandbox)))
        assert (await peer.frame())["type"] == "hello"
        return peer

    async def frame(self) -> dict[str, Any]:
        """Read the next frame."""
        frame: dict[str, Any] = await self.socket.receive_json(timeout=5)
        return frame

    async def ack(self, envelope: dict[str, Any]) -> None:
        """Acknowledge an envelope."""
        await self.socket.send_json({"envelope_id": envelope["envelope_id"]})

    async def taken(self, kind: str) -> dict[str, Any]:
        """Take the next envelope, which must be of that type, and return its payload."""
        envelope = await self.frame()
        assert envelope["type"] == kind, envelope
        await self.ack(envelope)
        payload: dict[str, Any] = envelope["payload"]
        return payload

    async def event(self) -> dict[str, Any]:
        """Take the next event."""
        event: dict[str, Any] = (await self.taken("events_api"))["event"]
        return event

    async def events(self, number: int) -> list[dict[str, Any]]:
        """Take that many events."""
        return [await self.event() for _ in range(number)]


class Person:
    """A person, or a script in her name, at the sandbox's own interface."""

    def __init__(self, session: aiohttp.ClientSession, name: str) -> None:
        self.session = session
        self.name = name

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Call the interface; return status and answer."""
        async with self.session.request(method, f"/api/{path}", json=body) as response:
            return response.status, await response.json()

    async def does(self, path: str, **body: Any) -> dict[str, Any]:
        """Do something that must be possible."""
        status, answer = await self.call("POST", path, {"user": self.name, **body})
        assert status in (200, 201), answer
        return answer

    async def refused(self, path: str, **body: Any) -> tuple[int, str]:
        """Try something that must not be possible; return status and sentence."""
        status, answer = await self.call("POST", path, {"user": self.name, **body})
        assert list(answer) == ["error"], answer
        assert answer["error"].endswith("."), answer
        return status, answer["error"]

    async def says(self, text: str, channel: str = "general", **more: Any) -> str:
        """Write a message; return its ts."""
        return str((await self.does("messages", channel=channel, text=text, **more))["ts"])

    async def sees(self, channel: str = "general") -> list[dict[str, Any]]:
        """Read a channel."""
        status, answer = await self.call("GET", f"messages?channel={channel}&user={self.name}")
        assert status == 200, answer
        messages: list[dict[str, Any]] = answer["messages"]
        return messages

    async def modals(self) -> list[dict[str, Any]]:
        """Return what is open, the topmost last."""
        _, answer = await self.call("GET", f"modals?user={self.name}")
        modals: list[dict[str, Any]] = answer["modals"]
        return modals


def button(action_id: str, value: str = "", **more: Any) -> dict[str, Any]:
    """Return a button."""
    text = {"type": "plain_text", "text": action_id.title()}
    return {"type": "button", "action_id": action_id, "text": text, "value": value, **more}


def actions(*elements: dict[str, Any], block_id: str = "controls") -> dict[str, Any]:
    """Return a block of controls."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def plain(text: str) -> dict[str, Any]:
    """Return a plain text object."""
    return {"type": "plain_text", "text": text}


def entry(block_id: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an input block."""
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **more}
