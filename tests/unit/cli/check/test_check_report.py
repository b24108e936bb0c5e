"""What all checks share: side by side, each on its own, told in lines or as JSON, without secrets."""

import asyncio
import io
import json
import sys

import pytest
from check_parts import assert_fails, checks_of

from flyte_slack import logs
from flyte_slack.cli import check as command
from flyte_slack.cli.check import probes
from flyte_slack.cli.check.probes import Check, Failed, Probe, try_all

CHECKS = [
    Check("flyte_reachable", True, "FLYTE_API", "it answers"),
    Check("port", False, "FLYTE_SLACK_PORT", "8090 is in use", "set it to another"),
    Check("clock", False, "SLACK_API_URL", "not tried: see to 'Port' first", "see to 'Port' first"),
]


async def holds() -> str:
    return "it holds"


async def test_unexpected_error() -> None:
    """An error that nobody expected is the failure of its own check only, with its class."""

    async def breaks() -> str:
        raise ZeroDivisionError("by zero")

    checks = await checks_of([Probe("a", "A", "", breaks), Probe("b", "B", "", holds)])
    assert_fails(checks["a"], "A", "ZeroDivisionError: by zero")
    assert checks["b"].ok


async def test_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not come in time is told, and holds up nothing else."""

    async def hangs() -> str:
        await asyncio.sleep(30)
        return ""

    monkeypatch.setattr(probes, "TIMEOUT", 0.1)
    checks = await checks_of([Probe("a", "A", "the moon", hangs), Probe("b", "B", "", holds)])
    assert_fails(checks["a"], "A", "gave up after 0.1 s, waiting for the moon")
    assert checks["b"].ok


async def test_side_by_side() -> None:
    """Checks wait for each other in no order: each can go on while the others do."""
    barrier = asyncio.Barrier(3)

    async def meets() -> str:
        await barrier.wait()
        return ""

    assert all(check.ok for check in await try_all([Probe(name, "", "", meets) for name in "abc"]))


async def test_secrets_are_taken_out() -> None:
    """A secret is told neither in a detail nor in a remedy; a detail is one line."""
    logs.add_secrets(["a-secret-value"])

    async def tells() -> str:
        raise Failed("found\n  a-secret-value", "replace a-secret-value, and xoxb-1-2-3")

    check = (await checks_of([Probe("a", "A", "", tells)]))["a"]
    assert check.detail == "found [redacted]"
    assert check.remedy == "replace [redacted], and [redacted]"


def testas_text() -> None:
    """A line each, aligned; under what failed what to do, unless the line says it; the sum in the end."""
    assert command.as_text(CHECKS).splitlines() == [
        "✓ Flyte reachable  FLYTE_API         it answers",
        "✗ Port             FLYTE_SLACK_PORT  8090 is in use",
        "    set it to another",
        "✗ Clock            SLACK_API_URL     not tried: see to 'Port' first",
        "2 of 3 checks failed",
    ]
    assert command.as_text(CHECKS[:1]).splitlines()[-1] == "all 1 checks hold"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_terminals_without_unicode(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """A terminal that cannot show ✓ gets words, and no line breaks it."""
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, encoding=encoding))
    print(
        command.as_text([*CHECKS, Check("store", True, "FLYTE_SLACK_STORE", "日本語.db can be written")]),
        flush=True,
    )
    lines = output.getvalue().decode(encoding).splitlines()
    assert lines[0].startswith("ok  Flyte reachable  FLYTE_API")
    assert lines[1].startswith("BAD Port ")
    assert lines[4].endswith(" ???.db can be written")


def testas_json() -> None:
    """JSON has every check with all its fields, and whether all hold."""
    document = json.loads(command.as_json(CHECKS))
    assert list(document) == ["ok", "checks"]
    assert document["ok"] is False
    assert document["checks"][1] == {
        "name": "port",
        "ok": False,
        "variable": "FLYTE_SLACK_PORT",
        "detail": "8090 is in use",
        "remedy": "set it to another",
    }
    assert json.loads(command.as_json(CHECKS[:1]))["ok"] is True
