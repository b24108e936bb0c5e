"""The command line: settings that cannot be used, stores that cannot be opened, help (section 7)."""

import asyncio
import os
import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

from harness import PROJECT, each, free_port, world

import flyte_slack

GOOD = {
    "FLYTE_API": "http://127.0.0.1:9/flyte",
    "SLACK_BOT_TOKEN": "xoxb-secret-bot",
    "SLACK_APP_TOKEN": "xapp-secret-app",
    "SLACK_API_URL": "http://127.0.0.1:9/slack/api/",
    "FLYTE_SLACK_HOST": "127.0.0.1",
    "FLYTE_SLACK_STORE": "sqlite:///store.db",
}


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "flyte_slack", *arguments],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(PROJECT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_nothing_set(tmp_path: Path) -> None:
    """Without any setting, each one that is required is named on stderr, and the status is 2."""
    ended = run(tmp_path, "run")
    assert (ended.returncode, ended.stdout) == (2, "")
    for variable in ("FLYTE_API", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"):
        assert variable in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_problem_at_once(tmp_path: Path) -> None:
    """Every bad setting is named with what would be right, in one go, without the value of a secret."""
    bad = {
        "FLYTE_API": "flyte.example.com",
        "FLYTE_JWT": "the-jwt-value",
        "FLYTE_JWT_FILE": "/no/such/file",
        "FLYTE_LABELS": "env",
        "FLYTE_API_TIMEOUT": "soon",
        "FLYTE_API_INSECURE": "perhaps",
        "PACK_NAME": "a/b",
        "SLACK_BOT_TOKEN": "xoxp-the-wrong-kind",
        "SLACK_APP_TOKEN": "xoxb-the-other-kind",
        "FLYTE_SLACK_MODE": "pigeon",
        "SLACK_API_URL": "slack",
        "FLYTE_SLACK_STORE": "mysql://root:the-db-password@db/x",
        "FLYTE_SLACK_POLL_INTERVAL": "0",
        "FLYTE_SLACK_PORT": "99999",
        "FLYTE_SLACK_CONNECTIONS": "11",
        "FLYTE_SLACK_CATCH_UP": "-1",
        "FLYTE_SLACK_SHUTDOWN_GRACE": "-1",
        "LOGLEVEL": "loud",
        "LOG_FORMAT": "xml",
    }
    ended = run(tmp_path, "run", **bad)
    assert (ended.returncode, ended.stdout) == (2, "")
    named = [line.strip().partition(":")[0] for line in ended.stderr.splitlines()[1:]]
    assert set(bad) <= set(named), set(bad) - set(named)
    for secret in ("the-jwt-value", "xoxp-the-wrong-kind", "xoxb-the-other-kind", "the-db-password"):
        assert secret not in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_one_bad_setting(tmp_path: Path) -> None:
    """A single problem is one line that begins with its variable."""
    await each(
        one_bad_setting,
        tmp_path,
        ("SLACK_APP_TOKEN", {"SLACK_APP_TOKEN": ""}),
        ("SLACK_SIGNING_SECRET", {"FLYTE_SLACK_MODE": "http"}),
        ("SLACK_APP_TOKEN", {"FLYTE_SLACK_MODE": "socket", "SLACK_APP_TOKEN": ""}),
        ("FLYTE_SLACK_STORE", {"FLYTE_SLACK_STORE": "sqlite://"}),
        ("FLYTE_SLACK_CONNECTIONS", {"FLYTE_SLACK_CONNECTIONS": "0"}),
        ("FLYTE_API_TIMEOUT", {"FLYTE_API_TIMEOUT": "nan"}),
    )


async def one_bad_setting(folder: Path, variant: tuple[str, dict[str, str]]) -> None:
    """Start with one bad setting."""
    named, changes = variant
    ended = await asyncio.to_thread(run, folder, "run", **{**GOOD, **changes})
    assert ended.returncode == 2
    problems = ended.stderr.splitlines()[1:]
    assert [line.strip().partition(":")[0] for line in problems] == [named]


def test_damaged_store(tmp_path: Path) -> None:
    """A store that is no database is refused with a sentence, and left as it is."""
    store = tmp_path / "store.db"
    store.write_bytes(b"this is not a database, " * 500)
    ended = run(tmp_path, "run", **GOOD, FLYTE_SLACK_PORT=str(free_port()))
    assert_refused(ended, "store.db", "FLYTE_SLACK_STORE")
    assert store.read_bytes() == b"this is not a database, " * 500


async def test_broken_pages(tmp_path: Path) -> None:
    """A store with broken pages is refused with a sentence."""
    async with world(tmp_path) as w:
        await w.pack.start()
        w.say("general", "hello")
        await w.delivered(1)
        assert await w.pack.stop() == 0
        content = bytearray(w.pack.store.read_bytes())
        content[100:] = b"\xff" * (len(content) - 100)
        w.pack.store.write_bytes(content)
        w.pack.launch()
        assert await w.pack.exit_status() == 1
        assert "store.db" in w.pack.stderr.splitlines()[-1]


async def test_newer_store(tmp_path: Path) -> None:
    """A store that a newer version wrote is refused with a sentence, and left as it is."""
    async with world(tmp_path) as w:
        await w.pack.start()
        assert await w.pack.stop() == 0
        with sqlite3.connect(w.pack.store) as connection:
            connection.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
        connection.close()
        w.pack.launch()
        assert await w.pack.exit_status() == 1
        assert re.search(r"version 999.*newer", w.pack.stderr.splitlines()[-1])
        assert w.stored("SELECT value FROM meta WHERE key = 'schema_version'") == [("999",)]


def test_store_without_a_folder(tmp_path: Path) -> None:
    """A store in a folder that does not exist is refused with a sentence."""
    ended = run(tmp_path, "run", **{**GOOD, "FLYTE_SLACK_STORE": "sqlite:///no/such/store.db"})
    assert_refused(ended, "no/such", "FLYTE_SLACK_STORE")


def test_port_in_use(tmp_path: Path) -> None:
    """A port that is in use is refused with a sentence that names it and its variable."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        ended = run(tmp_path, "run", **GOOD, FLYTE_SLACK_PORT=port)
    assert_refused(ended, port, "FLYTE_SLACK_PORT")


def assert_refused(ended: subprocess.CompletedProcess[str], *named: str) -> None:
    """Hold an end against: status 1, and one sentence that says what is wrong and what to do."""
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    sentence = ended.stderr.splitlines()[-1]
    assert sentence.startswith("flyte-slack: ")
    for name in named:
        assert name in sentence


def test_alias_of_the_bot_token(tmp_path: Path) -> None:
    """FLYTE_SLACK_TOKEN stands for SLACK_BOT_TOKEN, and a problem with it names it."""
    settings = {name: value for name, value in GOOD.items() if name != "SLACK_BOT_TOKEN"}
    ended = run(tmp_path, "run", **settings, FLYTE_SLACK_TOKEN="xoxp-wrong", FLYTE_SLACK_PORT="x")
    named = [line.strip().partition(":")[0] for line in ended.stderr.splitlines()[1:]]
    assert sorted(named) == ["FLYTE_SLACK_PORT", "FLYTE_SLACK_TOKEN"]


def test_help(tmp_path: Path) -> None:
    """`--help` names the commands, each command has help of its own, and none needs a setting."""
    ended = run(tmp_path, "--help")
    assert ended.returncode == 0
    for command in ("run", "sandbox"):
        assert re.search(rf"^\s+{command}\s", ended.stdout, re.MULTILINE)
        own = run(tmp_path, command, "--help")
        assert own.returncode == 0
        assert own.stdout.startswith(f"usage: flyte-slack {command}")
    assert "--port" in own.stdout
    assert "--flows" in own.stdout


def test_version(tmp_path: Path) -> None:
    """`--version` tells the version."""
    ended = run(tmp_path, "--version")
    assert (ended.returncode, ended.stdout.strip()) == (0, f"flyte-slack {flyte_slack.__version__}")


async def test_usage(tmp_path: Path) -> None:
    """A command that isn't there is answered with the usage, status 2."""
    await each(misused, tmp_path, ("walk",), ("run", "--fast"), ("dead",))


def test_no_command(tmp_path: Path) -> None:
    """Without a command the help is printed."""
    ended = run(tmp_path)
    assert ended.returncode == 0
    assert "usage: flyte-slack" in ended.stdout


def test_misspelt(tmp_path: Path) -> None:
    """The nearest command or option is named."""
    assert "did you mean sandbox?" in run(tmp_path, "snadbox").stderr
    assert "did you mean --json?" in run(tmp_path, "check", "--jsno").stderr


async def misused(folder: Path, arguments: tuple[str, ...]) -> None:
    """Give a command line that is none."""
    ended = await asyncio.to_thread(run, folder, *arguments, **GOOD)
    assert ended.returncode == 2
    assert "--help'" in ended.stderr


async def test_log_formats(tmp_path: Path) -> None:
    """LOG_FORMAT is console, for people, or json, one object a line; secrets are taken out at any level."""
    await each(logs_in, tmp_path, "console", "json")


async def logs_in(tmp_path: Path, style: str) -> None:
    """Run the pack with a log format, at debug level."""
    async with world(tmp_path, LOG_FORMAT=style, LOGLEVEL="debug") as w:
        await w.pack.start()
        w.say("general", "hello")
        await w.delivered(1)
        assert await w.pack.stop() == 0
        assert "registered with Flyte" in w.pack.stderr
        if style == "json":
            assert len(w.pack.log) == len(w.pack.stderr.splitlines())
            assert all({"event", "level", "timestamp"} <= line.keys() for line in w.pack.log)
        else:
            assert w.pack.log == []


async def test_garbage_for_a_proxy(tmp_path: Path) -> None:
    """A proxy that cannot be used is told by its name, with what would be right; the status is 2."""
    await each(
        unusable_proxy,
        tmp_path,
        ("run", "HTTP_PROXY", "socks5://user:hunter2@127.0.0.1:1080"),
        ("run", "HTTP_PROXY", "http://[hunter2"),
        ("check", "ALL_PROXY", "http://user:hunter2@127.0.0.1:port"),
        ("check", "HTTP_PROXY", "::::"),
    )


async def unusable_proxy(folder: Path, variant: tuple[str, str, str]) -> None:
    """Start with a proxy that is none."""
    command, name, value = variant
    ended = await asyncio.to_thread(run, folder, command, **GOOD, **{name: value})
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr
    (problem,) = [line.strip() for line in ended.stderr.splitlines() if line.startswith("  ")]
    assert problem.startswith(f"{name}: ")
    assert "http://HOST:PORT" in problem
