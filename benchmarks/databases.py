"""PostgreSQL for the benchmarks: a temporary server, started as the tests start theirs, but durable."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Self

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from postgres import HOW, Postgres, binaries, free_port

__all__ = ["HOW", "Server", "installed"]


def installed() -> bool:
    """Whether PostgreSQL's server is there."""
    return binaries() is not None


class Server(Postgres):
    """A server of our own that commits to disk."""

    def __init__(self) -> None:
        found = binaries()
        assert found is not None, HOW
        super().__init__(Path(tempfile.mkdtemp(prefix="flyte-slack-pg-")), free_port(), found)
        if Path("/proc/self").stat().st_uid == 0:
            shutil.chown(self.folder, "postgres")

    def start(self) -> None:
        """Start it with fsync on, unlike the tests'."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        log = f"{self.folder}/log"
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", log, "-o", options, "start")

    def __enter__(self) -> Self:
        self.initialize()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
