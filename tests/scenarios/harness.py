"""What the scenarios are made of: the pack as a process, and the peers it works between.

The pack runs as a user starts it. Slack and Flyte are the sandbox's servers, on real sockets, in the
test's own process; Flyte has an address of its own, so that it can go away without Slack.
"""

import asyncio
import contextlib
import inspect
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from faults import Faults

import flyte_slack
from flyte_slack.sandbox.flows import Action, Event
from flyte_slack.sandbox.flyte_api import FlyteApi
from flyte_slack.sandbox.server import Sandbox
from flyte_slack.sandbox.socket_mode import SocketMode
from flyte_slack.sandbox.workspace import Channel, Message, Workspace

T = TypeVar("T")

PROJECT = Path(flyte_slack.__file__).parents[1]

POST = r"/slack/api/chat\.postMessage$"
EVENTS = r"/v1/packs/[^/]+/events$"
TAKE = r"/actions/take$"
RESULT = r"/actions/[0-9a-f]{24}/result$"
REGISTER = r"/v1/packs$"
USERS_INFO = r"/slack/api/users\.info$"

_SECRETS = ("xoxb-sandbox", "xapp-sandbox")
_UNEXPECTED = ("Traceback", "was never retrieved", "never awaited", "Unclosed", "unexpected error")


async def eventually(condition: Callable[[], Any], what: str = "", *, timeout: float = 30) -> Any:
    """Poll until a condition holds, and return its value; fail with what was waited for and last seen.

    The condition may be a coroutine function.
    """
    last: object = None
    try:
        async with asyncio.timeout(timeout):
            while not last:
                last = condition()
                if inspect.isawaitable(last):
                    last = await last
                if not last:
                    await asyncio.sleep(0.02)
    except TimeoutError:
        sought = what or _source(condition)
        raise AssertionError(f"not within {timeout:g} s: {sought} (last seen: {last!r})") from None
    return last


def _source(condition: Callable[..., object]) -> str:
    try:
        return " ".join(inspect.getsource(condition).split())
    except OSError:
        return repr(condition)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


async def each(case: Callable[[Path, T], Awaitable[None]], folder: Path, *variants: T) -> None:
    """Run the variants of a scenario side by side, each in a folder of its own: starting takes its time."""
    async with asyncio.TaskGroup() as group:
        for number, variant in enumerate(variants):
            own = folder / str(number)
            own.mkdir()
            group.create_task(case(own, variant), name=f"{variant!r}")  # type: ignore[arg-type]


