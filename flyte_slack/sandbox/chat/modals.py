"""Modals and the App Home, as the person who sees them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..guard import Refused
from ..slack.app import SlackApp
from ..slack.views import View
from .requests import Reader, body_of, flag_of, inputs_of, text_of
from .shapes import Shapes


class Modals:
    """``/modals`` and ``/home``."""

    def __init__(self, slack: SlackApp, reader: Reader, shapes: Shapes) -> None:
        self._slack = slack
        self._reader = reader
        self._shapes = shapes

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve what a person sees and does."""
        router.add_get("/modals", self._list)
        router.add_post("/modals/{view_id}", self._submit)
        router.add_delete("/modals/{view_id}", self._close)
        router.add_post("/modals/{view_id}/clicks", self._click)
        router.add_get("/home", self._home)
        router.add_post("/home", self._open_home)

    async def _list(self, request: web.Request) -> web.Response:
        user = self._person(request)
        return web.json_response({"modals": self._shapes.modals(user)})

    async def _submit(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        inputs = inputs_of(body)
        self._slack.interactions.submit(self._view(request, body), inputs)
        return web.json_response({"ok": True})

    async def _close(self, request: web.Request) -> web.Response:
        body = await body_of(request) if request.can_read_body else dict(request.query)
        everything = flag_of(body, "everything")
        self._slack.interactions.close(self._view(request, body), everything=everything)
        return web.json_response({"ok": True})

    async def _click(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        action_id, inputs = text_of(body, "action_id"), inputs_of(body)
        view = self._view(request, body)
        self._slack.interactions.click_in_view(view, action_id, body.get("value"), inputs)
        return web.json_response({"ok": True})

    async def _home(self, request: web.Request) -> web.Response:
        return web.json_response({"view": self._slack.views.homes.get(self._person(request))})

    async def _open_home(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        tab = text_of(body, "tab", optional=True) or "home"
        if tab not in ("home", "messages"):
            raise Refused(400, "tab must be home or messages.")
        self._slack.interactions.open_home(self._reader.person_of(body).id, tab)
        return web.json_response({"ok": True})

    def _person(self, request: web.Request) -> str:
        name = request.query.get("user", "")
        if not name:
            raise Refused(400, "Name a person: ?user=alice.")
        return self._reader.person(name).id

    def _view(self, request: web.Request, body: dict[str, Any]) -> View:
        user = self._reader.person_of(body)
        return self._slack.views.find(request.match_info["view_id"], user.id)
