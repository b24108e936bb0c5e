"""The file of an SQLite store: one process's, its owner's only, and surely the one that was opened."""

import os
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from ..errors import StoreDamaged, StoreInUse

_OWNERS_ONLY = 0o600
_BESIDE = ("-wal", "-shm", "-lock")


class StoreFile:
    """The file, whatever name leads to it.

    Args:
        path: as it was set; it may be relative, or a symbolic link.

    Attributes:
        path: of the file itself.
    """

    def __init__(self, path: str) -> None:
        self._named = Path(path).absolute()
        self.path = Path(os.path.realpath(path))
        self._opened: dict[Path, tuple[int, int]] = {}

    def must_be_possible(self, *, must_exist: bool) -> None:
        """Refuse a place where no file can be.

        Args:
            must_exist: refuse also if there is none.

        Raises:
            StoreDamaged: there can be none.
            StoreInUse: it has a second name, under which another process could use it unnoticed.
        """
        if must_exist and not self.path.exists():
            raise StoreDamaged(f"there is no store {self.path}: check FLYTE_SLACK_STORE")
        if not self.path.parent.is_dir():
            raise StoreDamaged(
                f"the store {self.path} cannot be opened: the folder {self.path.parent} does not exist: "
                "create it, or set FLYTE_SLACK_STORE to another place"
            )
        if self.path.is_file() and self.path.stat().st_nlink > 1:
            raise StoreInUse(
                f"the store {self.path} has a second name (a hard link), and its journal goes by the name: "
                "a pack that uses the other one would damage it. Remove one of the names"
            )

    def lock(self) -> BaseFileLock:
        """Return the lock that keeps a second process from working on the file.

        Raises:
            StoreInUse: another process has it.
        """
        lock = FileLock(f"{self.path}-lock", mode=_OWNERS_ONLY, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise StoreInUse(
                f"the store {self.path} is used by another process: stop that one, or, for several "
                "replicas, set FLYTE_SLACK_STORE to a PostgreSQL database"
            ) from None
        return lock

    def is_locked(self) -> bool:
        """Whether another process has the lock. It is held for no longer than asking takes."""
        if not Path(f"{self.path}-lock").exists():
            return False
        try:
            self.lock().release()
        except StoreInUse:
            return True
        return False

    def make_private(self) -> None:
        """Let nobody but its owner read the file, and what SQLite puts beside it; make it if need be."""
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL, _OWNERS_ONLY))
        for path in (self.path, *(Path(f"{self.path}{suffix}") for suffix in _BESIDE)):
            with suppress(FileNotFoundError, PermissionError):  # it may be another user's
                if path.stat().st_mode & 0o077:
                    path.chmod(_OWNERS_ONLY)

    def must_be_there(self) -> None:
        """Check that what is written now is found again at the next start.

        Raises:
            OSError: the file, or its journal, was removed or replaced after it was opened.
        """
        for path in (self._named, Path(f"{self.path}-wal")):
            try:
                found = path.stat()
            except FileNotFoundError:
                if path not in self._opened:
                    continue
                identity = None
            else:
                identity = found.st_dev, found.st_ino
            if self._opened.setdefault(path, identity or (0, 0)) != identity:
                raise OSError(
                    f"the file {path} was removed or replaced while it was in use: "
                    "put it back, or start the pack again"
                )
