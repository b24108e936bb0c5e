"""The command line: `flyte-slack COMMAND`, the same as `python -m flyte_slack COMMAND`."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .. import __version__, logs
from ..errors import FlyteSlackError, SettingsError
from ..settings.slack import Settings, variables
from . import dead as dead_rows

if TYPE_CHECKING:
    from ..sandbox.server import Sandbox

_WELCOME = """
  Chat here:      {url}/          (write "echo hello")
  Flyte API:      {url}/flyte
  Slack Web API:  {url}/slack/api/

  Ctrl-C stops everything; nothing is kept.
"""

EXIT_FAILED = 1
EXIT_SETTINGS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0, 1 where it failed, 2 for settings that cannot be used."""
    parsed = parser().parse_args(arguments)
    try:
        status: int = asyncio.run(parsed.command(parsed))
        return status
    except SettingsError as error:
        _say(f"flyte-slack: {len(error.problems)} setting(s) cannot be used:")
        for problem in error.problems:
            _say(f"  {problem}")
        return EXIT_SETTINGS
    except (FlyteSlackError, OSError) as error:
        _say(f"flyte-slack: {error}")
        return EXIT_FAILED
    except ExceptionGroup as group:
        logs.get(__name__).critical("the pack stops after an unexpected error", exc_info=group)
        return EXIT_FAILED


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="flyte-slack",
        description="Slack pack for Flyte. Settings are environment variables; the README lists them.",
    )
    top.add_argument("--version", action="version", version=f"flyte-slack {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="run the pack", description="Run the pack until SIGTERM or Ctrl-C.")
    run.set_defaults(command=_run)

    check = commands.add_parser(
        "check",
        help="try every setting for real",
        description="Try every setting for real; say what is wrong and what to do. Changes nothing anywhere.",
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(command=_check)

    manifest = commands.add_parser(
        "manifest",
        help="print the manifest to create the Slack app from",
        description="Print the Slack app manifest (YAML), with exactly the scopes and events the pack uses.",
    )
    manifest.add_argument(
        "--url",
        type=_events_url,
        metavar="URL",
        help="receive events over HTTP there (https://…/slack/events) instead of over Socket Mode",
    )
    manifest.set_defaults(command=_manifest)

    _add_dead(commands)
    sandbox = commands.add_parser(
        "sandbox",
        help="try the whole system on this machine, without any account",
        description="Start an embedded Flyte API, an embedded Slack workspace and the pack between them, "
        "and a page to chat on. Keeps nothing after it stops.",
    )
    sandbox.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    sandbox.add_argument("--port", type=int, default=8765, help="port to listen on (default: %(default)s)")
    sandbox.add_argument("--flows", type=Path, metavar="DIR", help="add the flows (YAML or JSON) of a folder")
    sandbox.set_defaults(command=_sandbox)
    return top


def _add_dead(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    dead = commands.add_parser(
        "dead",
        help="see and deal with what Flyte rejected for good",
        description="Events and results that were put aside, with the reason. Needs FLYTE_SLACK_STORE only; "
        "the pack may run meanwhile.",
    )
    actions = dead.add_subparsers(title="actions", metavar="ACTION", required=True)
    list_ = actions.add_parser("list", help="list what was put aside, the newest first")
    list_.add_argument("--json", action="store_true", help="print JSON")
    list_.set_defaults(command=dead_rows.list_rows)
    for name, command, text in (
        ("show", dead_rows.show, "print one with its content, as JSON"),
        ("retry", dead_rows.retry, "give some back to be delivered"),
        ("drop", dead_rows.drop, "forget some"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("id", nargs="+" if name != "show" else 1, metavar="ID", help="from the list")
        action.set_defaults(command=command)


async def _run(_arguments: argparse.Namespace) -> int:
    stop = _stopped_by_signal()
    settings = Settings.load()
    logs.configure(settings.log_level, settings.log_format)
    from .. import service

    await service.run(settings, stop)
    return 0


async def _check(arguments: argparse.Namespace) -> int:
    from . import check

    return await check.command(arguments)


async def _manifest(arguments: argparse.Namespace) -> int:
    from ..slack.app.manifest import manifest

    print(manifest(arguments.url), end="")
    return 0


def _events_url(value: str) -> str:
    if not value.startswith(("https://", "http://")) or len(value) > 3500:
        raise argparse.ArgumentTypeError(f"{value!r} is no URL such as https://…/slack/events")
    return value


def _sandbox_server(arguments: argparse.Namespace) -> "Sandbox":
    from ..sandbox.flows import FlowError
    from ..sandbox.server import Sandbox

    try:
        return Sandbox(arguments.host, arguments.port, arguments.flows)
    except FlowError as error:
        raise FlyteSlackError(str(error)) from error


async def _sandbox(arguments: argparse.Namespace) -> int:
    """Start the sandbox's servers and the pack between them; the pack stops first."""
    from .. import service

    logs.configure(_level(), "console")
    stop = _stopped_by_signal()
    with tempfile.TemporaryDirectory(prefix="flyte-slack-") as folder:
        async with _sandbox_server(arguments) as sandbox:
            for name in variables().keys() - {"LOGLEVEL", "LOG_FORMAT"}:  # they are for the real pack
                os.environ.pop(name, None)
            os.environ.update(
                sandbox.pack_environment(),
                FLYTE_SLACK_STORE=f"sqlite:///{folder}/store.db",
                FLYTE_SLACK_HOST="127.0.0.1",
                FLYTE_SLACK_PORT="0",
            )
            ready = service.Ready()
            async with asyncio.TaskGroup() as group:
                pack = group.create_task(service.run(Settings.load(), stop, ready))
                starting = group.create_task(ready.wait())
                await asyncio.wait([pack, starting], return_when=asyncio.FIRST_COMPLETED)
                if not pack.done():
                    print(_WELCOME.format(url=sandbox.url), flush=True)
                starting.cancel()
    return 0


def _stopped_by_signal() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _level() -> Literal["debug", "info", "warning", "error"]:
    """The sandbox is for looking at the page: its log is quiet unless `LOGLEVEL` asks for more."""
    asked = os.environ.get("LOGLEVEL", "").lower()
    return asked if asked in {"debug", "info", "error"} else "warning"  # type: ignore[return-value]


def _say(line: str) -> None:
    sys.stderr.write(logs.redact(line) + "\n")
