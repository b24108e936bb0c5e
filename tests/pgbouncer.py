"""A real PgBouncer in transaction mode before a PostgreSQL."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from postgres import Postgres, free_port

HOW = "PgBouncer is not installed: get it, for instance with 'apt-get install pgbouncer'"

SETTINGS = """
[databases]
* = host=127.0.0.1 port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 3
logfile = {folder}/log
"""


@contextmanager
def pgbouncer(server: Postgres) -> Iterator[int]:
    """Run it, and give its port; three sessions of the server are shared by all who connect.

    Without one the test is skipped, with a word on how to get it. CI skips nothing.
    """
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(HOW)
        pytest.skip(HOW)
    folder, port = Path(tempfile.mkdtemp(prefix="flyte-slack-pgbouncer-")), free_port()
    (folder / "users").write_text('"flyte" "unused"\n')
    (folder / "ini").write_text(SETTINGS.format(server=server.port, port=port, folder=folder))
    command = [program, "-q", str(folder / "ini")]
    if os.geteuid() == 0:  # it refuses to run as root
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "postgres")
        command = ["runuser", "-u", "postgres", "--", *command]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        _answers(process, port)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # its group is ours: the user was changed by a parent
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _answers(process: "subprocess.Popen[bytes]", port: int, within: float = 10) -> None:
    end = time.monotonic() + within
    while time.monotonic() < end:
        assert process.poll() is None, "PgBouncer ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("PgBouncer does not answer")
