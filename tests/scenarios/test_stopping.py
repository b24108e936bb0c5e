"""A clean stop: what is in flight is finished, the rest stays on disk, the exit status is 0 (promise 10)."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from faults import holding
from harness import EVENTS, POST, PROJECT, RESULT, TAKE, Pack, each, eventually, free_port, world

SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def stopping(pack: Pack) -> None:
    """Wait until the pack says that it stops."""
    await eventually(lambda: pack.logged("stopping"), "the pack says that it stops")


async def test_work_in_hand_is_finished(tmp_path: Path) -> None:
    """An action in a slow post is finished and answered; no new action is taken; the exit status is 0."""
    await each(stopped_in_a_post, tmp_path, *SIGNALS)


async def stopped_in_a_post(tmp_path: Path, number: signal.Signals) -> None:
    """Stop the pack while a post is slow."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        slow = w.faults.hang("POST", POST)
        action = w.flyte.command(channelId=channel.id, message="in hand")
        await eventually(lambda: slow.hits, "the post hangs")
        w.pack.send(number)
        await stopping(w.pack)
        late = w.flyte.command(channelId=channel.id, message="late")
        slow.remove()
        assert await w.pack.exit_status() == 0
        (result,) = await w.done(action)
        assert result.name == "MessageSent"
        assert late.state == "NEW"
        await w.pack.start()
        await w.done(late)
        assert [post["text"] for post in w.posts(channel)] == ["in hand", "late"]


async def test_an_action_on_its_way_is_kept(tmp_path: Path) -> None:
    """A take that is in flight at SIGTERM is waited for, and its action is not lost."""
    async with world(tmp_path) as w:
        await w.pack.start()
        slow = w.faults.hang("POST", TAKE, when="after")
        action = w.flyte.command(channelId=w.channel("general").id, message="hello")
        await eventually(lambda: slow.hits and action.state == "PENDING", "the take hangs")
        w.pack.send()
        await stopping(w.pack)
        slow.remove()
        assert await w.pack.exit_status() == 0
        if not action.completed:
            await w.pack.start()
        await w.done(action)
        assert len(w.posts()) == 1


async def test_messages_and_results_in_hand_are_delivered(tmp_path: Path) -> None:
    """What waits for Flyte at SIGTERM is delivered within the grace period when Flyte takes it."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        slow = [w.faults.hang("POST", path) for path in (EVENTS, RESULT)]
        w.say(channel, "hello")
        action = w.flyte.command(channelId=channel.id, message="hello")
        await eventually(lambda: all(rule.hits for rule in slow))
        w.pack.send()
        await stopping(w.pack)
        for rule in slow:
            rule.remove()
        assert await w.pack.exit_status() == 0
        assert w.flyte.texts(channel) == ["hello"]
        await w.done(action)


async def test_what_only_waits_is_not_waited_for(tmp_path: Path) -> None:
    """What waits for Retry-After, its pace or its channel's name is left at once; the next start does it."""
    async with world(tmp_path, FLYTE_SLACK_SHUTDOWN_GRACE="600") as w:
        await w.pack.start()
        limited, paced, named = (w.channel(name) for name in ("limited", "paced", "named"))
        refused = w.faults.rate_limit(r"chat\.postMessage", 600, where=holding(limited.id))
        listing = w.faults.hang("*", r"/conversations\.list$", cut=True)
        texts = [str(n) for n in range(10)]
        actions = {
            channel.name: [w.flyte.command(channelId=to, message=text) for text in texts[:number]]
            for channel, to, number in ((limited, limited.id, 3), (paced, paced.id, 10), (named, "#named", 3))
        }
        await w.taken(*(action for each in actions.values() for action in each))
        await eventually(lambda: refused.hits and listing.hits, "Slack is asked")
        assert await w.pack.stop() == 0  # long before the end of the grace
        assert not any(action.completed for action in (*actions["limited"], *actions["named"]))
        assert not all(action.completed for action in actions["paced"])
        refused.remove()
        listing.remove()
        await w.pack.start()
        await w.done(*(action for each in actions.values() for action in each), timeout=60)
        for channel in (limited, paced, named):
            assert [post["text"] for post in w.posts(channel)] == texts[: len(actions[channel.name])]


async def test_with_flyte_away(tmp_path: Path) -> None:
    """With Flyte away the pack stops with status 0, and the next start delivers what waited."""
    await each(stopped_without_flyte, tmp_path, *SIGNALS)


