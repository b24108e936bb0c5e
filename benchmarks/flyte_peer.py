"""Flyte, as far as the pack needs it: takes events, hands out actions, takes results."""

import asyncio
import json
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from listening import listen
from record import EVENT, EVENT_DONE, RESULT, TAKEN, Record, now

OWN = "Slack"
"""Name of the pack that is measured; other packs are the runner's, and are not noted."""

USUAL: dict[str, float] = {
    "action_after": 0.002,  # seconds from an event to its action
    "answers": 1,  # whether an event makes an action
    "events_per_second": 0,  # that Flyte takes; 0 for all
    "flyte_answers_after": 0,  # seconds, for takes and results
}
"""How Flyte behaves unless it is told otherwise."""


class FlytePeer:
    """A Flyte whose one flow answers each message with the same text, and which can go away.

    Args:
        record: where it notes what it sees.
        settings: how it behaves; see `USUAL`.
    """

    def __init__(self, record: Record, settings: Mapping[str, float]) -> None:
        self.port = 0
        self._record = record
        self._settings = settings
        self._runner: web.ServerRunner | None = None
        self._actions: defaultdict[str, deque[tuple[float, int, bytes]]] = defaultdict(deque)
        self._next_event = 0.0

    async def up(self) -> None:
        """Listen, at the same port as before."""
        if self._runner is None:
            self._runner, self.port = await listen(self._answer, self.port)

    async def down(self) -> None:
        """Close all connections and the port."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def forget(self) -> None:
        """Forget all actions that wait."""
        self._actions.clear()

    def act(self, pack: str, number: int, channel: str, text: str, available_at: float = 0.0) -> None:
        """Let an action wait for a pack to take it, behind those that wait already."""
        href = f"http://127.0.0.1:{self.port}/v1/packs/{pack}/actions/{number:024x}/result"
        action = {
            "command": "sendMessage",
            "input": {"channelId": channel, "message": text, "threadTimestamp": ""},
            "links": [{"href": href, "rel": f"http://127.0.0.1:{self.port}/swagger#/actionResult"}],
        }
        self._actions[pack].append((available_at, number, json.dumps(action).encode()))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer /v1/packs/PACK/events, …/actions/take, …/actions/ID/result, and what leads there."""
        at = now()
        path = request.path
        body = await request.read()
        parts = path.split("/")
        if path.endswith("/actions/take"):
            return await self._take(parts[3], at)
        if path.endswith("/events"):
            return await self._event(parts[3], body, at)
        if path.endswith("/result"):
            if parts[3] == OWN:
                self._record.note(int(parts[5], 16), RESULT, at)
            if wait := self._settings["flyte_answers_after"]:
                await asyncio.sleep(wait)
            return web.Response(status=202)
        base = f"http://127.0.0.1:{self.port}"
        if request.method == "POST" and path == "/v1/packs":
            name = json.loads(body)["name"]
            if name == OWN:
                self._record.registered.append(time.time())
            pack = f"{base}/v1/packs/{name}"
            links = {"action/takeAction": f"{pack}/actions/take", "event": f"{pack}/events"}
            return self._links(links, 201, id=name, name=name)
        if path in ("/", ""):
            return self._links({"info/v1": f"{base}/v1", "self": f"{base}/"})
        if path == "/v1":
            return self._links({"pack/listPacks": f"{base}/v1/packs", "self": f"{base}/v1"})
        return web.Response(status=404)

    def _links(self, rels: dict[str, str], status: int = 200, **members: Any) -> web.Response:
        rel = f"http://127.0.0.1:{self.port}/swagger#!/"
        links = [
            {"href": href, "rel": "self" if name == "self" else rel + name} for name, href in rels.items()
        ]
        return web.json_response({**members, "links": links}, status=status)

    async def _event(self, pack: str, body: bytes, at: float) -> web.Response:
        if limit := self._settings["events_per_second"]:
            self._next_event = max(self._next_event + 1 / limit, at)
            if (wait := self._next_event - at) > 0.001:
                await asyncio.sleep(wait)
        if pack != OWN:
            return web.Response(status=202)
        payload = json.loads(body)["payload"]
        channel, text = payload["channelId"], payload["message"]
        number = int(text.rpartition(" ")[2])
        if self._record.note(number, EVENT, at):
            self._record.events[channel].append(number)
            if self._settings["answers"]:
                self.act(pack, number, channel, text, at + self._settings["action_after"])
            self._record.note(number, EVENT_DONE, now())
        return web.Response(status=202)

    async def _take(self, pack: str, at: float) -> web.Response:
        if pack == OWN:
            self._record.takes.append(at)
        waiting = self._actions[pack]
        if not waiting or waiting[0][0] > at:
            return web.Response(status=204)
        _, number, action = waiting.popleft()
        if wait := self._settings["flyte_answers_after"]:
            await asyncio.sleep(wait)
        if pack == OWN:
            self._record.note(number, TAKEN, at)
        return web.Response(body=action, content_type="application/json")
