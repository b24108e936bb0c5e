"""The sandbox server: a chat page, the Slack stand-in and the Flyte API on one port.

``/`` is the page, ``/api/…`` what the page and scripts use, ``/slack/api/METHOD`` the Slack Web API,
``/slack/upload/…`` and ``/slack/respond/…`` what Slack has under other addresses, ``/slack/socket`` Socket
Mode, ``/flyte`` the Flyte API.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Middleware

from . import page
from .chat.api import ChatApi
from .chat.trace import TraceApi
from .dead_packs import DeadPacks
from .flows import Flow, load_flows
from .flyte_api import FlyteApi
from .guard import Guard
from .slack.api import SlackApi
from .slack.app import SlackApp
from .socket_mode import SocketMode
from .trace import Trace
from .workspace import Workspace

SOCKET_PATH = "/slack/socket"
BODY_LIMIT = 32 * 1024 * 1024


class Sandbox:
    """An embedded Slack workspace and Flyte API behind one address.

    ``port`` 0 takes a free one, known from ``port`` and ``url`` once started. ``flows`` is a folder of
    flows beside the shipped ones, which ``shipped_flows`` leaves out. ``middlewares`` wrap every request, for
    tests that inject faults. ``history`` is how many events, actions and executions the Flyte API keeps,
    ``None`` for all. Nothing outlives :meth:`stop`, and a sandbox starts once.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 8765,
        flows: Path | None = None,
        *,
        middlewares: Sequence[Middleware] = (),
        workspace: Workspace | None = None,
        socket_mode: SocketMode | None = None,
        burst: int = 20,
        shipped_flows: bool = True,
        history: int | None = 10_000,
    ) -> None:
        self.host = host
        self.port = port
        self.workspace = workspace or Workspace()
        self.socket_mode = socket_mode or SocketMode(self.workspace)
        self.trace = Trace()
        self.app = SlackApp(self.workspace, lambda: self.url, self.socket_mode.interact, burst)
        self.slack = SlackApi(self.app, self._socket_url)
        self.slack.observe(self.trace.slack_call)
        self.chat = ChatApi(self.app, self._slash_commands)
        dead_packs = DeadPacks.from_environment(os.environ)
        self.flyte = FlyteApi(trace=self.trace, dead_packs=dead_packs, history=history)
        shipped = _shipped_flows() if shipped_flows else []
        for flow in [*shipped, *(load_flows(flows) if flows else [])]:
            self.flyte.add_flow(flow)
        self._middlewares = tuple(middlewares)
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address for programs on this machine, without a trailing slash."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def bot_token(self) -> str:
        """The token of the bot, made up."""
        return self.slack.bot_token

    @property
    def app_token(self) -> str:
        """The app-level token for Socket Mode, made up."""
        return self.slack.app_token

    def pack_environment(self) -> dict[str, str]:
        """Return the settings with which the real pack works against this sandbox."""
        return {
            "FLYTE_API": f"{self.url}/flyte",
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_APP_TOKEN": self.app_token,
            "SLACK_API_URL": f"{self.url}/slack/api/",
        }

    async def start(self) -> None:
        """Listen. Raises :class:`OSError` with a clear sentence when the port cannot be had."""
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host or None, self.port)
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            raise self._explained(error) from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every stream and socket, and stop listening."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _app(self) -> web.Application:
        # The outermost application's limit on a body holds for those mounted in it.
        middlewares = [*self._middlewares, Guard(self.host).middleware()]
        app = web.Application(middlewares=middlewares, client_max_size=BODY_LIMIT)
        page.add_routes(app.router)
        app.router.add_get(SOCKET_PATH, self.socket_mode.handle)
        chat = self.chat.app()
        TraceApi(self.trace).add_routes(chat.router)
        app.add_subapp("/api/", chat)
        self.slack.add_routes(app.router)
        app.add_subapp("/flyte/", self.flyte.app())
        app.on_shutdown.append(self._shut_down)
        return app

    async def _shut_down(self, _app: web.Application) -> None:
        self.chat.close()
        self.app.scheduled.close()
        await self.socket_mode.close()

    def _socket_url(self, request: web.Request) -> str:
        scheme = "wss" if request.secure else "ws"
        ticket = self.socket_mode.open_ticket()
        return f"{scheme}://{request.host}{SOCKET_PATH}?ticket={ticket}&app_id={self.workspace.app_id}"

    def _slash_commands(self) -> set[str]:
        """Return the slash commands that flows compare with, to be offered while one writes."""
        steps = [step for flow in self.flyte.flows.values() for step in flow.to_json().get("steps", [])]
        used = [json.dumps(step) for step in steps if step.get("event", {}).get("name") == "SlashCommandUsed"]
        return {command for step in used for command in re.findall(r"""['"](/[\w-]+)\\?['"]""", step)}

    def _explained(self, error: OSError) -> OSError:
        if error.errno == errno.EADDRINUSE:
            reason = f"Port {self.port} on {self.host} is in use: stop what uses it or choose another port."
        else:
            reason = f"The sandbox cannot listen on {self.host}:{self.port}: {error.strerror or error}."
        return OSError(error.errno, reason)


def _shipped_flows() -> list[Flow]:
    with resources.as_file(resources.files("flyte_slack.sandbox") / "flows") as folder:
        return load_flows(folder)
