"""A Flyte API of a few lines, on a real socket, whose failures are scripted."""

import asyncio
import itertools
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aiohttp import web
from support import serving


@dataclass(frozen=True)
class Reply:
    """An answer with status 200 as it goes over the wire; nothing is done."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Answer = int | Literal["lost", "cut"] | asyncio.Event | Reply
"""A status to answer, or a reply; `lost`: done, but not answered; `cut`: neither; an event: done when it is
set."""


@dataclass(frozen=True)
class Call:
    """One request, as it came over the wire; a body that is no JSON as bytes."""

    kind: str
    path: str
    body: Any


class ScriptedFlyte:
    """Answers like the Flyte server for one pack, unless told otherwise.

    Attributes:
        calls: every request, in the order received.
        events: bodies of the events that were accepted.
        results: bodies of the results that were accepted, by action id.
        registered: whether the pack is known; set it to False to have Flyte forget the pack.
        judge: asked before each answer for one in its place.
        audit: every action as the audit shows it, oldest first.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.events: list[Any] = []
        self.results: dict[str, Any] = {}
        self.registered = False
        self.judge: Callable[[Call], Answer | None] = lambda call: None
        self.audit: dict[str, dict[str, Any]] = {}
        self.url = ""
        self._next: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._waiting: deque[dict[str, Any]] = deque()
        self._taken: set[str] = set()
        self._numbers = itertools.count(1)

    def answer(self, kind: str, *answers: Answer) -> None:
        """Give these answers to the next requests of a kind: root, index, register, event, take, result."""
        self._next[kind].extend(answers)

    def action(self, input_: Any, command: str = "sendMessage", id_: str = "") -> str:
        """Let an action wait; return its id. The id of one that was taken hands it out again."""
        id_ = id_ or f"{next(self._numbers):024x}"
        self._waiting.append({"command": command, "input": input_, "id": id_})
        self.audit[id_] = {"id": id_, "name": command, "packName": "Slack", "input": input_}
        self._becomes(id_, "NEW")
        return id_

    def lose(self, input_: Any, ago: float = 0.0, **members: Any) -> str:
        """Return the id of an action that was taken by somebody who never got it, so many seconds ago."""
        id_ = self.action(input_)
        self._waiting.pop()
        self._taken.add(id_)
        self._becomes(id_, "PENDING", ago)
        self.audit[id_].update(members)
        return id_

    def handed_out(self, id_: str) -> None:
        """Take the result of an action that was handed out before."""
        self._taken.add(id_)

    def of(self, kind: str) -> list[Call]:
        """Return the requests of a kind."""
        return [call for call in self.calls if call.kind == kind]

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["ScriptedFlyte"]:
        """Serve it at `url`."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._handler("root", self._root)),
                web.get("/v1", self._handler("index", self._index)),
                web.get("/v1/audit/flows", self._handler("audit", self._audited)),
                web.post("/v1/packs", self._handler("register", self._register)),
                web.post("/v1/packs/{pack}/events", self._handler("event", self._event)),
                web.post("/v1/packs/{pack}/actions/take", self._handler("take", self._take)),
                web.post("/v1/packs/{pack}/actions/{id}/result", self._handler("result", self._result)),
            ]
        )
        async with serving(app) as self.url:
            yield self

    def _handler(
        self, kind: str, usual: Callable[[web.Request, Any], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            raw = await request.read()
            call = Call(kind, request.path, _document(raw))
            self.calls.append(call)
            waiting = self._next[kind]
            answer = waiting.popleft() if waiting else self.judge(call)
            if isinstance(answer, asyncio.Event):
                await answer.wait()
            if isinstance(answer, int):
                return web.Response(status=answer)
            if isinstance(answer, Reply):
                return web.Response(body=answer.body, headers=answer.headers)
            if isinstance(call.body, bytes):
                return web.Response(status=400)
            response = usual(request, call.body) if answer != "cut" else web.Response()
            if answer in ("cut", "lost") and request.transport is not None:
                request.transport.abort()
            return response

        return handle

    def _root(self, request: web.Request, _body: Any) -> web.Response:
        return self._links({"info/v1": f"{self.url}/v1"}, self_=f"{self.url}/")

    def _index(self, request: web.Request, _body: Any) -> web.Response:
        rels = {
            "pack/listPacks": f"{self.url}/v1/packs",
            "flowAudit/findFlows": f"{self.url}/v1/audit/flows",
        }
        return self._links(rels, self_=f"{self.url}/v1")

    def _audited(self, request: web.Request, _body: Any) -> web.Response:
        pack, start = request.query["actionPackName"], int(request.query["start"])
        found = [action for action in reversed(self.audit.values()) if action["packName"] == pack]
        page = found[start : start + int(request.query["limit"])]
        flows = [{"correlationId": action["id"], "actions": {"step": action}} for action in page]
        return self._links({}, flows=flows)

    def _becomes(self, id_: str, state: str, ago: float = 0.0) -> None:
        since = datetime.now(UTC) - timedelta(seconds=ago)
        self.audit[id_]["state"] = {"value": state, "time": since.isoformat()}

    def _register(self, request: web.Request, body: Any) -> web.Response:
        self.registered = True
        pack = f"{self.url}/v1/packs/{body['name']}"
        links = {"action/takeAction": f"{pack}/actions/take", "event": f"{pack}/events"}
        return self._links(links, 201, id=body["name"])

    def _event(self, request: web.Request, body: Any) -> web.Response:
        if not self.registered:
            return web.Response(status=404)
        self.events.append(body)
        return web.Response(status=202)

    def _take(self, request: web.Request, _body: Any) -> web.Response:
        if not self.registered:
            return web.Response(status=404)
        if not self._waiting:
            return web.Response(status=204)
        action = self._waiting.popleft()
        id_ = action.pop("id")
        self._taken.add(id_)
        self._becomes(id_, "PENDING")
        result = f"{self.url}/v1/packs/Slack/actions/{id_}/result"
        return self._links({"actionResult": result}, **action)

    def _result(self, request: web.Request, body: Any) -> web.Response:
        id_ = request.match_info["id"]
        if not self.registered or id_ not in self._taken:
            return web.Response(status=404)
        if id_ in self.results:
            return web.Response(status=500)
        self.results[id_] = body
        if id_ in self.audit:
            self._becomes(id_, "SUCCESS")
        return web.Response(status=202)

    def _links(
        self, rels: dict[str, str], status: int = 200, self_: str = "", **members: Any
    ) -> web.Response:
        links = [{"href": href, "rel": f"{self.url}/swagger#!/{rel}"} for rel, href in rels.items()]
        if self_:
            links.insert(0, {"href": self_, "rel": "self"})
        return web.json_response({**members, "links": links}, status=status)


def _document(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw
