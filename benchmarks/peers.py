"""Flyte and Slack for the benchmarks: one process, no state on disk, times of everything that arrives.

Run by `run.py`; shares no code with the pack. All times are `time.perf_counter()` of this process, so that
they can be subtracted from each other. Flyte has an address of its own, since it goes away in some scenarios.
"""

import asyncio
import gc
import json
import os
import sys
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

now = time.perf_counter

SENT, ACKED, EVENT, EVENT_DONE, TAKEN, POSTED, POST_DONE, RESULT = range(8)
"""What is noted of a message: sent to the pack, acknowledged, its event arrived and was answered, the take
that got its action, its post arrived and was answered, its result arrived."""

OWN = "Slack"
"""Name of the pack that is measured; other packs are the runner's, and are not noted."""

BOT = "UBOT"


class Record:
    """What was seen since it was last emptied.

    Attributes:
        times: by message, in the order of the constants above; 0 where it did not happen (yet).
        events: messages of each channel, in the order in which their events arrived.
        posts: the same, of posts that were taken.
        takes: when each take arrived.
        limited: how many posts were answered 429.
        calls: how often each of Slack's methods was called.
        twice: how often an event, a post or a result arrived again.
    """

    def __init__(self) -> None:
        self.times: dict[int, list[float]] = {}
        self.events: defaultdict[str, list[int]] = defaultdict(list)
        self.posts: defaultdict[str, list[int]] = defaultdict(list)
        self.takes: list[float] = []
        self.limited = 0
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.twice = 0
        self.counts = [0] * 8
        self.began_at = now()
        self.cpu = time.process_time()

    def note(self, number: int, what: int, at: float) -> bool:
        """Note a time; return whether it is the first of its kind."""
        times = self.times.get(number)
        if times is None:
            times = self.times[number] = [0.0] * 8
        if times[what]:
            self.twice += 1
            return False
        times[what] = at
        self.counts[what] += 1
        return True


