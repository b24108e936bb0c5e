"""The processes of a benchmark: the peers, and the pack as a user starts it."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "benchmarks" / "results"

_CPU_CLOCK = 2  # of the clocks that Linux has of each process, as clock_getcpuclockid(3) names them
_PAGE = os.sysconf("SC_PAGE_SIZE")
_CONNECTIONS = 2  # the pack's default


class TimedOut(Exception):
    """Something did not happen in time; the scenario's other figures still count."""


class Peers:
    """The process that plays Flyte and Slack.

    Attributes:
        project: the checkout whose pack is measured.
    """

    def __init__(self, project: Path = PROJECT) -> None:
        self.project = project
        self._process = subprocess.Popen(
            [sys.executable, str(PROJECT / "benchmarks" / "peers.py")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        ports = json.loads(self._process.stdout.readline())
        self.pid = self._process.pid
        self.flyte = f"http://127.0.0.1:{ports['flyte']}"
        self.slack = f"http://127.0.0.1:{ports['slack']}/api/"
        self._control = httpx.Client(base_url=f"http://127.0.0.1:{ports['control']}", timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._control.close()

    def ask(self, order: str, **arguments: Any) -> dict[str, Any]:
        """Give an order, and return what it returns."""
        answer: dict[str, Any] = self._control.post(f"/{order}", json=arguments).raise_for_status().json()
        return answer

    def wait(
        self, until: Callable[[dict[str, Any]], bool], what: str, timeout: float = 60, every: float = 0.1
    ) -> dict[str, Any]:
        """Look until the counts satisfy a condition, and return them."""
        deadline = time.monotonic() + timeout
        while True:
            status = self.ask("status")
            if until(status):
                return status
            if time.monotonic() > deadline:
                raise TimedOut(f"not within {timeout:g} s: {what}; seen: {status['counts']}")
            time.sleep(every)


class Pack:
    """A `flyte-slack run` process."""

    def __init__(self, folder: Path, peers: Peers, store: str, **environment: str) -> None:
        self.folder = folder
        self._peers = peers
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "FLYTE_API": peers.flyte,
            "SLACK_BOT_TOKEN": "xoxb-bench",
            "SLACK_APP_TOKEN": "xapp-bench",
            "SLACK_API_URL": peers.slack,
            "FLYTE_SLACK_STORE": store,
            "FLYTE_SLACK_HOST": "127.0.0.1",
            "FLYTE_SLACK_PORT": str(free_port()),
            "PYTHONPATH": str(peers.project),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait for nothing."""
        with (self.folder / "log").open("ab") as log:
            self.started_at = time.time()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flyte_slack", "run"],
                env=self._environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        """Stop it as an operator does; kill it where that takes long."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def cpu(self) -> float:
        """Seconds of CPU used so far."""
        return cpu_of(self.pid)

    @property
    def memory(self) -> float:
        """Resident memory in MB (10^6 bytes)."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE / 1e6


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has used.

    From its clock: /proc counts in ticks of 10 ms, as much as a second of idling takes.
    """
    return time.clock_gettime((~pid << 3) | _CPU_CLOCK)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Lend an empty folder on the disk that the project is on: a commit must reach a real disk."""
    RESULTS.mkdir(exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="run-", dir=RESULTS))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def packs(
    peers: Peers, replicas: int = 1, database: Callable[[], str] | None = None, **environment: str
) -> Iterator[list[Pack]]:
    """Run replicas of the pack on an empty store until they are registered and connected, then stop them.

    Args:
        peers: between which they run.
        replicas: how many.
        database: gives the URL of an empty database; without it, the store is an SQLite file.
        environment: more settings.
    """
    with folder() as path:
        store = database() if database else f"sqlite:///{path / 'store.db'}"
        running = []
        try:
            for number in range(replicas):
                own = path / str(number)
                own.mkdir()
                running.append(Pack(own, peers, store, **environment))
                running[-1].start()
            peers.wait(
                lambda seen: (
                    len(seen["registered"]) >= replicas and seen["sockets"] == _CONNECTIONS * replicas
                ),
                "the packs are registered and connected",
            )
            yield running
            for pack in running:
                pack.stop()
        finally:
            for pack in running:
                pack.kill()
            with contextlib.suppress(TimedOut):
                peers.wait(lambda seen: not seen["sockets"], "the sockets are closed", 5)
