"""The image: what is in it, and what it does where it may do nothing that it need not."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import image_checks as checks
import inside
import pytest
import stand_in
from build import DOCKERFILE, IGNORED, ROOT, image
from engine import HARDENED, Container, Failed, engine, environment, eventually

import flyte_slack

pytestmark = pytest.mark.timeout(900)  # the first test that asks for the image builds it

SLACK, FLYTE = "http://127.0.0.1:8765", "http://127.0.0.1:8766"

# Slack and Flyte without the pack; how many events the pack acknowledged is in a file.
PEERS = """
import asyncio, pathlib, sys
from flyte_slack.sandbox.server import Sandbox
async def main():
    async with Sandbox(port=int(sys.argv[1])) as sandbox:
        while True:
            pathlib.Path("/tmp/acknowledged").write_text(str(len(sandbox.socket_mode.acknowledged)))
            await asyncio.sleep(0.1)
asyncio.run(main())
"""
PEERS_OPTIONS = ("--entrypoint=python", "--no-healthcheck")


def test_dockerfile() -> None:
    """Dependencies are hashed, nothing but the virtual environment is copied, and the context is small."""
    assert checks.of_dockerfile(DOCKERFILE, IGNORED) == []


def test_lint() -> None:
    """Hadolint finds nothing."""
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or "hadolint"
    done = subprocess.run(
        [hadolint, "--no-color", str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)


def test_configuration() -> None:
    """User, command, health check, volume, port and labels are right, and no secret is in the history."""
    assert checks.of_configuration(engine().inspect(image())) == []


def test_size() -> None:
    """The image has less than 200 MB, and the pack's part of it less than 75."""
    whole, base = (engine().inspect(name)["Size"] for name in (image(), stand_in.NAME))
    print(f"{whole / 1e6:.1f} MB, of which the base image has {base / 1e6:.1f}")
    assert checks.of_size(whole, base) == []


def test_files() -> None:
    """No tools, caches, tests or sources of the repository; nothing that the pack runs can it write to."""
    assert inside.of_files(engine(), image()) == []


def test_modules() -> None:
    """Exactly what the lock names is installed, fits together and can be imported."""
    assert inside.of_modules(engine(), image()) == []


def test_version() -> None:
    """The command says the version of the package, which the label says too."""
    assert engine().once(image(), "--version") == f"flyte-slack {flyte_slack.__version__}\n"


def test_settings_that_are_missing() -> None:
    """Without settings it says what is missing and ends with 2."""
    with pytest.raises(Failed, match=r"ended with 2:(?s:.*)SLACK_BOT_TOKEN"):
        engine().once(image())


def test_at_work() -> None:
    """With a read-only root, no capability and no network it starts, is well, and SIGTERM ends it with 0."""
    assert inside.at_work(engine(), image()) == []


def test_health_check_follows_the_port() -> None:
    """The health check asks at FLYTE_SLACK_PORT, fails at another port, and fails when the pack hangs."""
    settings = {**inside.PEERLESS, "FLYTE_SLACK_PORT": "9191", "HTTP_PROXY": "http://127.0.0.1:9"}
    with engine().running(image(), options=[*HARDENED, *environment(settings)]) as pack:
        eventually(lambda: '"port": 9191' in pack.log, "the port is open")
        assert pack.healthy()
        check = (
            "exec",
            "--env=FLYTE_SLACK_PORT=9192",
            pack.identity,
            "python",
            "-m",
            "flyte_slack.cli.healthcheck",
        )
        with pytest.raises(Failed, match="ended with 1"):
            engine().podman(*check)
        pack.kill("STOP")
        assert not pack.healthy()
        pack.kill("CONT")
        assert pack.healthy()


def test_user_without_a_name(tmp_path: Path) -> None:
    """A cluster may choose another number for the user, with a volume that its group can write to."""
    os.chown(tmp_path, 0, 20002)
    tmp_path.chmod(0o770)
    options = ["--user=20001:20002", f"--volume={tmp_path}:/data", *environment(inside.PEERLESS)]
    with engine().running(image(), options=[*HARDENED, *options]) as pack:
        eventually(lambda: "the pack starts" in pack.log, "the start")
        assert pack.healthy()


def said(peers: Container, channel: str = "general") -> list[tuple[str, str]]:
    """Return who said what in a channel, oldest first."""
    answer = peers.call("GET", f"{SLACK}/api/messages?channel={channel}")
    return [(message["user"], message["text"]) for message in answer["messages"]]


