"""A Socket Mode server of a few lines, in front of a scripted Web API."""

import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web
from scripted_slack import ScriptedSlack
from support import eventually


class ScriptedSockets(ScriptedSlack):
    """Hands out tickets and opens sockets for them, unless told otherwise. Sockets are numbered from 1.

    Attributes:
        log: `ticket 1`, `open 1`, `ack 1 ENVELOPE`, `close 1` in the order they happened.
        open: the open sockets by number.
        refused: tickets that are refused, by number.
        mute: sockets that say no hello, by number.
        deaf: sockets that answer no ping, by number.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []
        self.open: dict[int, web.WebSocketResponse] = {}
        self.refused: set[int] = set()
        self.mute: set[int] = set()
        self.deaf: set[int] = set()
        self._tickets = itertools.count(1)
        self._envelopes = itertools.count(1)
        self._requests: dict[int, web.Request] = {}

    def acks(self) -> list[str]:
        """Return the envelopes that were acknowledged, on whichever socket."""
        return [line.split()[2] for line in self.log if line.startswith("ack")]

    @asynccontextmanager
    async def serve(self, *routes: web.RouteDef) -> AsyncIterator["ScriptedSockets"]:
        """Serve it at `url`."""
        async with super().serve(
            *routes, web.post("/api/apps.connections.open", self._ticket), web.get("/link", self._link)
        ):
            yield self

    async def opened(self, *numbers: int) -> None:
        """Wait until exactly these sockets are open."""
        await eventually(lambda: self.open.keys() == set(numbers))

    async def envelope(self, number: int, event: dict[str, Any]) -> str:
        """Send an event over a socket; return the envelope's id."""
        id_ = f"E{next(self._envelopes)}"
        payload = {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{id_}", "event": event}
        await self.send(
            number,
            {"type": "events_api", "envelope_id": id_, "accepts_response_payload": False, "payload": payload},
        )
        return id_

    async def send(self, number: int, frame: dict[str, Any]) -> None:
        """Send a frame over a socket."""
        await self.open[number].send_str(json.dumps(frame))

    def drop(self, number: int) -> None:
        """Break a socket's connection without a word."""
        transport = self._requests[number].transport
        assert transport is not None
        transport.abort()

    async def _ticket(self, request: web.Request) -> web.StreamResponse:
        waiting = self._next["apps.connections.open"]
        if waiting:
            answer = waiting.popleft()
            assert isinstance(answer, str)
            return web.json_response({"ok": False, "error": answer})
        number = next(self._tickets)
        self.log.append(f"ticket {number}")
        return web.json_response(
            {"ok": True, "url": f"{self.url}/link?ticket={number}".replace("http", "ws", 1)}
        )

    async def _link(self, request: web.Request) -> web.StreamResponse:
        number = int(request.query["ticket"])
        if number in self.refused or number in self._requests:
            return web.Response(status=403)
        socket = web.WebSocketResponse(autoping=number not in self.deaf)
        await socket.prepare(request)
        self._requests[number] = request
        self.log.append(f"open {number}")
        self.open[number] = socket
        if number not in self.mute:
            hello = {"type": "hello", "num_connections": len(self.open), "connection_info": {"app_id": "A1"}}
            await self.send(number, hello)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self.log.append(f"ack {number} {json.loads(message.data)['envelope_id']}")
        finally:
            self.log.append(f"close {number}")
            del self.open[number]
        return socket
