"""The Slack Web API over HTTP: how a call is read, let in and answered.

The official clients send arguments in three ways (a GET with a query, a POST with a query and an empty
body, a POST with a form or with JSON), and Slack understands them all. Every answer is HTTP 200 with
``ok``, save for 429, and carries the granted scopes in ``x-oauth-scopes``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from .slack_arguments import Arguments, MethodError
from .slack_methods import SlackMethods
from .trace import Trace
from .workspace import Workspace

BOT_SCOPES = (
    *("channels:history", "channels:join", "channels:read"),
    *("chat:write", "chat:write.customize", "chat:write.public"),
    *("groups:history", "groups:read", "im:history", "im:read", "im:write"),
    *("mpim:history", "mpim:read", "mpim:write", "reactions:write"),
    *("team:read", "users:read", "users:read.email"),
)

logger = logging.getLogger(__name__)


class SlackApi:
    """The Web API of one workspace for one app.

    ``socket_url`` makes the WebSocket address of ``apps.connections.open`` from the request that asks
    for it. ``burst`` is how many messages a channel takes at once before one a second is the limit,
    ``scopes`` what the bot token is said to have been granted, ``trace`` where calls are noted.
    """

    def __init__(
        self,
        workspace: Workspace,
        socket_url: Callable[[web.Request], str],
        *,
        bot_token: str = "xoxb-sandbox",  # noqa: S107 - a made-up token of a made-up workspace
        app_token: str = "xapp-sandbox",  # noqa: S107
        burst: int = 20,
        scopes: Sequence[str] = BOT_SCOPES,
        trace: Trace | None = None,
    ) -> None:
        self.workspace = workspace
        self.methods = SlackMethods(workspace, burst)
        self.bot_token = bot_token
        self.app_token = app_token
        self.scopes = list(scopes)
        self._socket_url = socket_url
        self._trace = trace or Trace()

    @property
    def posts(self) -> list[dict[str, Any]]:
        """Every accepted ``chat.postMessage``, oldest first: its arguments, the channel's id and ``ts``."""
        return self.methods.posts

    def app(self) -> web.Application:
        """Make the application that answers at ``/METHOD``."""
        app = web.Application()
        app.router.add_route("GET", "/{method}", self._call)
        app.router.add_route("POST", "/{method}", self._call)
        return app

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        headers: dict[str, str] = {}
        arguments = Arguments()
        try:
            arguments = await _read(request)
            token = _token(request, arguments)
            if token in (self.bot_token, self.app_token):
                granted = self.scopes if token == self.bot_token else ["connections:write"]
                headers["x-oauth-scopes"] = ",".join(granted)
            answer = {"ok": True, **self._answer(request, method, arguments, token)}
        except MethodError as error:
            logger.debug("Slack method %s answered %s", method, error.code)
            self._note(method, arguments, {"ok": False, "error": error.code})
            return _refusal(error, headers)
        self._note(method, arguments, answer)
        return web.json_response(answer, headers=headers)

    def _note(self, method: str, arguments: Arguments, answer: dict[str, Any]) -> None:
        # The address of a WebSocket lets in whoever knows it.
        secret = method == "apps.connections.open" and answer["ok"]
        self._trace.slack_call(method, dict(arguments), {"ok": True} if secret else answer)

    def _answer(self, request: web.Request, method: str, arguments: Arguments, token: str) -> dict[str, Any]:
        if method == "api.test":
            return {"args": arguments}
        own = {"auth.test": self._auth_test, "apps.connections.open": self._connections_open}
        if method not in own and method not in self.methods.table:
            raise MethodError("unknown_method")
        if not token:
            raise MethodError("not_authed")
        if token not in (self.bot_token, self.app_token):
            raise MethodError("invalid_auth")
        if method in own:
            return own[method](request, token)
        if token != self.bot_token:
            raise MethodError("not_allowed_token_type")
        return self.methods.table[method](arguments)

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


def _refusal(error: MethodError, headers: dict[str, str]) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error": error.code}
    if error.messages:
        body["response_metadata"] = {"messages": list(error.messages)}
    if error.retry_after:
        headers = {**headers, "Retry-After": str(error.retry_after)}
    return web.json_response(body, status=429 if error.retry_after else 200, headers=headers)
