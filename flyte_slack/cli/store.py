"""The commands `store` and `trace`: what an operator does with a store, while the pack runs or not."""

import argparse
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from .. import logs
from ..settings.flyte import StoreSettings
from ..store import Held, Store
from .parser import Parser


def add(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Add the commands to the parser."""
    group = commands.add_parser(
        "store",
        help="look into the store, back it up, vacuum it",
        description="Look into the store, back it up, vacuum it. Needs FLYTE_SLACK_STORE only; the pack may "
        "run meanwhile.",
    )
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    info = actions.add_parser("info", help="print what it is and what it holds")
    info.add_argument("--json", action="store_true", help="print JSON")
    info.set_defaults(command=_info)
    backup = actions.add_parser("backup", help="copy it into a new file, as it is at one moment")
    backup.add_argument("file", type=Path, metavar="FILE", help="that is not there yet")
    backup.set_defaults(command=_backup)
    vacuum = actions.add_parser("vacuum", help="give back the room that forgotten rows took")
    vacuum.set_defaults(command=_vacuum)
    trace = commands.add_parser(
        "trace",
        help="print what the store knows of one message or action",
        description="Print what the store knows of one message (its channel and ts) or of one action (its "
        "identity in the log, or its id in Flyte), in order of time.",
    )
    trace.add_argument("of", nargs="+", metavar="CHANNEL TS | ACTION")
    trace.add_argument("--json", action="store_true", help="print JSON")
    trace.set_defaults(command=_trace)


@asynccontextmanager
async def opened() -> AsyncIterator[Store]:
    """Open the store that is set, beside a pack that may run on it."""
    settings = StoreSettings.load()
    logs.configure(settings.log_level, settings.log_format)
    logs.add_secrets(settings.secrets())
    async with await Store.open(settings.store.get_secret_value(), shared=True, must_exist=True) as store:
        yield store


async def _info(arguments: argparse.Namespace) -> int:
    async with opened() as store:
        info = await store.info()
    if arguments.json:
        print(json.dumps(asdict(info), indent=2))
        return 0
    stats = info.stats
    print(f"schema version   {info.version}")
    print(
        f"owner            {', '.join(f'{what} {name}' for what, name in info.owner.items()) or 'nobody yet'}"
    )
    print(f"size             {stats.size / 1e6:.1f} MB")
    for what, held in (
        ("events waiting", stats.events),
        ("actions waiting", stats.actions),
        ("results waiting", stats.results),
        ("dead events", stats.dead_events),
        ("dead results", stats.dead_results),
    ):
        print(f"{what:16} {held.number}{_age(held)}")
    print(f"keys             {info.keys}")
    print(f"gaps to be read  {info.gaps}")
    return 0


async def _backup(arguments: argparse.Namespace) -> int:
    async with opened() as store:
        await store.backup(arguments.file)
    print(f"the store is copied into {arguments.file}")
    return 0


async def _vacuum(_arguments: argparse.Namespace) -> int:
    async with opened() as store:
        before = (await store.info()).stats.size
        await store.vacuum()
        after = (await store.info()).stats.size
    print(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")
    return 0


async def _trace(arguments: argparse.Namespace) -> int:
    of = ":".join(arguments.of)
    async with opened() as store:
        steps = await store.trace(of)
    if arguments.json:
        print(json.dumps([asdict(step) for step in steps], indent=2))
    for step in [] if arguments.json else steps:
        print(f"{_moment(step.at):27}  {step.about}  {step.what}  {step.detail}".rstrip())
    if not steps and not arguments.json:
        print(f"the store knows nothing of {of}: delivered rows are forgotten after 25 hours")
    return 0 if steps else 1


def _age(held: Held) -> str:
    if not held.number or not held.since:
        return ""
    return f", the oldest since {_moment(held.since)} ({max(0.0, time.time() - held.since):.0f} s)"


def _moment(at: float | None) -> str:
    if at is None:
        return "at a time not known"
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