def say(peers: Container, text: str) -> None:
    """Write in the channel as alice."""
    body = {"channel": "general", "user": "alice", "text": text}
    assert re.fullmatch(r"\d+\.\d{6}", peers.call("POST", f"{SLACK}/api/messages", body)["ts"])


def test_sandbox() -> None:
    """`sandbox`, which the image holds too, answers `echo hello`, and ends with 0 on SIGTERM."""
    arguments = ("sandbox", "--host", "0.0.0.0")
    with engine().running(image(), *arguments, options=[*HARDENED, "--no-healthcheck"]) as sandbox:
        eventually(lambda: f"{SLACK}/" in sandbox.log, "the address is printed")
        say(sandbox, "echo hello")
        eventually(lambda: [text for _, text in said(sandbox)] == ["echo hello", "hello"], "the echo")
        assert "00000000:223D" in inside.listening(sandbox)
        sandbox.kill("TERM")
        assert sandbox.wait(10) == 0


def pack_options(peers: Container, flyte: str, *options: str) -> list[str]:
    """Return the options of a pack in the peers' network."""
    settings = {
        "FLYTE_API": f"{flyte}/flyte",
        "SLACK_API_URL": f"{SLACK}/slack/api/",
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "FLYTE_SLACK_CATCH_UP": "0",  # what arrives was stored
    }
    rest = [option for option in HARDENED if not option.startswith("--network")]
    return [*rest, peers.network, *environment(settings), *options]


def test_between_slack_and_flyte() -> None:
    """A message goes through Slack, the pack in its container, a flow and the pack again to Slack."""
    peers_options = [*HARDENED, *PEERS_OPTIONS]
    with (
        engine().running(image(), "-c", PEERS, "8765", options=peers_options) as peers,
        engine().running(image(), options=pack_options(peers, SLACK)) as pack,
    ):
        eventually(lambda: "the pack starts" in pack.log, "the start")
        eventually(functools.partial(_ready, pack), "the pack is ready")
        say(peers, "echo hello")
        eventually(lambda: [text for _, text in said(peers)] == ["echo hello", "hello"], "the echo")
        packs = peers.call("GET", f"{SLACK}/flyte/v1/packs")["packs"]
        assert [one["name"] for one in packs] == ["Slack"]
        assert "xoxb-sandbox" not in pack.log
        assert "xapp-sandbox" not in pack.log
        pack.kill("TERM")
        assert pack.wait(10) == 0


def _ready(pack: Container) -> bool:
    try:
        return bool(pack.call("GET", "http://127.0.0.1:8090/health/ready")["ready"])
    except Failed:
        return False


def test_killed_while_flyte_is_away() -> None:
    """What was acknowledged before a kill -9 is on the volume: another container delivers it in order."""
    texts = ["one", "two", "three"]
    peers_options = [*HARDENED, *PEERS_OPTIONS]
    with (
        engine().volume() as volume,
        engine().running(image(), "-c", PEERS, "8765", options=peers_options) as slack,
    ):
        options = pack_options(slack, FLYTE, f"--volume={volume}:/data")
        with engine().running(image(), options=options) as pack:
            eventually(lambda: "waiting for Flyte" in pack.log, "the pack waits for Flyte")
            for text in texts:
                say(slack, f"echo {text}")
            acknowledged = 'print(open("/tmp/acknowledged").read())'
            eventually(lambda: slack.python(acknowledged).strip() == "3", "all are acknowledged")
            pack.kill("KILL")
            assert pack.wait() == 137
        assert [text for _, text in said(slack)] == [f"echo {text}" for text in texts]
        rest = [option for option in peers_options if not option.startswith("--network")]
        with (
            engine().running(image(), "-c", PEERS, "8766", options=[*rest, slack.network]),
            engine().running(image(), options=options) as pack,
        ):
            whole = [*(("alice", f"echo {text}") for text in texts), *(("flyte", text) for text in texts)]
            eventually(lambda: said(slack) == whole, "the answers")


def test_no_token_of_a_run_is_kept() -> None:
    """A run leaves no token in the image, its history or another container of it."""
    with engine().running(image(), options=[*HARDENED, *environment(inside.PEERLESS)]):
        pass
    kept = json.dumps(engine().inspect(image())) + engine().podman("history", "--no-trunc", image())
    for token in (inside.PEERLESS["SLACK_BOT_TOKEN"], inside.PEERLESS["SLACK_APP_TOKEN"]):
        assert token not in kept
