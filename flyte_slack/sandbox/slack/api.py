"""Slack over HTTP: how a call is read, let in and answered, and where uploads and responses go.

The official clients send arguments in three ways (a GET with a query, a POST with a query and an empty
body, a POST with a form or with JSON), and Slack understands them all. Every answer of a method is HTTP
200 with ``ok``, save for 429, and carries the granted scopes in ``x-oauth-scopes``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from .app import SlackApp
from .arguments import Arguments
from .errors import MethodError
from .responses import respond

BOT_SCOPES = (
    *("app_mentions:read", "channels:history", "channels:join", "channels:manage", "channels:read"),
    *("chat:write", "chat:write.customize", "chat:write.public", "commands", "emoji:read"),
    *("files:read", "files:write", "groups:history", "groups:read", "groups:write"),
    *("im:history", "im:read", "im:write", "mpim:history", "mpim:read", "mpim:write"),
    *("pins:read", "pins:write", "reactions:read", "reactions:write", "team:read"),
    *("usergroups:read", "users:read", "users:read.email"),
)

Observer = Callable[[str, dict[str, Any], dict[str, Any]], None]
"""Is told of every call: the method, its arguments without the token, and the answer."""

logger = logging.getLogger(__name__)


class SlackApi:
    """The Web API of one workspace for one app.

    ``socket_url`` makes the WebSocket address of ``apps.connections.open`` from the request that asks
    for it, ``scopes`` are what the bot token is said to have been granted.
    """

    def __init__(
        self,
        app: SlackApp,
        socket_url: Callable[[web.Request], str],
        *,
        bot_token: str = "xoxb-sandbox",  # noqa: S107 - a made-up token of a made-up workspace
        app_token: str = "xapp-sandbox",  # noqa: S107
        scopes: Sequence[str] = BOT_SCOPES,
    ) -> None:
        self.workspace = app.workspace
        self.bot_token = bot_token
        self.app_token = app_token
        self.scopes = list(scopes)
        self._app = app
        self._socket_url = socket_url
        self._observers: list[Observer] = []

    @property
    def posts(self) -> list[dict[str, Any]]:
        """The accepted ``chat.postMessage`` calls, oldest first: arguments, the channel's id and ``ts``."""
        return self._app.chat.posts

    def observe(self, observer: Observer) -> None:
        """Tell ``observer`` of every call from now on."""
        self._observers.append(observer)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Serve the methods, uploads and response URLs below ``/slack/``."""
        router.add_route("GET", "/slack/api/{method}", self._call)
        router.add_route("POST", "/slack/api/{method}", self._call)
        router.add_post("/slack/upload/{ticket}", self._upload)
        router.add_post("/slack/respond/{token:.+}", self._respond)

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        headers: dict[str, str] = {}
        status = 200
        arguments = Arguments()
        try:
            arguments = await _read(request)
            token = _token(request, arguments)
            if token in (self.bot_token, self.app_token):
                granted = self.scopes if token == self.bot_token else ["connections:write"]
                headers["x-oauth-scopes"] = ",".join(granted)
            body = {"ok": True, **self._answer(request, method, arguments, token)}
        except MethodError as error:
            logger.debug("Slack method %s answered %s", method, error.code)
            body = error.answer()
            if error.retry_after:
                status, headers["Retry-After"] = 429, str(error.retry_after)
        self._tell(method, arguments, body)
        return web.json_response(body, status=status, headers=headers)

    def _tell(self, method: str, arguments: Arguments, body: dict[str, Any]) -> None:
        # The address of a WebSocket lets in whoever knows it.
        told = {"ok": True} if method == "apps.connections.open" and body["ok"] else body
        for observer in self._observers:
            observer(method, dict(arguments), told)

    def _answer(self, request: web.Request, method: str, arguments: Arguments, token: str) -> dict[str, Any]:
        if method == "api.test":
            if "error" in arguments:
                raise MethodError(arguments.text("error"), args=arguments)
            return {"args": arguments}
        own = {"auth.test": self._auth_test, "apps.connections.open": self._connections_open}
        if method not in own and method not in self._app.table:
            raise MethodError("unknown_method")
        if not token:
            raise MethodError("not_authed")
        if token not in (self.bot_token, self.app_token):
            raise MethodError("invalid_auth")
        if method in own:
            return own[method](request, token)
        if token != self.bot_token:
            raise MethodError("not_allowed_token_type")
        return self._app.table[method](arguments)

    def _auth_test(self, request: web.Request, token: str) -> dict[str, Any]:
        if token == self.app_token:
            return {"app_name": "Flyte", "app_id": self.workspace.app_id}
        return {
            "url": f"https://{self.workspace.domain}.slack.com/",
            "team": self.workspace.team_name,
            "team_id": self.workspace.team_id,
            "user": self.workspace.bot.name,
            "user_id": self.workspace.bot.id,
            "bot_id": self.workspace.bot.bot_id,
            "is_enterprise_install": False,
        }

    def _connections_open(self, request: web.Request, token: str) -> dict[str, Any]:
        if token != self.app_token:
            raise MethodError("not_allowed_token_type")
        return {"url": self._socket_url(request)}

    async def _upload(self, request: web.Request) -> web.Response:
        if request.content_type == "multipart/form-data":
            parts = [part for part in (await request.post()).values() if isinstance(part, web.FileField)]
            content = parts[0].file.read() if parts else b""
        else:
            content = await request.read()
        if not self._app.files.receive(request.match_info["ticket"], content):
            return web.Response(status=400, text="The upload URL is unknown, or the length is another.")
        return web.Response(text=f"OK - {len(content)}")

    async def _respond(self, request: web.Request) -> web.Response:
        try:
            fields = await _read(request)
            if isinstance(fields.get("payload"), str):  # a form carries the JSON in a field of this name
                fields = Arguments(fields.structure("payload", "invalid_payload"))
            respond(self._app, request.match_info["token"], fields)
        except MethodError as error:
            gone = error.code in ("no_service", "used_url", "expired_url")
            return web.json_response(error.answer(), status=404 if gone else 400)
        return web.json_response({"ok": True})


async def _read(request: web.Request) -> Arguments:
    arguments = Arguments(request.query)
    if request.content_type == "application/json":
        body = await request.read()
        try:
            fields = json.loads(body) if body.strip() else {}
        except ValueError:
            raise MethodError("invalid_json") from None
        if not isinstance(fields, dict):
            raise MethodError("json_not_object")
        arguments.update(fields)
    elif request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        arguments.update(await request.post())
    return arguments


def _token(request: web.Request, arguments: Arguments) -> str:
    in_arguments = str(arguments.pop("token", "") or "")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else in_arguments
