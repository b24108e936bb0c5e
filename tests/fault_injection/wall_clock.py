"""The wall clock of the pack's process, set while it runs, as an operator or NTP sets a machine's."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness import Pack, eventually

HOW = "the clock is set with libfaketime: install it, for instance with 'apt-get install libfaketime'"


def library() -> Path | None:
    """Return the library that is put before the C library; Debian keeps it out of the usual folders."""
    folders = (Path("/usr/lib"), Path("/usr/local/lib"), Path("/lib"))
    found = [path for folder in folders for path in folder.glob("**/faketime/libfaketimeMT.so.1")]
    return found[0] if found else None


class WallClock:
    """The wall clock of a pack that is not started yet; the monotonic clock goes on untouched.

    It stays as it was set over restarts. Where the library is missing the test is skipped; CI skips nothing.
    """

    def __init__(self, pack: Pack) -> None:
        found = library()
        if found is None:
            if os.environ.get("CI"):
                pytest.fail(HOW)
            pytest.skip(HOW)
        self._pack = pack
        self._file = pack.folder / "clock"
        self._write(0)
        pack.environment |= {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # seconds; reading the file at each call makes the pack crawl
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, hours: int) -> None:
        """Let the clock be so many hours ahead of the machine's, within a second."""
        self._write(hours)

    async def told(self, hours: int) -> None:
        """Wait until the pack's log shows it; a connection that seems silent is replaced, and logged."""
        await eventually(lambda: self._shows(hours), f"the log is {hours} hours ahead")

    def _shows(self, hours: int) -> bool:
        expected = datetime.now(UTC) + timedelta(hours=hours)
        last = datetime.fromisoformat(self._pack.log[-1]["timestamp"])
        return abs(last - expected) < timedelta(minutes=5)

    def _write(self, hours: int) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{hours * 3600:+d}\n")
        new.replace(self._file)
