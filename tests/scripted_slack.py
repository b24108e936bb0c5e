"""A Slack of a few lines, on a real socket, whose answers are scripted: the Web API only."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient
from support import serving

from flyte_slack.slack.api.client import follow_no_redirect

BOT_TOKEN = "xoxb-1-test"


@dataclass(frozen=True)
class Reply:
    """An answer as it goes over the wire; `cut` closes the connection in its place."""

    body: dict[str, Any] | str = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    cut: bool = False


Answer = Reply | dict[str, Any] | str | asyncio.Event | Literal["cut"]
"""A reply; a dict to add to `{"ok": true}`; a code to answer as an error; `cut`; a gate to wait at."""


def error(code: str, **more: Any) -> Reply:
    """Return Slack's usual refusal."""
    return Reply({"ok": False, "error": code, **more})


def rate_limited(seconds: int) -> Reply:
    """Return Slack's 429."""
    return Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(seconds)})


class Call:
    """One call of a method, as it came over the wire."""

    def __init__(self, method: str, arguments: dict[str, Any], token: str) -> None:
        self.method = method
        self.arguments = arguments
        self.token = token


class ScriptedSlack:
    """Answers every method with `ok`, unless told otherwise.

    Attributes:
        calls: every call, in the order received.
        posted: arguments of the messages that were posted, answered or not.
        judge: asked before each answer for one in its place.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.posted: list[dict[str, Any]] = []
        self.judge: Callable[[Call], Answer | None] = lambda call: None
        self.url = ""
        self._next: defaultdict[str, deque[Answer]] = defaultdict(deque)

    def answer(self, method: str, *answers: Answer) -> None:
        """Give these answers to the next calls of a method."""
        self._next[method].extend(answers)

    def of(self, method: str) -> list[Call]:
        """Return the calls of a method."""
        return [call for call in self.calls if call.method == method]

    @asynccontextmanager
    async def serve(self, *routes: web.RouteDef) -> AsyncIterator["ScriptedSlack"]:
        """Serve it at `url`."""
        app = web.Application()
        app.add_routes([*routes, web.route("*", "/api/{method}", self._handle)])
        async with serving(app) as self.url:
            yield self

    @asynccontextmanager
    async def client(self, timeout: float = 5) -> AsyncIterator[AsyncWebClient]:
        """Give a Web API client, made like the pack's own."""
        seconds = aiohttp.ClientTimeout(total=timeout)
        async with aiohttp.ClientSession(timeout=seconds, middlewares=(follow_no_redirect,)) as session:
            yield AsyncWebClient(
                token=BOT_TOKEN,
                base_url=f"{self.url}/api/",
                timeout=int(timeout) or 1,
                session=session,
                retry_handlers=[],
            )

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        arguments: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json" and request.can_read_body:
            arguments |= await request.json()
        elif request.can_read_body:
            arguments |= dict(await request.post())
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        call = Call(request.match_info["method"], arguments, token)
        self.calls.append(call)
        waiting = self._next[call.method]
        answer = waiting.popleft() if waiting else self.judge(call)
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            answer = self.judge(call)
            assert not isinstance(answer, asyncio.Event)
        reply = self._reply(call, answer)
        if reply.cut:
            assert request.transport is not None
            request.transport.abort()
        if isinstance(reply.body, str):
            return web.Response(
                text=reply.body, status=reply.status, headers=reply.headers, content_type=reply.content_type
            )
        return web.json_response(reply.body, status=reply.status, headers=reply.headers)

    def _reply(self, call: Call, answer: Answer | None) -> Reply:
        if isinstance(answer, Reply):
            return answer
        if answer == "cut":
            return Reply(cut=True)
        if isinstance(answer, str):
            return error(answer)
        usual: dict[str, Any] = {"ok": True}
        if call.method == "chat.postMessage":
            self.posted.append(call.arguments)
            ts = f"1700000000.{len(self.posted):06}"
            message = {"type": "message", "user": "UBOT", "bot_id": "BBOT", "ts": ts, "team": "T1"}
            kept = {key: call.arguments[key] for key in ("text", "thread_ts") if key in call.arguments}
            usual |= {"channel": call.arguments["channel"], "ts": ts, "message": message | kept}
        return Reply(usual | (answer if isinstance(answer, dict) else {}))
