"""Server-sent events: everything that changes, to every page that is open."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from ..workspace import Change, Workspace
from .shapes import Shapes

KEEP_ALIVE_SECONDS = 15.0
BACKLOG = 10_000
"""How many events wait for a slow page; then its stream ends, and it asks anew for all there is."""

Frames = asyncio.Queue[bytes | None]


class Stream:
    """Tells open pages of changes. ``commands`` gives the slash commands that are known."""

    def __init__(self, workspace: Workspace, shapes: Shapes, commands: Callable[[], Iterable[str]]) -> None:
        self._workspace = workspace
        self._shapes = shapes
        self._commands = commands
        self._pages: set[Frames] = set()
        self._closed = False
        self._stop_watching = workspace.watch(self._seen)

    def close(self) -> None:
        """End every stream, now and from now on."""
        self._closed = True
        self._stop_watching()
        for frames in tuple(self._pages):
            self._end(frames)

    def tell(self, event: str, data: dict[str, Any]) -> None:
        """Send an event to every open page."""
        frame = _frame(data, event)
        for frames in tuple(self._pages):
            if frames.full():
                self._end(frames)
            else:
                frames.put_nowait(frame)

    def _end(self, frames: Frames) -> None:
        self._pages.discard(frames)
        while not frames.empty():
            frames.get_nowait()
        frames.put_nowait(None)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one page; with ``?history=1`` it first gets all there is."""
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        frames: Frames = asyncio.Queue(BACKLOG)
        self._pages.add(frames)
        if self._closed:
            self._end(frames)
        first = self._everything() if request.query.get("history") else [b": connected\n\n"]
        with contextlib.suppress(ConnectionError):
            try:
                for chunk in first:
                    await response.write(chunk)
                while (frame := await _next(frames)) is not None:
                    await response.write(frame)
            finally:
                self._pages.discard(frames)
        return response

    def _everything(self) -> list[bytes]:
        """Return the state as chunks, made at once: what changes while they are sent comes after them."""
        chunks = [_frame(self._shapes.directory(self._commands()), "directory")]
        for channel in self._workspace.channels.values():
            messages = self._shapes.messages(channel)
            chunks.append(b"".join(_frame(self._shapes.message(channel, m), "message") for m in messages))
        for user_id in self._workspace.users:
            if self._shapes.modals(user_id):
                chunks.append(_frame(self._modals(user_id), "modals"))
        return [*filter(None, chunks), _frame({}, "settled")]

    def _modals(self, user_id: str) -> dict[str, Any]:
        return {"user": self._workspace.users[user_id].name, "modals": self._shapes.modals(user_id)}

    def _seen(self, change: Change) -> None:
        if not self._pages:
            return
        if change.kind == "directory":
            self.tell("directory", self._shapes.directory(self._commands()))
        elif change.kind == "modals":
            self.tell("modals", self._modals(change.user_id))
        elif change.channel is not None and change.message is not None:
            if change.kind == "deleted":
                gone = {"channel": change.channel.id, "ts": change.message["ts"], "deleted": True}
                self.tell("message", gone)
            else:
                self.tell("message", self._shapes.message(change.channel, change.message))


async def _next(frames: Frames) -> bytes | None:
    try:
        async with asyncio.timeout(KEEP_ALIVE_SECONDS):
            return await frames.get()
    except TimeoutError:
        return b": keep-alive\n\n"


def _frame(data: dict[str, Any], event: str) -> bytes:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()
