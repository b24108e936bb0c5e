"""`flyte-slack check` and `flyte-slack manifest` as a user starts them (section 7)."""

import asyncio
import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import yaml
from harness import POST, REGISTER, World, each, free_port, world
from test_command_line import GOOD, run

from flyte_slack.sandbox.flyte_api import FlyteApi

NAMES = [
    "flyte_reachable",
    "flyte_links",
    "flyte_token",
    "flyte_pack",
    "slack_reachable",
    "slack_bot_token",
    "slack_scopes",
    "slack_app_token",
    "clock",
    "port",
    "store",
]
SECRETS = ("xoxb-sandbox", "xapp-sandbox", "xoxb-wrong", "xapp-wrong", "the-jwt", "ticket")


async def check(w: World, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the pack's settings, and hold it against what no output may show."""
    settings = {**w.pack.environment, **changes}
    ended = await asyncio.to_thread(run, w.pack.folder, "check", *arguments, **settings)
    for secret in SECRETS:
        assert secret not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended


def document(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the checks by name, of an output that is JSON and nothing else."""
    parsed = json.loads(ended.stdout)
    assert set(parsed) == {"ok", "checks"}
    for one in parsed["checks"]:
        assert list(one) == ["name", "ok", "variable", "detail", "remedy"]
        assert bool(one["remedy"]) is not one["ok"]
    assert parsed["ok"] is all(one["ok"] for one in parsed["checks"])
    assert ended.returncode == (0 if parsed["ok"] else 1)
    return {one["name"]: one for one in parsed["checks"]}


async def test_all_holds(tmp_path: Path) -> None:
    """With every setting right each line has a ✓, the status is 0, and nothing has changed anywhere."""
    async with world(tmp_path) as w:
        ended = await check(w)
        assert (ended.returncode, ended.stderr) == (0, "")
        *lines, last = ended.stdout.splitlines()
        assert [line[0] for line in lines] == ["✓"] * len(NAMES)
        assert last == f"all {len(NAMES)} checks hold"
        assert list(document(await check(w, "--json"))) == NAMES
        assert_nothing_changed(w)


def assert_nothing_changed(w: World) -> None:
    """No pack, no message, no connection, no event and no file came of it."""
    assert w.flyte.api.packs == {}
    assert w.flyte.api.events == []
    assert w.posts() == []
    assert w.faults.count("POST", POST) == 0
    assert w.faults.count("POST", REGISTER) == 2  # each refused
    assert w.socket_mode.connections == 0
    assert list(w.pack.folder.iterdir()) == []


async def test_beside_a_running_pack(tmp_path: Path) -> None:
    """Beside a running pack everything holds, is told as the pack's, and the pack goes on undisturbed."""
    async with world(tmp_path) as w:
        await w.pack.start()
        w.say("general", "before")
        await w.delivered(1)
        files = {path.name for path in tmp_path.iterdir()}
        connections, rows = w.socket_mode.connections, w.stored("SELECT * FROM meta WHERE key != 'heard'")
        checks = document(await check(w, "--json"))
        assert all(one["ok"] for one in checks.values())
        assert "Slack is registered, live" in checks["flyte_pack"]["detail"]
        assert "in use by a running flyte-slack" in checks["port"]["detail"]
        assert "in use by a running pack" in checks["store"]["detail"]
        assert {path.name for path in tmp_path.iterdir()} == files
        assert w.socket_mode.connections == connections
        assert {key for key, _ in w.stored("SELECT * FROM meta")} >= {row[0] for row in rows}
        assert w.stored("SELECT * FROM meta WHERE key = 'probe'") == []
        w.say("general", "after")
        await w.delivered(2)
        assert await w.pack.stop() == 0


async def test_a_broken_setting(tmp_path: Path) -> None:
    """One setting that is wrong fails its own check, names its variable, says what to do; the status is 1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        await each(
            broken,
            tmp_path,
            ("flyte_reachable", "FLYTE_API", {"FLYTE_API": f"http://127.0.0.1:{free_port()}"}),
            ("flyte_links", "FLYTE_API", {"FLYTE_API": "{flyte}/nowhere"}),
            ("slack_reachable", "SLACK_API_URL", {"SLACK_API_URL": f"http://127.0.0.1:{free_port()}/"}),
            ("slack_bot_token", "SLACK_BOT_TOKEN", {"SLACK_BOT_TOKEN": "xoxb-wrong"}),
            ("slack_app_token", "SLACK_APP_TOKEN", {"SLACK_APP_TOKEN": "xapp-wrong"}),
            ("slack_channels", "FLYTE_SLACK_CHANNELS", {"FLYTE_SLACK_CHANNELS": "#general,#nowhere"}),
            ("port", "FLYTE_SLACK_PORT", {"FLYTE_SLACK_PORT": str(server.getsockname()[1])}),
            ("store", "FLYTE_SLACK_STORE", {"FLYTE_SLACK_STORE": "sqlite:///no/such/store.db"}),
        )


async def broken(folder: Path, variant: tuple[str, str, dict[str, str]]) -> None:
    """Check one broken setting."""
    name, variable, changes = variant
    async with world(folder) as w:
        changes = {key: value.format(flyte=w.flyte.url) for key, value in changes.items()}
        checks = document(await check(w, "--json", **changes))
        failed = {key: one for key, one in checks.items() if not one["ok"]}
        assert next(iter(failed)) == name
        assert failed[name]["variable"] == variable
        others = [one["detail"] for key, one in failed.items() if key != name]
        assert all(detail.startswith("not tried: ") for detail in others)


async def test_token_of_flyte(tmp_path: Path) -> None:
    """An API that wants a token lets the right one in, and no other; nothing is registered."""
    async with world(tmp_path, flyte=FlyteApi(token="the-jwt-value")) as w:
        assert document(await check(w, "--json", FLYTE_JWT="the-jwt-value"))["flyte_token"]["ok"]
        for changes in ({}, {"FLYTE_JWT": "the-jwt-wrong"}):
            refused = document(await check(w, "--json", **changes))["flyte_token"]
            assert (refused["ok"], refused["variable"]) == (False, "FLYTE_JWT")
        assert w.flyte.api.packs == {}


async def test_several_at_once(tmp_path: Path) -> None:
    """One failure hides no other; in lines as in JSON each is told with its variable and what to do."""
    wrong = {"SLACK_BOT_TOKEN": "xoxb-wrong", "FLYTE_SLACK_STORE": "sqlite:///no/such/store.db"}
    async with world(tmp_path, flyte_is_there=False) as w:
        checks = document(await check(w, "--json", **wrong))
        for name in ("flyte_reachable", "slack_bot_token", "store"):
            assert not checks[name]["ok"]
        assert checks["slack_app_token"]["ok"]
        ended = await check(w, **wrong)
        assert ended.returncode == 1
        *lines, last = ended.stdout.splitlines()
        for one in checks.values():
            mark = "✓" if one["ok"] else "✗"
            (line,) = [
                line for line in lines if line.startswith(mark) and shown(one) in " ".join(line.split())
            ]
            if not one["detail"].startswith("not tried"):
                assert one["ok"] or lines[lines.index(line) + 1] == f"    {one['remedy']}"
        assert last == f"{sum(not one['ok'] for one in checks.values())} of {len(NAMES)} checks failed"


def shown(one: dict[str, Any]) -> str:
    """Return what a line shows of a check, but for its mark and its alignment."""
    return f"{one['name'].replace('_', ' ').capitalize()} {one['variable']} {one['detail']}"


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    """Settings that cannot be read are listed on stderr, the status is 2, and stdout stays empty."""
    for arguments in (("check",), ("check", "--json")):
        ended = run(tmp_path, *arguments, **{**GOOD, "FLYTE_API": "nowhere", "FLYTE_SLACK_PORT": "x"})
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "FLYTE_API: " in ended.stderr
        assert "FLYTE_SLACK_PORT: " in ended.stderr


def test_without_unicode(tmp_path: Path) -> None:
    """Where the terminal knows ASCII only, words stand for the marks."""
    ended = run(tmp_path, "check", **GOOD, PYTHONIOENCODING="ascii")
    assert ended.returncode == 1
    assert ended.stdout.startswith("BAD Flyte reachable")
    assert "Traceback" not in ended.stderr


def test_manifest(tmp_path: Path) -> None:
    """The manifest needs no setting, and its URL makes it one for HTTP; what is no URL is refused."""
    ended = run(tmp_path, "manifest")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert yaml.safe_load(ended.stdout)["settings"]["socket_mode_enabled"] is True
    url = "https://pack.example.com/slack/events"
    settings = yaml.safe_load(run(tmp_path, "manifest", "--url", url).stdout)["settings"]
    assert settings["event_subscriptions"]["request_url"] == url
    refused = run(tmp_path, "manifest", "--url", "pack.example.com")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "pack.example.com" in refused.stderr
