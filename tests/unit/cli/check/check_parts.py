"""A Flyte API whose every answer can be replaced, and checks by their names."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from support import serving

from flyte_slack.cli.check.probes import Check, Probe, try_all

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Flyte:
    """Answers as the Flyte API does; `replaced` holds other answers by `METHOD path`.

    Attributes:
        calls: `METHOD path`, body and token of every request.
        wants: the token it wants below `/v1`, or None.
        packs: as it lists them.
    """

    def __init__(self) -> None:
        self.replaced: dict[str, int | str | Handler | dict[str, Any]] = {}
        self.calls: list[tuple[str, bytes, str]] = []
        self.wants: str | None = None
        self.packs: list[dict[str, Any]] = []
        self.url = ""

    def calls_of(self, call: str) -> list[bytes]:
        """Return the bodies of the requests of a kind."""
        return [body for one, body, _ in self.calls if one == call]

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["Flyte"]:
        """Serve it at `url`."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        async with serving(app) as self.url:
            yield self

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = f"{request.method} {request.path}"
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.calls.append((call, await request.read(), token))
        answer = self.replaced.get(call)
        if callable(answer):
            return await answer(request)
        if isinstance(answer, int):
            return web.Response(status=answer)
        if isinstance(answer, str):
            return web.Response(text=answer)
        if isinstance(answer, dict):
            return web.json_response(answer)
        if self.wants is not None and request.path.startswith("/v1") and token != self.wants:
            return web.Response(status=401)
        usual: dict[str, dict[str, Any] | int] = {
            "GET /": self.links({"info/v1": "/v1"}),
            "GET /v1": self.links({"pack/listPacks": "/v1/packs", "flowAudit/findFlows": "/v1/audit/flows"}),
            "GET /v1/packs": {"packs": self.packs, "links": []},
            "POST /v1/packs": 400,
        }
        found = usual.get(call, 404)
        return web.Response(status=found) if isinstance(found, int) else web.json_response(found)

    def links(self, rels: dict[str, str]) -> dict[str, Any]:
        """Return an answer with these links."""
        return {
            "links": [
                {"href": self.url + path, "rel": f"{self.url}/swagger#!/{rel}"} for rel, path in rels.items()
            ]
        }


async def checks_of(probes: Sequence[Probe]) -> dict[str, Check]:
    """Try probes; return the checks by name."""
    return {check.name: check for check in await try_all(probes)}


def states(checks: dict[str, Check]) -> dict[str, bool]:
    """Return what holds and what doesn't."""
    return {name: check.ok for name, check in checks.items()}


def assert_fails(check: Check, variable: str, *words: str) -> None:
    """Hold a check against: failed, because of a variable, in these words, with something to do."""
    assert not check.ok
    assert check.variable == variable
    assert check.remedy
    for word in words:
        assert word in f"{check.detail} | {check.remedy}", (word, check)


def soon(seconds: float) -> int:
    """Return a time as a JWT has it, from now."""
    return int(time.time() + seconds)
