"""Buildah and podman with a storage of the tests' own, and the containers that tests start."""

import contextlib
import functools
import json
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

TOOLS = ("buildah", "podman", "runc", "conmon", "mmdebstrap")
HOW = "as root, on Debian: apt-get install buildah podman runc conmon mmdebstrap"

# What a cluster that trusts nobody grants. `/tmp` is the only place in memory that can be written to.
HARDENED = (
    "--network=none",
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)
# Where limits cannot be raised, runc does not start with podman's own.
_LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")


def unavailable(reason: str) -> None:
    """Skip the test, with the reason; CI skips nothing."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def environment(settings: dict[str, str]) -> list[str]:
    """Return the options that set variables in a container."""
    return [f"--env={name}={value}" for name, value in settings.items()]


def eventually(condition: Callable[[], T], what: str, *, within: float = 30) -> T:
    """Wait until a condition holds, and return its value."""
    end = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {within:g} s: {what} (last seen: {value!r})"
        time.sleep(0.2)
    return value


class Failed(Exception):
    """A command ended with another status than 0."""


def command(*arguments: str, feed: str | None = None, within: float = 60) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run(
        arguments,
        input=feed,
        stdin=subprocess.DEVNULL if feed is None else None,
        capture_output=True,
        text=True,
        env={**os.environ, "DISABLE_HC_SYSTEMD": "true"},  # the tests say when health is looked at
        timeout=within,
        check=False,
    )
    if done.returncode:
        what = f"{arguments[0]} … {arguments[-1]} ended with {done.returncode}"
        raise Failed(f"{what}:\n{done.stderr}{done.stdout}")
    return done.stdout


class Engine:
    """A storage of images, and the two programs that work on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        storage = (f"--root={folder}/storage", f"--runroot={folder}/run")
        self.buildah = ("buildah", *storage)
        self._podman = (
            *("podman", *storage, f"--tmpdir={folder}/libpod"),
            *("--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=none"),
        )

    def podman(self, *arguments: str, feed: str | None = None, within: float = 60) -> str:
        """Run podman and return what it printed."""
        return command(*self._podman, *arguments, feed=feed, within=within)

    def holds(self, image: str) -> bool:
        """Whether there is an image of this name."""
        try:
            self.podman("image", "exists", image)
        except Failed:
            return False
        return True

    def inspect(self, image: str) -> dict[str, Any]:
        """Return what the engine knows of an image."""
        found: list[dict[str, Any]] = json.loads(self.podman("image", "inspect", image))
        return found[0]

    def once(
        self, image: str, *arguments: str, options: Sequence[str] = HARDENED, feed: str | None = None
    ) -> str:
        """Run a container to its end and return what it printed."""
        interactive = [] if feed is None else ["--interactive"]
        return self.podman(
            *("run", "--rm", "--no-healthcheck", *_LIMITS, *interactive, *options, image, *arguments),
            feed=feed,
        )

    @contextlib.contextmanager
    def volume(self) -> Iterator[str]:
        """Make a volume for one test."""
        name = f"flyte-slack-{uuid.uuid4().hex[:12]}"
        self.podman("volume", "create", name)
        try:
            yield name
        finally:
            self.podman("volume", "rm", "--force", name)

    @contextlib.contextmanager
    def running(
        self, image: str, *arguments: str, options: Sequence[str] = HARDENED
    ) -> "Iterator[Container]":
        """Start a container in the background; it ends with the block."""
        identity = self.podman("run", "--detach", *_LIMITS, *options, image, *arguments).strip()
        container = Container(self, identity)
        try:
            yield container
        finally:
            print(f"{arguments}:\n{container.log}")  # pytest shows it where the test failed
            self.podman("rm", "--force", "--time=0", "--volumes", identity)


_CALL = """
import sys, urllib.request
method, url, body = sys.argv[1:]
headers = {"Content-Type": "application/json"}
request = urllib.request.Request(url, body.encode() or None, headers, method=method)
print(urllib.request.urlopen(request, timeout=10).read().decode())
"""


class Container:
    """A container that was started in the background."""

    def __init__(self, engine: Engine, identity: str) -> None:
        self.engine = engine
        self.identity = identity

    @property
    def log(self) -> str:
        """What it wrote to stdout and stderr."""
        done = subprocess.run(
            [*self.engine._podman, "logs", self.identity],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout

    @property
    def network(self) -> str:
        """The option that starts another container in the same network."""
        return f"--network=container:{self.identity}"

    @property
    def runs(self) -> bool:
        """Whether its first process lives."""
        return bool(self.state()["Status"] == "running")

    def state(self) -> dict[str, Any]:
        """Return podman's account of it."""
        found: dict[str, Any] = json.loads(self.engine.podman("inspect", self.identity))[0]["State"]
        return found

    def python(self, script: str, *arguments: str) -> str:
        """Run a script with the image's own Python inside and return what it printed."""
        return self.engine.podman(
            "exec", "--interactive", self.identity, "python", "-", *arguments, feed=script
        )

    def call(self, method: str, url: str, body: object = None) -> Any:
        """Call a server inside from inside; return the JSON that it answers."""
        return json.loads(self.python(_CALL, method, url, "" if body is None else json.dumps(body)))

    def healthy(self) -> bool:
        """Run the image's health check now, as an engine does at its interval."""
        try:
            self.engine.podman("healthcheck", "run", self.identity)
        except Failed:
            return False
        return True

    def kill(self, signal: str = "KILL") -> None:
        """Send a signal to the first process."""
        self.engine.podman("kill", f"--signal={signal}", self.identity)

    def wait(self, within: float = 30) -> int:
        """Wait for its end and return the exit status."""
        return int(self.engine.podman("wait", self.identity, within=within))


@functools.cache
def engine() -> Engine:
    """Return the engine, or skip the test where something that it needs is missing."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None and not Path("/usr/sbin", tool).exists()]
    if missing or os.geteuid() != 0:
        unavailable(f"images cannot be built here ({', '.join(missing) or 'not root'}): {HOW}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "flyte-slack-image-test"
    folder.mkdir(parents=True, exist_ok=True)
    return Engine(folder)
