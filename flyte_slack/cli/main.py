"""The command line: `flyte-slack COMMAND`, the same as `python -m flyte_slack COMMAND`."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import argcomplete
from argcomplete.shell_integration import shellcode

from .. import logs
from ..errors import FlyteSlackError, SettingsError
from ..settings.slack import Settings
from . import dead, manifest, store
from .parser import Parser, top
from .signals import stopped_by_signal

EXIT_FAILED = 1
EXIT_UNUSABLE = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status: 0, 1 if it failed, 2 for what cannot be used."""
    parser_ = parser()
    argcomplete.autocomplete(parser_)
    parsed = parser_.parse_args(arguments)
    if parsed.command is None:
        parser_.print_help()
        return 0
    try:
        status: int = asyncio.run(parsed.command(parsed))
        return status
    except SettingsError as error:
        _say(f"flyte-slack: {len(error.problems)} setting(s) cannot be used:")
        for problem in error.problems:
            _say(f"  {problem}")
        return EXIT_UNUSABLE
    except (FlyteSlackError, OSError) as error:
        _say(f"flyte-slack: {error}")
        return EXIT_FAILED
    except ExceptionGroup as group:
        if (ended := _ended_by(group)) is not None:
            _say(f"flyte-slack: {ended}")
            return EXIT_FAILED
        logs.get(__name__).critical("the pack stops after an unexpected error", exc_info=group)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def parser() -> Parser:
    """Return the parser of the command line."""
    program = top()
    program.set_defaults(command=None)
    commands = program.add_subparsers(title="commands", metavar="COMMAND")
    run = commands.add_parser("run", help="run the pack", description="Run the pack until SIGTERM or Ctrl-C.")
    run.set_defaults(command=_run)
    _add_check(commands)
    manifest.add(commands)
    _add_sandbox(commands)
    _add_flows(commands)
    _add_dead(commands)
    store.add(commands)
    completion = commands.add_parser(
        "completion",
        help="print what completes commands and options in a shell",
        description='Print a script for a shell: eval "$(flyte-slack completion bash)"',
    )
    completion.add_argument("shell", choices=["bash", "zsh", "fish"])
    completion.set_defaults(command=_completion)
    return program


def _add_check(commands: "argparse._SubParsersAction[Parser]") -> None:
    check = commands.add_parser(
        "check",
        help="try every setting for real",
        description="Try every setting for real; say what is wrong and what to do. Changes nothing anywhere.",
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    check.set_defaults(command=_check)


def _add_sandbox(commands: "argparse._SubParsersAction[Parser]") -> None:
    sandbox = commands.add_parser(
        "sandbox",
        help="try the whole system on this machine, without any account",
        description="Start an embedded Flyte API, an embedded Slack workspace and the pack between them, "
        "and a page to chat on. Keeps nothing after it stops.",
    )
    sandbox.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    sandbox.add_argument("--port", type=int, default=8765, help="port to listen on (default: %(default)s)")
    sandbox.add_argument("--flows", type=Path, metavar="DIR", help="add the flows (YAML or JSON) of a folder")
    sandbox.add_argument(
        "--flyte", metavar="URL", help="use a real Flyte server there, with FLYTE_JWT if it is set"
    )
    sandbox.add_argument(
        "--slack",
        action="store_true",
        help="use a real workspace, with the SLACK_… settings of the environment",
    )
    sandbox.set_defaults(command=_sandbox)


def _add_flows(commands: "argparse._SubParsersAction[Parser]") -> None:
    schema = commands.add_parser(
        "schema",
        help="print JSON Schema of every input and payload",
        description="Print JSON Schema (2020-12) of every command's input and every event's payload.",
    )
    schema.add_argument(
        "--flow-file", action="store_true", help="print the schema of a flow file, for editors"
    )
    schema.set_defaults(command=_schema)
    group = commands.add_parser("flows", help="check and test flows before they run")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="tell what is wrong in flow files",
        description="Print file:line: problem for what is wrong in flow files. The exit status is 1 if there "
        "is any problem, 0 if there is none, 2 for a path that cannot be read.",
    )
    check.add_argument("path", nargs="+", type=Path, metavar="PATH", help="a file, or a folder of them")
    check.add_argument("--json", action="store_true", help="print JSON")
    check.add_argument("--strict", action="store_true", help="let warnings fail, too")
    check.add_argument(
        "--pack-name", default="Slack", metavar="NAME", help="PACK_NAME (default: %(default)s)"
    )
    check.set_defaults(command=_flows_check)
    test = actions.add_parser(
        "test",
        help="run flows against what is expected of them",
        description="Run test files (those with given, beside the flows) offline, with the sandbox and the "
        "real pack. The exit status is 1 if one fails.",
    )
    test.add_argument("path", nargs="+", type=Path, metavar="PATH", help="a test file, or a folder of them")
    test.add_argument("--junit", type=Path, metavar="FILE", help="write the results there as JUnit XML")
    test.set_defaults(command=_flows_test)


