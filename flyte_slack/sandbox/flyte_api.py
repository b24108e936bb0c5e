"""The embedded Flyte API: what a pack talks to where there is no Flyte server.

Paths, answers, headers and the server's oddities (a pack registered as `text/plain`, a 500 for a second
result, a connection closed without a word) are those of exchanges recorded from the real server, so that a
pack that gets on with this one gets on with that one. Everything is kept in memory. The datastore and the
server's own documentation, though their links are shown, are not here: 404.
"""

import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import yaml
from aiohttp import hdrs, web

from . import flyte_wire as wire
from .flows import Action, Event, Execution, Flow, FlowEngine, FlowError, WireModel, parse_flow
from .flyte_wire import PackDefinition, PostedEvent, RegisteredPack

_DOCUMENT_LIMIT = 16 * 1024 * 1024
"""What MongoDB keeps in one document. Beyond, an event makes no action and a result is not kept."""

_YAML = "application/x-yaml"

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_Model = TypeVar("_Model", bound=WireModel)


class FlyteApi:
    """A Flyte server in memory.

    Flows are given here, with `add_flow` or over HTTP. With a token, every request under `/v1` must bear it.
    `packs`, `actions` and `events` hold what there is and what was accepted, in order, to be looked at.
    """

    def __init__(self, flows: Iterable[Flow] = (), token: str | None = None) -> None:
        self.packs: dict[str, RegisteredPack] = {}
        self.actions: dict[str, Action] = {}
        self.events: list[Event] = []
        self._engine = FlowEngine(flows)
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
                web.get("/v1/audit/flows", self._get_audits),
                web.get("/v1/audit/flows/{execution}", self._get_audit),
            ]
        )
        return app

    @web.middleware
    async def _let_in(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        path = request.path.removeprefix(_prefix(request))
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
        except _RefusedError as refusal:
            return web.Response(status=refusal.status)

    # What there is

    async def _get_root(self, request: web.Request) -> web.Response:
        return _reply(request, wire.root_view(_base(request)))

    async def _get_health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _get_v1(self, request: web.Request) -> web.Response:
        return _reply(request, wire.v1_view(_base(request)))

    # Packs

    async def _get_packs(self, request: web.Request) -> web.Response:
        packs = sorted(self.packs.values(), key=lambda pack: pack.id)
        return _reply(request, wire.packs_view(_base(request), packs))

    async def _post_pack(self, request: web.Request) -> web.Response:
        definition = _read(PackDefinition, await _body(request))
        pack = RegisteredPack(definition.id, definition.name, definition.labels, definition)
        self.packs[pack.id] = pack
        base = _base(request)
        return web.Response(
            status=201,
            headers={hdrs.LOCATION: wire.pack_href(base, pack)},
            text=wire.encode(wire.pack_view(base, pack, digits=6)),
        )

    async def _get_pack(self, request: web.Request) -> web.Response:
        return _reply(request, wire.pack_view(_base(request), self._pack(request)))

    async def _delete_pack(self, request: web.Request) -> web.Response:
        # Its actions stay, and are there again when the pack has registered anew.
        del self.packs[self._pack(request).id]
        return web.Response(status=204)

    # Events and actions

    async def _post_event(self, request: web.Request) -> web.Response:
        pack = self._calling_pack(request)
        body = await _body(request)
        self._accept(_read(PostedEvent, body).by(pack), can_act=len(body) <= _DOCUMENT_LIMIT)
        return web.Response(status=202)

    async def _take_action(self, request: web.Request) -> web.Response:
        pack = self._calling_pack(request)
        name = request.query.get("actionName")
        for action in self._waiting:
            if pack.may_take(action) and name in (None, "", action.name):
                self._waiting.remove(action)
                action.take()
                return _reply(request, wire.action_view(_base(request), pack, action))
        return web.Response(status=204)

    async def _complete_action(self, request: web.Request) -> web.Response:
        pack = self._calling_pack(request)
        body = await _body(request)
        result = _read(PostedEvent, body).by(pack)
        action = self.actions.get(request.match_info["action"])
        if action is None:
            raise _RefusedError(404)
        if not pack.may_take(action):
            return _hang_up(request)
        if action.state != "PENDING" or len(body) > _DOCUMENT_LIMIT:
            raise _RefusedError(500)
        result.result_of = action.id
        action.complete(result)
        self._accept(result, completed=action)
        return web.Response(status=202)

    def _accept(self, event: Event, completed: Action | None = None, can_act: bool = True) -> None:
        self.events.append(event)
        if can_act:
            self._add_actions(self._engine.handle_event(event, completed))

    def _add_actions(self, actions: list[Action]) -> None:
        self.actions.update((action.id, action) for action in actions)
        self._waiting += actions

    def _pack(self, request: web.Request) -> RegisteredPack:
        try:
            return self.packs[request.match_info["pack"]]
        except KeyError:
            raise _RefusedError(404) from None

    def _calling_pack(self, request: web.Request) -> RegisteredPack:
        pack = self._pack(request)
        pack.last_seen = datetime.now(UTC)
        return pack

    # Flows and what became of them

    async def _get_flows(self, request: web.Request) -> web.Response:
        flows = sorted(self.flows.values(), key=lambda flow: flow.name)
        return _reply(request, wire.flows_view(_base(request), flows))

    async def _post_flow(self, request: web.Request) -> web.Response:
        try:
            flow = parse_flow(await _body(request), "yaml" if request.content_type == _YAML else "json")
        except FlowError:
            raise _RefusedError(400) from None
        self.add_flow(flow)
        return web.Response(status=201, headers={hdrs.LOCATION: f"{_base(request)}/v1/flows/{flow.name}"})

    async def _get_flow(self, request: web.Request) -> web.Response:
        return _reply(request, wire.flow_view(_base(request), self._flow(request)))

    async def _delete_flow(self, request: web.Request) -> web.Response:
        del self.flows[self._flow(request).name]
        return web.Response(status=204)

    def _flow(self, request: web.Request) -> Flow:
        try:
            return self.flows[request.match_info["flow"]]
        except KeyError:
            raise _RefusedError(404) from None

    async def _get_audits(self, request: web.Request) -> web.Response:
        query = request.query
        start, limit = (
            int(query[name]) if query.get(name, "").isdecimal() else usual
            for name, usual in (("start", 0), ("limit", 50))
        )
        executions = [each for each in self._engine.executions.values() if _is_asked_for(each, query)]
        executions.sort(key=lambda execution: execution.last_change, reverse=True)
        executions = executions[start : start + limit]
        return _reply(request, wire.audits_view(_base(request), executions))

    async def _get_audit(self, request: web.Request) -> web.Response:
        execution = self._engine.executions.get(request.match_info["execution"])
        if execution is None:
            raise _RefusedError(404)
        return _reply(request, wire.audit_view(_base(request), execution))


class _RefusedError(Exception):
    """A request that is answered with a status and nothing else."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _is_asked_for(execution: Execution, query: Mapping[str, str]) -> bool:
    """Whether an execution, and one of its actions, fit a query of the audit."""
    flow, pack, action = (query.get(name) for name in ("flowName", "actionPackName", "actionName"))
    return flow in (None, "", execution.flow.name) and any(
        pack in (None, "", each.pack_name) and action in (None, "", each.name)
        for each in execution.actions.values()
    )


def _prefix(request: web.Request) -> str:
    """Return what the API is mounted under, `""` or `/flyte`."""
    return str(request.app.router["root"].url_for()).rstrip("/")


def _base(request: web.Request) -> str:
    """Return the address the client sees, which a proxy tells in its headers."""
    headers = request.headers
    scheme = headers.get("X-Forwarded-Proto") or request.scheme
    host = headers.get("X-Flyte-Host") or headers.get("X-Forwarded-Host") or request.host
    return f"{scheme}://{host}{_prefix(request)}"


async def _body(request: web.Request) -> bytes:
    # Not request.read(): its limit is that of the application this one is mounted in.
    return await request.content.read()


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON, though Python would take it")


def _read(model: type[_Model], body: bytes) -> _Model:
    try:
        # Every number is a float in Go, whatever comes of its last digits.
        document = json.loads(body, parse_int=float, parse_constant=_no_json)
        return model.model_validate({} if document is None else document)
    except (ValueError, OverflowError, RecursionError):
        raise _RefusedError(400) from None


def _reply(request: web.Request, document: dict[str, Any]) -> web.Response:
    text = wire.encode(document)
    if request.headers.get(hdrs.ACCEPT) == _YAML:
        text = yaml.safe_dump(json.loads(text), allow_unicode=True)
        return web.Response(text=text, content_type=_YAML)
    return web.Response(text=text, content_type="application/json")


def _hang_up(request: web.Request) -> web.Response:
    """Close the connection without a reply, as the server does when its handler panics."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=500)
