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

_FLYTE = {
    name for name in variables() if name.startswith(("FLYTE_API", "FLYTE_JWT", "FLYTE_LABELS", "PACK_"))
}
_SLACK = {name for name in variables() if name.startswith("SLACK_")} | {
    "FLYTE_SLACK_TOKEN",
    "FLYTE_SLACK_MODE",
    "FLYTE_SLACK_CHANNELS",
}
_KEPT = {*EVERYTHING, "LOGLEVEL", "LOG_FORMAT", "FLYTE_SLACK_CLASSIC", "FLYTE_SLACK_MENTIONS"}


def _server(arguments: argparse.Namespace) -> "Sandbox":
    from ..sandbox.flows import FlowError
    from ..sandbox.server import Sandbox

    if arguments.flows is not None and not arguments.flows.is_dir():
        what = "a file: name its folder" if arguments.flows.exists() else "not there"
        raise FlyteSlackError(f"--flows names a folder of flows, and {arguments.flows} is {what}")
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
            real = _real(arguments)
            for name in variables().keys() - _KEPT - real:  # they are for the real pack
                os.environ.pop(name, None)
            if os.environ.get("FLYTE_SLACK_CLASSIC", "").lower() not in ("true", "1", "yes", "on"):
                for name, everything in EVERYTHING.items():
                    os.environ.setdefault(name, everything)
            os.environ.update(
                {name: value for name, value in sandbox.pack_environment().items() if name not in real},
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


def _real(arguments: argparse.Namespace) -> set[str]:
    """Return the settings that are for a real server or workspace, and are taken from the environment."""
    real: set[str] = set()
    if arguments.flyte:
        real |= _FLYTE
        os.environ["FLYTE_API"] = arguments.flyte
    if arguments.slack:
        real |= _SLACK
    return real


def _level() -> Literal["debug", "info", "warning", "error"]:
    """The sandbox is for looking at the page: its log is quiet unless `LOGLEVEL` asks for more."""
    asked = os.environ.get("LOGLEVEL", "").lower()
    return asked if asked in {"debug", "info", "error"} else "warning"  # type: ignore[return-value]
