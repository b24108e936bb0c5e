"""What the page and scripts talk to: write as a person, read a channel, follow what happens.

``POST messages``, ``GET messages``, ``GET channels``, ``GET trace`` and ``GET stream`` speak JSON; the stream
sends server-sent events. A refusal is ``{"error": sentence}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from .slack_arguments import MESSAGE_LIMIT
from .trace import Trace
from .workspace import TOMBSTONE, Channel, Event, Message, NotInWorkspaceError, Workspace

KEEP_ALIVE_SECONDS = 15.0

Frames = asyncio.Queue[dict[str, Any] | None]


class Refused(Exception):
    """The request cannot be served: a status and a sentence that says why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class ChatApi:
    """The sandbox's own interface to the workspace."""

    def __init__(self, workspace: Workspace, trace: Trace | None = None) -> None:
        self.workspace = workspace
        self._trace = trace or Trace()
        self._streams: set[Frames] = set()
        self._closed = False
        self._stop_listening = workspace.listen(self._heard)

    def app(self) -> web.Application:
        """Make the application with the routes."""
        app = web.Application(middlewares=[_explain_refusals])
        app.router.add_post("/messages", self._post)
        app.router.add_get("/messages", self._read)
        app.router.add_get("/channels", self._channels)
        app.router.add_get("/stream", self._stream)
        app.router.add_get("/trace", self._get_trace)
        return app

    def close(self) -> None:
        """End every stream, now and from now on."""
        self._closed = True
        self._stop_listening()
        for frames in self._streams:
            frames.put_nowait(None)

    async def _post(self, request: web.Request) -> web.Response:
        _refuse_other_sites(request)
        try:
            body = await request.json()
        except ValueError:
            raise Refused(400, "The body is not JSON.") from None
        if not isinstance(body, dict):
            raise Refused(400, "The body must be an object with channel, user and text.")
        reference, name, text = (_text_of(body, field) for field in ("channel", "user", "text"))
        if len(text) > MESSAGE_LIMIT:
            raise Refused(400, f"text is longer than Slack's {MESSAGE_LIMIT} characters.")
        channel = self._channel(reference)
        self._check_author(channel, name)
        thread_ts = body.get("thread_ts") or ""
        if thread_ts and (not isinstance(thread_ts, str) or not self.workspace.find(channel, thread_ts)):
            raise Refused(400, "thread_ts must be the ts of a message in that channel.")
        message = self.workspace.say(channel, name, text, thread_ts)
        return web.json_response({"ts": message["ts"]}, status=201)

    def _check_author(self, channel: Channel, name: str) -> None:
        if name == self.workspace.bot.name:
            raise Refused(400, f"{name} is the bot; it writes through the Slack Web API.")
        members = [member.name for member in self.workspace.members_of(channel)]
        if channel.kind in ("im", "mpim") and name not in members:
            raise Refused(400, f"Only {' and '.join(members)} write in this direct message.")

    async def _read(self, request: web.Request) -> web.Response:
        reference = request.query.get("channel", "")
        if not reference:
            raise Refused(400, "Name a channel: ?channel=general.")
        messages = [m for m in self._channel(reference).messages if m.get("subtype") != TOMBSTONE]
        return web.json_response({"messages": [self._essence(message) for message in messages]})

    async def _channels(self, _request: web.Request) -> web.Response:
        return web.json_response(self._directory())

    async def _get_trace(self, request: web.Request) -> web.Response:
        since = request.query.get("since", "") or "0"
        if not since.isdecimal() or len(since) > 15:
            raise Refused(400, "since must be a number: the next of an earlier answer.")
        entries, number = self._trace.since(int(since))
        return web.json_response({"entries": entries, "next": number})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Send each new message as it is posted, changed or deleted.

        With ``?history=1`` the stream begins with a ``directory`` event (what ``GET channels`` answers),
        all messages so far and a ``settled`` event.
        """
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        frames: Frames = asyncio.Queue()
        self._streams.add(frames)
        if self._closed:
            frames.put_nowait(None)
        first = self._everything() if request.query.get("history") else b": connected\n\n"
        with contextlib.suppress(ConnectionError):
            await response.write(first)
            try:
                while (chunk := await _next_chunk(frames)) is not None:
                    await response.write(chunk)
            finally:
                self._streams.discard(frames)
        return response

    def _everything(self) -> bytes:
        shown = [
            _frame(self._shown(channel, message))
            for channel in self.workspace.channels.values()
            for message in channel.messages
        ]
        return b"".join([_frame(self._directory(), "directory"), *shown, _frame({}, "settled")])

    def _heard(self, event: Event) -> None:
        if event["type"] != "message":
            return
        channel = self.workspace.channels[event["channel"]]
        if event.get("subtype") == "message_deleted":
            shown: dict[str, Any] = {"channel": channel.id, "ts": event["deleted_ts"], "deleted": True}
        else:
            shown = self._shown(channel, event.get("message", event))
        for frames in self._streams:
            frames.put_nowait(shown)

    def _channel(self, reference: str) -> Channel:
        try:
            return self.workspace.channel(reference)
        except NotInWorkspaceError as error:
            raise Refused(404, str(error)) from None

    def _directory(self) -> dict[str, Any]:
        users = self.workspace.users.values()
        return {
            "channels": [
                {
                    "id": channel.id,
                    "name": channel.name,
                    "kind": channel.kind,
                    "topic": channel.topic,
                    "members": [member.name for member in self.workspace.members_of(channel)],
                }
                for channel in self.workspace.channels.values()
            ],
            "users": [{"id": u.id, "name": u.name, "bot": bool(u.bot_id)} for u in users],
        }

    def _essence(self, message: Message) -> dict[str, Any]:
        """Show a message to scripts: Slack's own text, and ``thread_ts`` on replies only."""
        author = self.workspace.users.get(message.get("user", ""), self.workspace.bot)
        thread_ts = message.get("thread_ts", message["ts"])
        return {
            "ts": message["ts"],
            "user": author.name,
            "text": message["text"],
            "thread_ts": None if thread_ts == message["ts"] else thread_ts,
        }

    def _shown(self, channel: Channel, message: Message) -> dict[str, Any]:
        """Show a message to the page, which also draws what is not text."""
        return {
            **self._essence(message),
            "channel": channel.id,
            "author": message.get("username", ""),
            "bot": "bot_id" in message,
            "edited": "edited" in message,
            "deleted": message.get("subtype") == TOMBSTONE,
            "blocks": [*message.get("blocks", []), *message.get("attachments", [])],
        }


@web.middleware
async def _explain_refusals(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except Refused as refused:
        return web.json_response({"error": str(refused)}, status=refused.status)
    return response


def _refuse_other_sites(request: web.Request) -> None:
    """Refuse what a page of another site could send: a form, or JSON with a foreign origin."""
    if request.content_type != "application/json":
        raise Refused(415, "The content type must be application/json.")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise Refused(403, "Messages are not taken from the page of another site.")


def _text_of(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value.strip():
        raise Refused(400, f"{field} must be a text that is not empty.")
    return value if field == "text" else value.strip()


async def _next_chunk(frames: Frames) -> bytes | None:
    try:
        async with asyncio.timeout(KEEP_ALIVE_SECONDS):
            shown = await frames.get()
    except TimeoutError:
        return b": keep-alive\n\n"
    return None if shown is None else _frame(shown)


def _frame(data: dict[str, Any], event: str = "message") -> bytes:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()
