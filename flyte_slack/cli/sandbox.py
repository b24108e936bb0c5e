"""The command `sandbox`: Flyte, Slack and the pack on one machine."""

import argparse
import asyncio
import os
import tempfile
from typing import TYPE_CHECKING, Literal

from .. import logs
from ..errors import FlyteSlackError
from ..settings.slack import Settings, variables
from .signals import stopped_by_signal

if TYPE_CHECKING:
    from ..sandbox.server import Sandbox

_WELCOME = """
  Chat here:      {url}/          (write "echo hello")
  Flyte API:      {url}/flyte
  Slack Web API:  {url}/slack/api/

  Ctrl-C stops everything; nothing is kept.
"""

EVERYTHING = {"FLYTE_SLACK_EVENTS": "all", "FLYTE_SLACK_COMMANDS": "all", "FLYTE_SLACK_API_METHODS": "*"}
"""The sandbox's pack offers everything, unless the environment says otherwise."""

_KEPT = {*EVERYTHING, "LOGLEVEL", "LOG_FORMAT", "FLYTE_SLACK_CLASSIC", "FLYTE_SLACK_MENTIONS"}


def _server(arguments: argparse.Namespace) -> "Sandbox":
    from ..sandbox.flows import FlowError
    from ..sandbox.server import Sandbox

    try:
        return Sandbox(arguments.host, arguments.port, arguments.flows)
    except FlowError as error:
        raise FlyteSlackError(str(error)) from error


async def command(arguments: argparse.Namespace) -> int:
    """Start the sandbox's servers and the pack between them; the pack stops first."""
    from .. import service
    from ..slack.offer import problems

    logs.configure(_level(), "console")
    stop = stopped_by_signal()
    with tempfile.TemporaryDirectory(prefix="flyte-slack-") as folder:
        async with _server(arguments) as sandbox:
            for name in variables().keys() - _KEPT:  # they are for the real pack
                os.environ.pop(name, None)
            if os.environ.get("FLYTE_SLACK_CLASSIC", "").lower() not in ("true", "1", "yes", "on"):
                for name, everything in EVERYTHING.items():
                    os.environ.setdefault(name, everything)
            os.environ.update(
                sandbox.pack_environment(),
                FLYTE_SLACK_STORE=f"sqlite:///{folder}/store.db",
                FLYTE_SLACK_HOST="127.0.0.1",
                FLYTE_SLACK_PORT="0",
            )
            ready = service.Ready()
            async with asyncio.TaskGroup() as group:
                pack = group.create_task(service.run(Settings.load(problems), stop, ready))
                starting = group.create_task(ready.wait())
                await asyncio.wait([pack, starting], return_when=asyncio.FIRST_COMPLETED)
                if not pack.done():
                    print(_WELCOME.format(url=sandbox.url), flush=True)
                starting.cancel()
    return 0


def _level() -> Literal["debug", "info", "warning", "error"]:
    """The sandbox is for looking at the page: its log is quiet unless `LOGLEVEL` asks for more."""
    asked = os.environ.get("LOGLEVEL", "").lower()
    return asked if asked in {"debug", "info", "error"} else "warning"  # type: ignore[return-value]
