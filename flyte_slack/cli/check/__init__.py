"""The command `check`: tries every setting for real, and changes nothing anywhere."""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict

from ... import logs
from ...settings.slack import Settings
from ...slack.offer import problems
from .flyte import FlyteProbes
from .local import local_probes
from .probes import Check, try_all
from .slack import SlackProbes

__all__ = ["Check", "FlyteProbes", "SlackProbes", "as_json", "as_text", "command", "local_probes", "run_all"]


async def command(arguments: argparse.Namespace) -> int:
    """Print what holds and what doesn't; return 0 where everything holds, else 1."""
    settings = Settings.load(problems)
    logs.configure("debug" if settings.log_level == "debug" else "error", settings.log_format)
    checks = await run_all(settings)
    print(as_json(checks) if arguments.json else as_text(checks), flush=True)
    return 0 if all(check.ok for check in checks) else 1


async def run_all(settings: Settings) -> list[Check]:
    """Try everything that these settings name."""
    logs.add_secrets(settings.secrets())
    async with AsyncExitStack() as stack:
        flyte = await stack.enter_async_context(FlyteProbes(settings))
        slack = await stack.enter_async_context(SlackProbes(settings))
        return await try_all([*flyte.probes(), *slack.probes(), *local_probes(settings)])


def as_json(checks: Sequence[Check]) -> str:
    """Return what holds, and each check, as JSON."""
    return json.dumps(
        {"ok": all(each.ok for each in checks), "checks": [asdict(each) for each in checks]}, indent=2
    )


def as_text(checks: Sequence[Check]) -> str:
    """Return a line for each check, the remedy under those that failed, and the sum."""
    encoding = sys.stdout.encoding or "ascii"
    good, bad = ("✓", "✗") if _can_say("✓✗", encoding) else ("ok ", "BAD")
    title = max(len(each.title) for each in checks)
    variable = max(len(each.variable) for each in checks)
    lines = []
    for each in checks:
        mark = good if each.ok else bad
        lines.append(f"{mark} {each.title:{title}}  {each.variable:{variable}}  {each.detail}")
        if each.remedy not in each.detail:  # what was not tried says it there
            lines.append(f"{'':{len(mark)}}   {each.remedy}")
    failed = sum(not each.ok for each in checks)
    lines.append(f"{failed} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks hold")
    return "\n".join(lines).encode(encoding, "replace").decode(encoding)


def _can_say(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