class Peers:
    """Flyte and Slack, and what they were told to do."""

    def __init__(self) -> None:
        self.record = Record()
        self.settings: dict[str, float] = {
            "action_after": 0.002,  # seconds from an event to its action
            "answers": 1,  # whether an event makes an action
            "events_per_second": 0,  # that Flyte takes; 0 for all
            "flyte_answers_after": 0,  # seconds, for takes and results
            "slack_answers_after": 0,  # seconds, for every method
            "limit": 0,  # whether posts are limited
            "burst": 3,
            "per_second": 1.0,
        }
        self.sockets: list[web.WebSocketResponse] = []
        self.flyte: web.ServerRunner | None = None
        self.flyte_port = 0
        self.slack_port = 0
        self.registered: list[float] = []
        self.hellos: list[float] = []
        self._actions: defaultdict[str, deque[tuple[float, int, bytes]]] = defaultdict(deque)
        self._numbers = 0
        self._envelopes = 0
        self._last_ts = 0.0
        self._buckets: dict[str, float] = {}
        self._next_event = 0.0
        self._posted = 0
        self._saying: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._unacknowledged = 0

    # Flyte

    async def answer_flyte(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request to Flyte: /v1/packs/PACK/events, …/actions/take or …/actions/ID/result."""
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
                self.record.note(int(parts[5], 16), RESULT, at)
            if self.settings["flyte_answers_after"]:
                await asyncio.sleep(self.settings["flyte_answers_after"])
            return web.Response(status=202)
        base = f"http://127.0.0.1:{self.flyte_port}"
        if request.method == "POST" and path == "/v1/packs":
            name = json.loads(body)["name"]
            if name == OWN:
                self.registered.append(time.time())
            pack = f"{base}/v1/packs/{name}"
            links = {"action/takeAction": f"{pack}/actions/take", "event": f"{pack}/events"}
            return self._links(links, 201, id=name, name=name)
        if path in ("/", ""):
            return self._links({"info/v1": f"{base}/v1", "self": f"{base}/"})
        if path == "/v1":
            return self._links({"pack/listPacks": f"{base}/v1/packs", "self": f"{base}/v1"})
        return web.Response(status=404)

    def _links(self, rels: dict[str, str], status: int = 200, **members: Any) -> web.Response:
        rel = f"http://127.0.0.1:{self.flyte_port}/swagger#!/"
        links = [
            {"href": href, "rel": "self" if name == "self" else rel + name} for name, href in rels.items()
        ]
        return web.json_response({**members, "links": links}, status=status)

    async def _event(self, pack: str, body: bytes, at: float) -> web.Response:
        if limit := self.settings["events_per_second"]:
            self._next_event = max(self._next_event + 1 / limit, at)
            if (wait := self._next_event - at) > 0.001:
                await asyncio.sleep(wait)
        if pack != OWN:
            return web.Response(status=202)
        payload = json.loads(body)["payload"]
        channel, text = payload["channelId"], payload["message"]
        number = int(text.rpartition(" ")[2])
        if self.record.note(number, EVENT, at):
            self.record.events[channel].append(number)
            if self.settings["answers"]:
                self._act(pack, number, channel, text, at + self.settings["action_after"])
        self.record.note(number, EVENT_DONE, now())
        return web.Response(status=202)

    def _act(self, pack: str, number: int, channel: str, text: str, available_at: float) -> None:
        href = f"http://127.0.0.1:{self.flyte_port}/v1/packs/{pack}/actions/{number:024x}/result"
        action = {
            "command": "sendMessage",
            "input": {"channelId": channel, "message": text, "threadTimestamp": ""},
            "links": [{"href": href, "rel": f"http://127.0.0.1:{self.flyte_port}/swagger#/actionResult"}],
        }
        self._actions[pack].append((available_at, number, json.dumps(action).encode()))

    async def _take(self, pack: str, at: float) -> web.Response:
        if pack == OWN:
            self.record.takes.append(at)
        waiting = self._actions[pack]
        if not waiting or waiting[0][0] > at:
            return web.Response(status=204)
        _, number, action = waiting.popleft()
        if self.settings["flyte_answers_after"]:
            await asyncio.sleep(self.settings["flyte_answers_after"])
        if pack == OWN:
            self.record.note(number, TAKEN, at)
        return web.Response(body=action, content_type="application/json")

    async def flyte_up(self) -> None:
        """Listen as Flyte, at the same port as before."""
        if self.flyte is None:
            self.flyte, self.flyte_port = await listen(self.answer_flyte, self.flyte_port)

    async def flyte_down(self) -> None:
        """Close Flyte's connections and its port."""
        runner, self.flyte = self.flyte, None
        if runner is not None:
            await runner.cleanup()

    # Slack

    async def answer_slack(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request to Slack: a method, or a Socket Mode socket."""
        at = now()
        path = request.path
        if path == "/link":
            return await self._socket(request)
        method = path.rpartition("/")[2]
        body = await request.read()
        self.record.calls[method] += 1
        if request.content_type == "application/json":
            arguments = json.loads(body)
        else:
            arguments = {**request.query, **dict(parse_qsl(body.decode()))}
        if method == "chat.postMessage":
            return await self._post(arguments, at)
        if wait := self.settings["slack_answers_after"]:
            await asyncio.sleep(wait)
        return web.json_response({"ok": True, **self._answer(method, arguments)})

    def _answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if method == "apps.connections.open":
            return {"url": f"ws://127.0.0.1:{self.slack_port}/link?ticket=1"}
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
        if self.settings["limit"] and not self._may_post(channel, at):
            self.record.limited += 1
            limited = {"ok": False, "error": "ratelimited"}
            return web.json_response(limited, status=429, headers={"Retry-After": "1"})
        number = int(text.rpartition(" ")[2])
        if self.record.note(number, POSTED, at):
            self.record.posts[channel].append(number)
        self._posted += 1
        if wait := self.settings["slack_answers_after"]:
            await asyncio.sleep(wait)
        ts = f"1700000000.{self._posted:06}"
        message = {"type": "message", "user": BOT, "bot_id": "BBOT", "ts": ts, "team": "T1", "text": text}
        self.record.note(number, POST_DONE, now())
        return web.json_response({"ok": True, "channel": channel, "ts": ts, "message": message})

    def _may_post(self, channel: str, at: float) -> bool:
        """Whether a channel's bucket has room: `burst` at once, then so many a second."""
        interval = 1 / self.settings["per_second"]
        full_at = max(self._buckets.get(channel, 0.0), at)
        if full_at - at > (self.settings["burst"] - 1) * interval:
            return False
        self._buckets[channel] = full_at + interval
        return True

    async def _socket(self, request: web.BaseRequest) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self.sockets.append(socket)
        self.hellos.append(time.time())
        await socket.send_str(json.dumps({"type": "hello", "num_connections": len(self.sockets)}))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    number = int(json.loads(message.data)["envelope_id"].partition("-")[2])
                    if self.record.note(number, ACKED, now()):
                        self._unacknowledged -= 1
                        self._room.set()
        finally:
            self.sockets.remove(socket)
        return socket

    # What the runner asks for

    async def control(self, request: web.BaseRequest) -> web.StreamResponse:
        """Carry out one order of the runner; the body is its arguments."""
        order = getattr(self, "do_" + request.path.strip("/"))
        body = await request.read()
        return web.json_response(await order(**(json.loads(body) if body else {})))

    async def do_reset(self, **settings: float) -> dict[str, Any]:
        """Forget what was seen, and behave as told."""
        for task in self._saying:
            task.cancel()
        self._unacknowledged = 0
        self._actions.clear()
        self._buckets.clear()
        self.registered.clear()
        self.hellos.clear()
        self.record = Record()
        self.settings |= settings
        gc.collect()
        return {}

    async def do_set(self, **settings: float) -> dict[str, Any]:
        """Behave as told from now on."""
        self.settings |= settings
        return {}

    async def do_say(
        self,
        number: int,
        channels: int,
        *,
        per_second: float = 0,
        at_once: int = 200,
        prefix: str = "C",
        fresh_users: bool = False,
    ) -> dict[str, Any]:
        """Write messages as people, over all sockets in turn, and return the first one's number.

        Args:
            number: how many.
            channels: how many channels they are spread over.
            per_second: how fast; 0 for as fast as they are acknowledged.
            at_once: how many are not acknowledged at once, where they have no rate.
            prefix: of the channels' ids; with another prefix they are other channels.
            fresh_users: whether each channel has a user of its own.
        """
        first = self._numbers
        self._numbers += number
        coroutine = self._say(first, number, channels, per_second, at_once, prefix, fresh_users)
        task = asyncio.create_task(coroutine)
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)
        return {"first": first}

    async def _say(
        self,
        first: int,
        number: int,
        channels: int,
        per_second: float,
        at_once: int,
        prefix: str,
        fresh_users: bool,
    ) -> None:
        start = now()
        for index in range(number):
            if per_second:
                await asyncio.sleep(max(0.0, start + index / per_second - now()))
            else:
                while self._unacknowledged >= at_once:
                    self._room.clear()
                    await self._room.wait()
            place = index % channels
            user = f"U{prefix}{place:06}" if fresh_users else "U1"
            await self._send(first + index, f"{prefix}{place:06}", user)

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
        envelope = f"E-{number}"
        payload = {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{number}", "event": event}
        frame = json.dumps(
            {
                "type": "events_api",
                "envelope_id": envelope,
                "accepts_response_payload": False,
                "payload": payload,
            }
        )
        self._envelopes += 1
        while not self.sockets:
            await asyncio.sleep(0.05)
        socket = self.sockets[self._envelopes % len(self.sockets)]
        self._unacknowledged += 1
        self.record.note(number, SENT, now())
        await socket.send_str(frame)

    async def do_act(self, number: int, channels: int, pack: str = OWN) -> dict[str, Any]:
        """Let actions wait: one for each channel, then the next for each, and so on."""
        first = self._numbers
        self._numbers += number
        for index in range(number):
            self._act(pack, first + index, f"C{index % channels:06}", f"action {first + index}", 0.0)
        return {"first": first, "at": now()}

    async def do_up(self) -> dict[str, Any]:
        """Let Flyte be there."""
        await self.flyte_up()
        return {"at": now()}

    async def do_down(self) -> dict[str, Any]:
        """Let Flyte be away."""
        await self.flyte_down()
        return {}

    async def do_status(self) -> dict[str, Any]:
        """Return counts, and what this process has cost."""
        record = self.record
        return {
            "now": now(),
            "counts": record.counts,
            "polls": len(record.takes),
            "sockets": len(self.sockets),
            "registered": self.registered,
            "hellos": self.hellos,
            "limited": record.limited,
            "calls": record.calls,
            "twice": record.twice,
            "cpu": time.process_time() - record.cpu,
            "elapsed": now() - record.began_at,
        }

    async def do_record(self) -> dict[str, Any]:
        """Return everything that was seen."""
        record = self.record
        seen = {"times": record.times, "events": record.events, "posts": record.posts, "takes": record.takes}
        return seen | await self.do_status()


async def listen(
    handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], port: int = 0
) -> tuple[web.ServerRunner, int]:
    """Serve a handler on this machine; return its runner and its port."""
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True, backlog=1024).start()
    return runner, int(runner.addresses[0][1])


async def main() -> None:
    """Serve until the runner is gone; print the ports as JSON."""
    peers = Peers()
    await peers.flyte_up()
    _, peers.slack_port = await listen(peers.answer_slack)
    _, control = await listen(peers.control)
    print(json.dumps({"flyte": peers.flyte_port, "slack": peers.slack_port, "control": control}), flush=True)
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
