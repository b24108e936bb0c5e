"""Where the bearer token comes from."""

from pathlib import Path
from typing import Protocol

from .. import logs
from ..errors import TokenUnreadable
from ..settings.values import is_header_token

log = logs.get(__name__)


class Token(Protocol):
    """A bearer token, asked for anew at each call."""

    def current(self) -> str | None:
        """Return the token as it is now, or None if the API is open.

        Raises:
            TokenUnreadable: there should be one, and never was.
        """


class FixedToken:
    """A token that stays the same, or none."""

    def __init__(self, value: str | None = None) -> None:
        self._value = value

    def current(self) -> str | None:
        """Return it."""
        return self._value


class FileToken:
    """A token in a file that is read again when it changes, so that a rotated secret needs no restart.

    While the file is empty or cannot be read, as it may be for a moment while it is rotated, the last token
    is used on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._value: str | None = None
        self._failing = False

    def current(self) -> str | None:
        """Return what the file holds now, or held last."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._seen:
                value = self._path.read_text().strip()
                logs.add_secrets([value])
                if not value or not is_header_token(value):
                    raise ValueError("it holds no token: printable ASCII characters without a blank")
                self._value = value
                self._seen = seen
                log.info("the Flyte token was read", file=str(self._path))
            self._failing = False
        except (OSError, ValueError) as error:
            if not self._failing:
                log.warning("FLYTE_JWT_FILE cannot be read: the last token is used on", cause=str(error))
            self._failing = True
            if self._value is None:
                raise TokenUnreadable(f"FLYTE_JWT_FILE cannot be read ({error})") from error
        return self._value
