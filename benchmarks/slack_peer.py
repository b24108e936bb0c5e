"""Slack and the people in it, as far as the pack needs them: Web API methods, Socket Mode, messages."""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web
from listening import listen
from record import ACKED, POST_DONE, POSTED, SENT, Record, now

BOT = "UBOT"

USUAL: dict[str, float] = {
    "slack_answers_after": 0,  # seconds, for every method
    "limit": 0,  # whether posts are limited
    "burst": 3,  # posts that a channel takes at once, if they are
    "per_second": 1.0,  # posts that it takes after these
}
"""How Slack behaves unless it is told otherwise."""

Message = tuple[int, str, str]
"""A message's number, channel and user."""


def spread(first: int, number: int, channels: int, users: int, prefix: str) -> Iterator[Message]:
    """Yield messages; each is in the next channel and from the next user, and after the last the first."""
    for index in range(number):
        yield first + index, f"{prefix}{index % channels:06}", f"U{prefix}{index % users:06}"


class SlackPeer:
    """A Slack in which every channel and every user exists.

    Args:
        record: where it notes what it sees.
        settings: how it behaves; see `USUAL`.

    Attributes:
        sockets: those that are open.
    """

    def __init__(self, record: Record, settings: Mapping[str, float]) -> None:
        self.port = 0
        self.sockets: list[web.WebSocketResponse] = []
        self._record = record
        self._settings = settings
        self._buckets: dict[str, float] = {}
        self._posted = 0
        self._sent = 0
        self._last_ts = 0.0
        self._saying: set[asyncio.Task[None]] = set()
        self._unacknowledged = 0
        self._room = asyncio.Event()

    async def up(self) -> None:
        """Listen."""
        _, self.port = await listen(self._answer)

    def forget(self) -> None:
        """Stop writing, and forget what the channels have taken."""
        for task in self._saying:
            task.cancel()
        self._unacknowledged = 0
        self._buckets.clear()

    # The Web API

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request: a method, or a Socket Mode socket."""
        at = now()
        if request.path == "/link":
            return await self._socket(request)
        method = request.path.rpartition("/")[2]
        body = await request.read()
        self._record.calls[method] += 1
        if request.content_type == "application/json":
            arguments = json.loads(body)
        else:
            arguments = {**request.query, **dict(parse_qsl(body.decode()))}
        if method == "chat.postMessage":
            return await self._post(arguments, at)
        if wait := self._settings["slack_answers_after"]:
            await asyncio.sleep(wait)
        return web.json_response({"ok": True, **self._known(method, arguments)})

    def _known(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if method == "apps.connections.open":
            return {"url": f"ws://127.0.0.1:{self.port}/link?ticket=1"}
        if method == "auth.test":
            return {"user_id": BOT, "user": "flyte", "team_id": "T1", "team": "bench", "bot_id": "BBOT"}
        if method == "users.info":
            id_ = arguments["user"]
            profile = {"display_name": id_, "email": f"{id_}@example.com", "title": "SRE"}
            return {"user": {"id": id_, "name": id_.lower(), "is_bot": id_ == BOT, "profile": profile}}
        if method == "conversations.info":
            id_ = arguments["channel"]
            return {"channel": {"id": id_, "name": id_.lower(), "is_channel": True, "is_member": True}}
        if method in ("conversations.history", "conversations.replies"):
            return {"messages": [], "has_more": False}
        return {"channels": [], "response_metadata": {"next_cursor": ""}}

    async def _post(self, arguments: dict[str, Any], at: float) -> web.Response:
        channel, text = arguments["channel"], arguments["text"]
        if self._settings["limit"] and not self._may_post(channel, at):
            self._record.limited += 1
            limited = {"ok": False, "error": "ratelimited"}
            return web.json_response(limited, status=429, headers={"Retry-After": "1"})
        number = int(text.rpartition(" ")[2])
        first = self._record.note(number, POSTED, at)
        if first:
            self._record.posts[channel].append(number)
        self._posted += 1
        ts = f"1700000000.{self._posted:06}"
        if wait := self._settings["slack_answers_after"]:
            await asyncio.sleep(wait)
        message = {"type": "message", "user": BOT, "bot_id": "BBOT", "ts": ts, "team": "T1", "text": text}
        if first:
            self._record.note(number, POST_DONE, now())
        return web.json_response({"ok": True, "channel": channel, "ts": ts, "message": message})

    def _may_post(self, channel: str, at: float) -> bool:
        """Whether a channel's bucket has room: `burst` at once, then so many a second."""
        interval = 1 / self._settings["per_second"]
        full_at = max(self._buckets.get(channel, 0.0), at)
        if full_at - at > (self._settings["burst"] - 1) * interval:
            return False
        self._buckets[channel] = full_at + interval
        return True

    # Socket Mode

    async def _socket(self, request: web.BaseRequest) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self.sockets.append(socket)
        self._record.hellos.append(time.time())
        await socket.send_str(json.dumps({"type": "hello", "num_connections": len(self.sockets)}))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    number = int(json.loads(message.data)["envelope_id"].partition("-")[2])
                    if self._record.note(number, ACKED, now()):
                        self._unacknowledged -= 1
                        self._room.set()
        finally:
            self.sockets.remove(socket)
        return socket

    def say(self, messages: Iterable[Message], per_second: float, at_once: int) -> None:
        """Begin to write messages as people, over all sockets in turn.

        Args:
            messages: which.
            per_second: how fast; 0 for as fast as they are acknowledged.
            at_once: how many are not acknowledged at once, where they have no rate.
        """
        task = asyncio.create_task(self._say(messages, per_second, at_once))
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    async def _say(self, messages: Iterable[Message], per_second: float, at_once: int) -> None:
        start = now()
        for index, message in enumerate(messages):
            if per_second:
                await asyncio.sleep(max(0.0, start + index / per_second - now()))
            else:
                while self._unacknowledged >= at_once:
                    self._room.clear()
                    await self._room.wait()
            await self._send(*message)

    async def _send(self, number: int, channel: str, user: str) -> None:
        self._last_ts = max(time.time(), self._last_ts + 0.000002)
        event = {
            "type": "message",
            "channel": channel,
            "channel_type": "channel",
            "user": user,
            "text": f"a message of about the length that people write {number}",
            "ts": f"{self._last_ts:.6f}",
            "event_ts": f"{self._last_ts:.6f}",
            "team": "T1",
            "client_msg_id": f"{number:032x}",
        }
        envelope = {
            "type": "events_api",
            "envelope_id": f"E-{number}",
            "accepts_response_payload": False,
            "payload": {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{number}", "event": event},
        }
        frame = json.dumps(envelope)
        self._sent += 1
        while not self.sockets:
            await asyncio.sleep(0.05)
        socket = self.sockets[self._sent % len(self.sockets)]
        self._unacknowledged += 1
        self._record.note(number, SENT, now())
        await socket.send_str(frame)