def _add_dead(commands: "argparse._SubParsersAction[Parser]") -> None:
    group = commands.add_parser(
        "dead",
        help="see and deal with dead letters: what Flyte rejected for good",
        description="Events and results that are dead letters, with the reason. "
        "Needs FLYTE_SLACK_STORE only; the pack may run meanwhile.",
    )
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="list them, the newest first")
    listed.add_argument("--json", action="store_true", help="print JSON")
    listed.set_defaults(command=dead.list_rows)
    for name, command, text in (
        ("show", dead.show, "print one with its content, as JSON"),
        ("retry", dead.retry, "give some back to be delivered"),
        ("drop", dead.drop, "forget some"),
    ):
        action = actions.add_parser(name, help=text)
        if name == "show":
            action.add_argument("id", nargs=1, metavar="ID", help="from the list")
        else:
            action.add_argument("id", nargs="*", metavar="ID", help="from the list")
            action.add_argument("--json", action="store_true", help="print JSON")
            _add_filter(action, "all of them, or all that the filters leave")
        action.set_defaults(command=command)
    _add_filter(listed, None)


def _add_filter(action: Parser, all_: str | None) -> None:
    if all_:
        action.add_argument("--all", action="store_true", help=all_)
    action.add_argument("--reason", metavar="TEXT", help="only those whose reason has this in it")
    action.add_argument(
        "--older", type=float, metavar="HOURS", help="only those that died more than so many hours ago"
    )


async def _run(_arguments: argparse.Namespace) -> int:
    stop = stopped_by_signal()
    from ..slack.offer import problems

    settings = Settings.load(problems)
    logs.configure(settings.log_level, settings.log_format)
    from .. import service

    await service.run(settings, stop)
    return 0


async def _check(arguments: argparse.Namespace) -> int:
    from . import check

    return await check.command(arguments)


async def _sandbox(arguments: argparse.Namespace) -> int:
    from . import sandbox

    return await sandbox.command(arguments)


async def _schema(arguments: argparse.Namespace) -> int:
    from . import schema

    return await schema.command(arguments)


async def _flows_check(arguments: argparse.Namespace) -> int:
    from .flows import command

    return await command.check(arguments)


async def _flows_test(arguments: argparse.Namespace) -> int:
    from .flows import suite

    return await suite.command(arguments)


async def _completion(arguments: argparse.Namespace) -> int:
    print(shellcode(["flyte-slack"], shell=arguments.shell))
    return 0


def _ended_by(group: BaseExceptionGroup[BaseException]) -> FlyteSlackError | None:
    """Return the pack's own error that ended it, if nothing else did."""
    if len(group.exceptions) != 1:
        return None
    (error,) = group.exceptions
    if isinstance(error, BaseExceptionGroup):
        return _ended_by(error)
    return error if isinstance(error, FlyteSlackError) else None


def _say(line: str) -> None:
    sys.stderr.write(logs.redact(line) + "\n")
