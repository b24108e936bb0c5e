"""A PostgreSQL of the tests' own: started once, a database for each test."""

import contextlib
import glob
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HOW = "PostgreSQL's server is not installed: get it, for instance with 'apt-get install postgresql'"


class Postgres:
    """A server on a free port of this machine."""

    def __init__(self, folder: Path, port: int, bin_: Path) -> None:
        self.folder = folder
        self.port = port
        self._bin = bin_
        self._number = 0

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off"
        self._run(
            "pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o", options, "start"
        )

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", mode, "stop")

    def initialize(self) -> None:
        self._run("initdb", "-D", f"{self.folder}/data", "-A", "trust", "-U", "flyte", "-E", "UTF8")

    def new_database(self) -> str:
        """Return the URL of a fresh database, as in FLYTE_SLACK_STORE."""
        self._number += 1
        name = f"test_{self._number}"
        arguments = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "flyte")
        self._run("psql", *arguments, "-d", "postgres", "-qc", f"CREATE DATABASE {name}")
        return f"postgresql://flyte:unused@127.0.0.1:{self.port}/{name}"

    def query(self, url: str, sql: str) -> str:
        name = url.rpartition("/")[2]
        arguments = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "flyte", "-d", name, "-Atqc", sql)
        return self._run("psql", *arguments)

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self._bin / program), *arguments]
        if os.geteuid() == 0:  # the server refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def binaries() -> Path | None:
    """Where the server's programs are; Debian keeps them out of PATH."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb")) or [shutil.which("initdb") or ""]
    return Path(found[-1]).parent if found[-1] else None


@contextmanager
def postgres_server(port: int) -> Iterator[Postgres]:
    """Run a server; skip, with a word on how to get one, where there is none. CI skips nothing."""
    bin_ = binaries()
    if bin_ is None:
        if os.environ.get("CI"):
            pytest.fail(HOW)
        pytest.skip(HOW)
    folder = Path(tempfile.mkdtemp(prefix="flyte-slack-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    server = Postgres(folder, port, bin_)
    try:
        server.initialize()
        server.start()
        yield server
    finally:
        with contextlib.suppress(AssertionError):  # a test may have stopped it
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