async def stopped_without_flyte(tmp_path: Path, number: signal.Signals) -> None:
    """Stop the pack while Flyte is away."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channel = w.channel("general")
        slow = w.faults.hang("POST", POST)
        action = w.flyte.command(channelId=channel.id, message="hello")
        await eventually(lambda: slow.hits)
        await w.flyte.stop()
        slow.remove()
        for text in ("1", "2"):
            before = len(w.socket_mode.acknowledged)
            w.say(channel, text)
            await w.acknowledged(before + 1)
        await eventually(lambda: len(w.posts(channel)) == 1)
        assert await w.pack.stop(number) == 0
        await w.flyte.start()
        await w.pack.start()
        await w.done(action)
        await w.marked(channel)
        assert w.flyte.texts(channel)[:-1] == ["1", "2"]
        assert len(w.posts(channel)) == 1


async def test_before_flyte_ever_came(tmp_path: Path) -> None:
    """A pack that still waits for Flyte stops with status 0, and nothing is lost."""
    async with world(tmp_path, flyte_is_there=False) as w:
        w.pack.launch()
        await w.pack.listening()
        w.say("general", "hello")
        await w.acknowledged(1)
        assert await w.pack.stop() == 0
        await w.flyte.start()
        await w.pack.start()
        await w.delivered(1)


async def test_end_of_the_grace_period(tmp_path: Path) -> None:
    """What is not finished within the grace period stays on disk; the exit status is 0 all the same."""
    async with world(tmp_path, FLYTE_SLACK_SHUTDOWN_GRACE="0.5") as w:
        await w.pack.start()
        channel = w.channel("general")
        hanging = w.faults.hang("POST", POST)
        first = w.flyte.command(channelId=channel.id, message="first")
        await eventually(lambda: hanging.hits)
        second = w.flyte.command(channelId=channel.id, message="second")
        await w.taken(second)
        assert await w.pack.stop() == 0
        hanging.remove()
        await w.pack.start()
        await w.done(first, second, timeout=60)
        assert [post["text"] for post in w.posts(channel)].count("second") == 1
        assert [post["text"] for post in w.posts(channel)].count("first") <= 1


async def test_idle_stop(tmp_path: Path) -> None:
    """A pack with nothing to do stops at the first signal, and its port is free again."""
    async with world(tmp_path) as w:
        await w.pack.start()
        assert await w.pack.stop() == 0
        assert await w.pack.status("/health/live") == 0
        await eventually(lambda: w.socket_mode.connections == 0, "the connections are closed")
        await w.pack.start()
        assert await w.pack.stop(signal.SIGINT) == 0


async def test_messages_while_stopping_are_not_lost(tmp_path: Path) -> None:
    """Messages that come while the pack stops are delivered, by this run or the next, once."""
    async with world(tmp_path) as w:
        await w.pack.start()
        channels = [w.channel(f"stop-{number}") for number in range(5)]
        w.faults.call("POST", EVENTS, w.pack.send, skip=10)
        for number in range(200):
            w.say(channels[number % 5], str(number))
        assert await w.pack.exit_status() == 0
        await w.pack.start()
        await w.delivered(200)
        await w.marked(*channels)
        assert sorted(int(text) for text in w.flyte.texts() if text.isdigit()) == list(range(200))


def test_check_that_is_stopped_has_not_succeeded(tmp_path: Path) -> None:
    """`check` against servers that say nothing ends at SIGTERM, with the status of what a signal ended."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        silent.settimeout(30)
        with launched(tmp_path, "check", FLYTE_API=url, SLACK_API_URL=f"{url}/slack/api/") as process:
            connection, _ = silent.accept()
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=30)
            connection.close()
    assert process.returncode == 128 + signal.SIGTERM
    assert output == ""
    assert "Traceback" not in errors


async def test_at_any_moment_of_the_start(tmp_path: Path) -> None:
    """`run` ends with status 0 at a SIGTERM that comes while it is still being imported."""
    await each(stopped_after, tmp_path, "argparse", "pydantic", "flyte_slack.settings", "flyte_slack.service")


async def stopped_after(folder: Path, module: str) -> None:
    """Stop the pack once a module is imported; the first one is so right after the signal is heeded."""
    await asyncio.to_thread(_stopped_after, folder, module)


def _stopped_after(folder: Path, module: str) -> None:
    with launched(folder, "run", "-X", "importtime") as process:
        assert process.stderr is not None
        lines: list[str] = []
        while not lines or lines[-1].rpartition("|")[2].strip() != module:
            line = process.stderr.readline()
            assert line, "\n".join(lines[-20:])
            lines.append(line)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


@contextlib.contextmanager
def launched(
    folder: Path, command: str, *options: str, **environment: str
) -> Iterator["subprocess.Popen[str]"]:
    """Start a command whose servers are not there, unless told otherwise."""
    settings = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(PROJECT),
        "FLYTE_API": "http://127.0.0.1:9/flyte",
        "SLACK_API_URL": "http://127.0.0.1:9/slack/api/",
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "FLYTE_SLACK_HOST": "127.0.0.1",
        "FLYTE_SLACK_PORT": str(free_port()),
        "FLYTE_SLACK_STORE": "sqlite:///store.db",
    }
    process = subprocess.Popen(
        [sys.executable, *options, "-m", "flyte_slack", command],
        env=settings | environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