class Flyte:
    """A Flyte API at an address that stays the same while the server goes away and comes back."""

    def __init__(self, api: FlyteApi, faults: Faults) -> None:
        self.api = api
        self.port = free_port()
        self._faults = faults
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """What the pack knows as `FLYTE_API`."""
        return f"http://127.0.0.1:{self.port}/flyte"

    async def start(self) -> None:
        """Listen; everything the API held is there again."""
        app = web.Application(middlewares=[self._faults.middleware], client_max_size=32 * 1024 * 1024)
        app.add_subapp("/flyte/", self.api.app())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        """Go away: connections are closed, new ones refused."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    # What was accepted

    @property
    def seen(self) -> list[Event]:
        """The events that are no results: messages that people wrote."""
        return [event for event in self.api.events if event.result_of is None]

    @property
    def results(self) -> list[Event]:
        """The results of actions."""
        return [event for event in self.api.events if event.result_of is not None]

    def texts(self, channel: Channel | None = None) -> list[str]:
        """Return the texts of the messages seen, in all channels or in one."""
        return [
            event.payload["message"]
            for event in self.seen
            if channel is None or event.payload["channelId"] == channel.id
        ]

    def command(self, name: str = "sendMessage", /, *, pack: str = "Slack", **input_: Any) -> Action:
        """Make an action with this input for the pack."""
        return self.api.actions[self.api.create_action(pack, name, input_)]

    def results_of(self, action: Action) -> list[Event]:
        """Return every result that was accepted for an action."""
        return [event for event in self.api.events if event.result_of == action.id]


class Pack:
    """A `flyte-slack run` process with a store of its own, which can be killed and started again."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.store = folder / "store.db"
        self.port = free_port()
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(PROJECT),
            "FLYTE_SLACK_STORE": f"sqlite:///{self.store}",
            "FLYTE_SLACK_HOST": "127.0.0.1",
            "FLYTE_SLACK_PORT": str(self.port),
            "FLYTE_SLACK_POLL_INTERVAL": "0.2",
            **environment,
        }
        self._log = folder / "pack.stderr"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process of the last start."""
        assert self._process is not None, "the pack was not started"
        return self._process

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def stderr(self) -> str:
        """Everything the pack wrote to stderr, over all its starts."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log lines."""
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines whose sentence holds a text."""
        return [line for line in self.log if event in str(line["event"])]

    def launch(self, **environment: str) -> None:
        """Start the process and wait for nothing."""
        assert not self.running
        self.environment.update(environment)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flyte_slack", "run"],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def start(self, **environment: str) -> None:
        """Start the process and wait until it is ready."""
        self.launch(**environment)
        await self.ready()

    async def get(self, path: str) -> tuple[int, Any]:
        """Return status and JSON, if any, of a page of the web port; `(0, None)` while it is closed."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                is_json = response.content_type == "application/json"
                return response.status, await response.json() if is_json else None
        except aiohttp.ClientConnectionError:
            return 0, None

    async def status(self, path: str) -> int:
        """Return the status of a page of the pack's web port, 0 while nobody listens."""
        return (await self.get(path))[0]

    async def health(self) -> dict[str, Any]:
        """Return what `GET /` tells."""
        return dict((await self.get("/"))[1] or {})

    async def ready(self) -> None:
        """Wait until the pack says it is ready."""

        async def is_ready() -> bool:
            assert self.running, (
                f"the pack ended with status {self.process.returncode}: {self.stderr[-2000:]}"
            )
            return await self.status("/health/ready") == 200

        await eventually(is_ready, "the pack is ready")

    async def listening(self) -> None:
        """Wait until the pack is alive and connected to Slack, whether or not Flyte is there."""

        async def is_connected() -> bool:
            assert self.running, (
                f"the pack ended with status {self.process.returncode}: {self.stderr[-2000:]}"
            )
            return bool((await self.health()).get("Slack", {}).get("healthy"))

        await eventually(is_connected, "the pack is connected to Slack")

    def send(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def exit_status(self, timeout: float = 40) -> int:
        """Wait for the end of the process and return its status."""
        return await asyncio.to_thread(self.process.wait, timeout)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the pack to stop and return its exit status."""
        self.send(number)
        return await self.exit_status()

    def kill(self) -> None:
        """`kill -9`; returns when the process is dead."""
        self.process.kill()
        self.process.wait()


class World:
    """Slack, Flyte and the pack between them.

    Attributes:
        sandbox: Slack, and the object behind Flyte.
        flyte: Flyte, at its own address.
        faults: spoils requests to both.
        pack: the pack, not started yet.
    """

    def __init__(self, sandbox: Sandbox, flyte: Flyte, faults: Faults, pack: Pack) -> None:
        self.sandbox = sandbox
        self.flyte = flyte
        self.faults = faults
        self.pack = pack

    @property
    def workspace(self) -> Workspace:
        """Slack's state."""
        return self.sandbox.workspace

    @property
    def socket_mode(self) -> SocketMode:
        """Slack's way of telling events."""
        return self.sandbox.socket_mode

    def channel(self, name: str, *, kind: str = "channel", bot: bool = True) -> Channel:
        """Return a channel, made if need be, with everyone in it, the bot only if `bot`."""
        with contextlib.suppress(LookupError):
            return self.workspace.channel(name)
        people = [user.id for user in self.workspace.users.values() if not user.bot_id]
        members = [*people, self.workspace.bot.id] if bot else people
        return self.workspace.add_channel(name, members, kind=kind)

    def fresh(self) -> Channel:
        """Return a channel that was not used before."""
        return self.channel(f"fresh-{len(self.workspace.channels)}")

    def say(self, channel: Channel | str, text: str, who: str = "alice", thread_ts: str = "") -> Message:
        """Write as a person."""
        place = self.channel(channel) if isinstance(channel, str) else channel
        return self.workspace.say(place, who, text, thread_ts)

    def posts(self, channel: Channel | None = None) -> list[dict[str, Any]]:
        """Return the posts that Slack accepted from the pack, in all channels or in one."""
        return [post for post in self.sandbox.slack.posts if channel is None or post["channel"] == channel.id]

    async def acknowledged(self, number: int) -> None:
        """Wait until that many envelopes were acknowledged, and none waits."""
        await eventually(
            lambda: len(self.socket_mode.acknowledged) >= number and not self.socket_mode.unacknowledged,
            f"{number} envelopes acknowledged",
        )

    async def delivered(self, number: int, timeout: float = 30) -> None:
        """Wait until Flyte has accepted that many messages."""
        await eventually(lambda: len(self.flyte.seen) >= number, f"{number} events", timeout=timeout)

    async def arrived(self, channel: Channel, number: int) -> None:
        """Wait until Flyte has accepted that many messages of a channel."""
        await eventually(lambda: len(self.flyte.texts(channel)) >= number, f"{number} events of a channel")

    async def done(self, *actions: Action, timeout: float = 30) -> list[Event]:
        """Wait until actions are completed and return their results, of which each has exactly one."""
        await eventually(
            lambda: all(action.completed for action in actions),
            f"{len(actions)} actions completed",
            timeout=timeout,
        )
        results = [self.flyte.results_of(action) for action in actions]
        assert [len(each) for each in results] == [1] * len(actions)
        return [each[0] for each in results]

    async def taken(self, *actions: Action) -> None:
        """Wait until actions are on the pack's disk: the next take comes only then."""
        await eventually(lambda: all(action.state != "NEW" for action in actions), "the actions are taken")
        takes = self.faults.count("POST", TAKE)
        await eventually(lambda: self.faults.count("POST", TAKE) > takes, "the next take")

    async def marked(self, *channels: Channel) -> None:
        """Send one more message through each channel; whatever came before it has been delivered then.

        Acknowledged means stored, so that what is sent after all acknowledgements is delivered last.
        """
        await eventually(lambda: not self.socket_mode.unacknowledged, "all envelopes acknowledged")
        for channel in channels:
            text = f"marker {self.workspace.new_ts()}"
            self.say(channel, text)
            await eventually(partial(self._was_seen, channel, text), f"the marker in {channel.name}")

    def _was_seen(self, channel: Channel, text: str) -> bool:
        return text in self.flyte.texts(channel)

    def stored(self, query: str) -> list[tuple[Any, ...]]:
        """Look into the pack's store."""
        with contextlib.closing(sqlite3.connect(f"file:{self.pack.store}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()


@contextlib.asynccontextmanager
async def world(
    folder: Path,
    *,
    socket_mode: Callable[[Workspace], SocketMode] | None = None,
    burst: int = 1000,
    flyte_is_there: bool = True,
    flyte: FlyteApi | None = None,
    expected: Sequence[str] = (),
    **environment: str,
) -> AsyncIterator[World]:
    """Set up Slack, Flyte and a pack that is not started yet; take everything down again.

    Args:
        folder: for the store and the log.
        socket_mode: makes Slack's Socket Mode.
        burst: messages a channel takes at once before Slack's own rate limit.
        flyte_is_there: whether Flyte is up from the start.
        flyte: another Flyte than an open one with the shipped flows.
        expected: what may be in the pack's log although it looks like a defect.
        environment: more settings of the pack.
    """
    faults = Faults()
    workspace = Workspace()
    sandbox = Sandbox(
        port=0,
        middlewares=[faults.middleware],
        workspace=workspace,
        socket_mode=socket_mode(workspace) if socket_mode else None,
        burst=burst,
        history=None,
    )
    async with sandbox:
        server = Flyte(flyte or sandbox.flyte, faults)
        settings = {**sandbox.pack_environment(), "FLYTE_API": server.url, **environment}
        pack = Pack(folder, settings)
        if flyte_is_there:
            await server.start()
        try:
            yield World(sandbox, server, faults, pack)
        finally:
            faults.clear()
            if pack.running:
                pack.kill()
            await server.stop()
            print(pack.stderr)  # pytest shows it where the test failed
    assert_clean_log(pack.stderr, expected)


def assert_clean_log(log: str, expected: Sequence[str] = ()) -> None:
    """Hold a log against what no log may show: secrets, and errors that nobody expected."""
    for secret in _SECRETS:
        assert secret not in log, f"{secret} is in the log"
    for line in log.splitlines():
        if any(text in line for text in expected):
            continue
        assert not re.search("|".join(_UNEXPECTED), line), line
