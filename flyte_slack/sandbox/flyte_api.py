"""The embedded Flyte API: what a pack talks to where there is no Flyte server.

Paths, answers, headers and the server's oddities (a pack registered as `text/plain`, a 500 for a second
result, a connection closed without a word) are those of exchanges recorded from the real server, so that a
pack that gets on with this one gets on with that one. Everything is kept in memory. The server's
own documentation, though its links are shown, is not here: 404.
"""

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import hdrs, web

from . import flyte_wire as wire
from .dead_packs import DeadPacks
from .engine import Action, Event, Flow, FlowEngine, FlowError, parse_flow
from .flyte_audit import Audit
from .flyte_datastore import Datastore
from .flyte_http import YAML, RefusedError, base_of, body_of, hang_up, prefix, read, reply
from .flyte_wire import PackDefinition, PostedEvent, RegisteredPack
from .templates import World
from .trace import Trace

_DOCUMENT_LIMIT = 16 * 1024 * 1024
"""What MongoDB keeps in one document. Beyond, an event makes no action and a result is not kept."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FlyteApi:
    """A Flyte server in memory.

    Flows are given here, with `add_flow` or over HTTP. With a token, every request under `/v1` must bear it.
    `packs`, `actions`, `events` and `datastore` hold what there is and what was accepted, in order, to be
    looked at; `trace` has the way of each event.

    Args:
        flows: The flows to begin with.
        token: What requests must bear.
        trace: Where to write what happens; a log of its own if it is not given.
        dead_packs: When packs that have fallen silent are removed.
        history: How many events, actions and executions are kept; all of them if it is not given.
    """

    def __init__(
        self,
        flows: Iterable[Flow] = (),
        token: str | None = None,
        *,
        trace: Trace | None = None,
        dead_packs: DeadPacks | None = None,
        history: int | None = None,
    ) -> None:
        self.packs: dict[str, RegisteredPack] = {}
        self.actions: dict[str, Action] = {}
        self.events: list[Event] = []
        self.datastore = Datastore()
        self.trace = trace or Trace()
        self._dead_packs = dead_packs or DeadPacks()
        self._history = history
        self._engine = FlowEngine(flows, self.trace, World(datastore=self.datastore.value))
        self._waiting: list[Action] = []
        self._token = token

    @property
    def flows(self) -> dict[str, Flow]:
        """The flows in force, by name."""
        return self._engine.flows

    def add_flow(self, flow: Flow) -> None:
        """Put a flow in force, in place of one with the same name."""
        self._engine.add(flow)

    def create_action(
        self,
        pack_name: str,
        command: str,
        input: Any,  # noqa: A002
        labels: dict[str, str] | None = None,
    ) -> str:
        """Make an action without a flow, for the next pack of that name that takes one; return its id."""
        action = Action(name=command, pack_name=pack_name, input=input, pack_labels=labels or {})
        self._add_actions([action])
        return action.id

    def app(self) -> web.Application:
        """Return the API as an application, to be served as it is or mounted under a prefix."""
        app = web.Application(middlewares=[self._let_in])
        pack, flow = "/v1/packs/{pack}", "/v1/flows/{flow}"
        app.add_routes(
            [
                web.get("/", self._get_root, name="root"),
                web.get("", self._get_root),
                web.get("/health", self._get_health),
                web.get("/v1", self._get_v1),
                web.get("/v1/packs", self._get_packs),
                web.post("/v1/packs", self._post_pack),
                web.get(pack, self._get_pack),
                web.delete(pack, self._delete_pack),
                web.post(f"{pack}/events", self._post_event),
                web.post(f"{pack}/actions/take", self._take_action),
                web.post(f"{pack}/actions/{{action}}/result", self._complete_action),
                web.get("/v1/flows", self._get_flows),
                web.post("/v1/flows", self._post_flow),
                web.get(flow, self._get_flow),
                web.delete(flow, self._delete_flow),
                *self.datastore.routes(),
                *Audit(self._engine.executions).routes(),
            ]
        )
        app.cleanup_ctx.append(self._removing_dead_packs)
        return app

    def remove_silent_packs(self, grace: timedelta) -> list[str]:
        """Remove the packs that have not called for so long; return their ids."""
        oldest = datetime.now(UTC) - grace
        silent = [pack.id for pack in self.packs.values() if pack.last_seen < oldest]
        for pack_id in silent:
            del self.packs[pack_id]
        return silent

    async def _removing_dead_packs(self, _app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._dead_packs.run(self.remove_silent_packs))
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    @web.middleware
    async def _let_in(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        path = request.path.removeprefix(prefix(request))
        if self._token is not None and (path == "/v1" or path.startswith("/v1/")):
            scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
            given = token.encode(errors="surrogateescape") if scheme.lower() == "bearer" else b""
            if not hmac.compare_digest(given, self._token.encode()):
                challenge = 'Bearer realm="token"' + (', error="invalid_token"' if given else "")
                return web.Response(status=401, headers={hdrs.WWW_AUTHENTICATE: challenge})
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return web.Response(status=404, text="Not Found")
        except RefusedError as refusal:
            return web.Response(status=refusal.status)

    # What there is

    async def _get_root(self, request: web.Request) -> web.Response:
        return reply(request, wire.root_view(base_of(request)))

    async def _get_health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _get_v1(self, request: web.Request) -> web.Response:
        return reply(request, wire.v1_view(base_of(request)))

    # Packs

    async def _get_packs(self, request: web.Request) -> web.Response:
        packs = sorted(self.packs.values(), key=lambda pack: pack.id)
        return reply(request, wire.packs_view(base_of(request), packs))

    async def _post_pack(self, request: web.Request) -> web.Response:
        definition = read(PackDefinition, await body_of(request))
        pack = RegisteredPack(definition.id, definition.name, definition.labels, definition)
        self.packs[pack.id] = pack
        base = base_of(request)
        return web.Response(
            status=201,
            headers={hdrs.LOCATION: wire.pack_href(base, pack)},
            text=wire.encode(wire.pack_view(base, pack, digits=6)),
        )

    async def _get_pack(self, request: web.Request) -> web.Response:
        return reply(request, wire.pack_view(base_of(request), self._pack(request)))

    async def _delete_pack(self, request: web.Request) -> web.Response:
        # Its actions stay, and are there again when the pack has registered anew.
        del self.packs[self._pack(request).id]
        return web.Response(status=204)

    # Events and actions

    async def _post_event(self, request: web.Request) -> web.Response:
        pack = self._calling_pack(request)
        body = await body_of(request)
        self._accept(read(PostedEvent, body).by(pack), can_act=len(body) <= _DOCUMENT_LIMIT)
        return web.Response(status=202)

    async def _take_action(self, request: web.Request) -> web.Response:
        pack = self._calling_pack(request)
        name = request.query.get("actionName")
        for action in self._waiting:
            if pack.may_take(action) and name in (None, "", action.name):
                self._waiting.remove(action)
                action.take()
                self.trace.taken(action)
                return reply(request, wire.action_view(base_of(request), pack, action))
        return web.Response(status=204)

    async def _complete_action(self, request: web.Request) -> web.Response:
        pack = self._calling_pack(request)
        body = await body_of(request)
        result = read(PostedEvent, body).by(pack)
        action = self.actions.get(request.match_info["action"])
        if action is None:
            raise RefusedError(404)
        if not pack.may_take(action):
            return hang_up(request)
        if action.state != "PENDING" or len(body) > _DOCUMENT_LIMIT:
            raise RefusedError(500)
        result.result_of = action.id
        action.complete(result)
        self._accept(result, completed=action)
        return web.Response(status=202)

    def _accept(self, event: Event, completed: Action | None = None, can_act: bool = True) -> None:
        self.events.append(event)
        if can_act:
            self._add_actions(self._engine.handle_event(event, completed))
        if self._history is not None:
            self._forget(self._history)

    def _add_actions(self, actions: list[Action]) -> None:
        self.actions.update((action.id, action) for action in actions)
        self._waiting += actions

    def _forget(self, kept: int) -> None:
        """Drop what is oldest: the sandbox may run for weeks."""
        del self.events[:-kept]
        for each in (self.actions, self._engine.executions):
            while len(each) > kept:
                del each[next(iter(each))]

    def _pack(self, request: web.Request) -> RegisteredPack:
        try:
            return self.packs[request.match_info["pack"]]
        except KeyError:
            raise RefusedError(404) from None

    def _calling_pack(self, request: web.Request) -> RegisteredPack:
        pack = self._pack(request)
        pack.last_seen = datetime.now(UTC)
        return pack

    # Flows and what became of them

    async def _get_flows(self, request: web.Request) -> web.Response:
        flows = sorted(self.flows.values(), key=lambda flow: flow.name)
        return reply(request, wire.flows_view(base_of(request), flows))

    async def _post_flow(self, request: web.Request) -> web.Response:
        try:
            flow = parse_flow(await body_of(request), "yaml" if request.content_type == YAML else "json")
        except FlowError:
            raise RefusedError(400) from None
        self.add_flow(flow)
        return web.Response(status=201, headers={hdrs.LOCATION: f"{base_of(request)}/v1/flows/{flow.name}"})

    async def _get_flow(self, request: web.Request) -> web.Response:
        return reply(request, wire.flow_view(base_of(request), self._flow(request)))

    async def _delete_flow(self, request: web.Request) -> web.Response:
        del self.flows[self._flow(request).name]
        return web.Response(status=204)

    def _flow(self, request: web.Request) -> Flow:
        try:
            return self.flows[request.match_info["flow"]]
        except KeyError:
            raise RefusedError(404) from None
