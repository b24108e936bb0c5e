"""The command `manifest`: prints what to create the Slack app from."""

import argparse
import re
import sys
from collections.abc import Sequence

from ..errors import SettingsError
from .parser import Parser


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the command to the parser."""
    manifest = commands.add_parser(
        "manifest",
        help="print the manifest to create the Slack app from",
        description="Print the Slack app manifest (YAML), with exactly the scopes and events that the chosen "
        "events and commands need. What is not given here is taken from FLYTE_SLACK_EVENTS and "
        "FLYTE_SLACK_COMMANDS.",
    )
    manifest.add_argument(
        "--url",
        type=_events_url,
        metavar="URL",
        help="receive events over HTTP there (https://…/slack/events) instead of over Socket Mode",
    )
    manifest.add_argument("--events", metavar="NAMES", help="as FLYTE_SLACK_EVENTS")
    manifest.add_argument("--commands", metavar="NAMES", help="as FLYTE_SLACK_COMMANDS")
    for option, left, right in (
        ("--slash-command", "/NAME", "DESCRIPTION"),
        ("--shortcut", "CALLBACK_ID", "NAME"),
        ("--message-shortcut", "CALLBACK_ID", "NAME"),
    ):
        manifest.add_argument(
            option,
            type=_slash_command if left == "/NAME" else _pair,
            action="append",
            default=[],
            metavar=f"{left}={right}",
            help="declare one; may be given several times",
        )
    manifest.set_defaults(command=command)


async def command(arguments: argparse.Namespace) -> int:
    """Print the manifest; what of it cannot be told goes to standard error."""
    import os

    from ..slack.app.manifest import Declared, manifest
    from ..slack.events.scopes import BY_SLACK_TYPE
    from ..slack.offer import chosen_commands, chosen_events, problems, slack_types

    chosen = {
        variable: os.environ.get(variable, "") if given is None else given
        for variable, given in (
            ("FLYTE_SLACK_EVENTS", arguments.events),
            ("FLYTE_SLACK_COMMANDS", arguments.commands),
            ("FLYTE_SLACK_API_METHODS", os.environ.get("FLYTE_SLACK_API_METHODS", "*")),
        )
    }
    if found := problems(chosen):
        raise SettingsError(found)
    events = _names(chosen["FLYTE_SLACK_EVENTS"])
    for name in slack_types(events):
        if name not in BY_SLACK_TYPE:
            print(f"flyte-slack: the scope that Slack asks for {name} is not known: add it", file=sys.stderr)
    declared = Declared(
        dict(arguments.slash_command), dict(arguments.shortcut), dict(arguments.message_shortcut)
    )
    commands = chosen_commands(_names(chosen["FLYTE_SLACK_COMMANDS"]))
    print(manifest(chosen_events(events), commands, arguments.url, declared), end="")
    return 0


def _names(given: str) -> Sequence[str]:
    return tuple(filter(None, (name.strip() for name in given.split(","))))


def _pair(value: str) -> tuple[str, str]:
    left, equals, right = value.partition("=")
    if not equals or not left.strip() or not right.strip():
        raise argparse.ArgumentTypeError(f"{value!r} is not of the form LEFT=RIGHT")
    return left.strip(), right.strip()


def _slash_command(value: str) -> tuple[str, str]:
    name, description = _pair(value)
    if not re.fullmatch(r"/[^\s/A-Z]{1,31}", name):
        raise argparse.ArgumentTypeError(f"{name!r} is no slash command such as /deploy, in small letters")
    return name, description


def _events_url(value: str) -> str:
    if not value.startswith(("https://", "http://")) or len(value) > 3500:
        raise argparse.ArgumentTypeError(f"{value!r} is no URL such as https://…/slack/events")
    return value
