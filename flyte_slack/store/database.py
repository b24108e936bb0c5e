"""The database below a store: what both kinds of it offer.

What is done in it is a plain function of a connection.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ..errors import StoreUnavailable

T = TypeVar("T")
Work = Callable[[Connection], T]
"""What is done within one transaction. It may run in another thread."""


class Transaction(Protocol):
    """Does all of a piece of work, or nothing."""

    async def __call__(self, work: Work[T]) -> T:
        """Return what the work returns."""


def cause_of(error: BaseException) -> str:
    """Return the driver's own words, without the statement and its parameters: they hold message texts."""
    own = getattr(error, "orig", None) or error
    return next(iter(str(own).splitlines()), "") or own.__class__.__name__  # a time-out has no words


@contextmanager
def readable() -> Iterator[None]:
    """Let a database that cannot be read be unavailable."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise StoreUnavailable(f"the store cannot be read: {cause_of(error)}") from error


class Database(ABC):
    """Connections to one database.

    Attributes:
        size: a query for its bytes on disk.
        write_one: writes what is one statement, if that is quicker than a transaction for all that waits.
    """

    size: str
    write_one: Transaction | None

    async def read(self, work: Work[T]) -> T:
        """Return a few rows, found by their index.

        Raises:
            StoreUnavailable: the store cannot be read.
        """
        with readable():
            return await self._read(work)

    async def search(self, work: Work[T]) -> T:
        """Return what takes a while to be read.

        Raises:
            StoreUnavailable: the store cannot be read.
        """
        with readable():
            return await self._search(work)

    @abstractmethod
    async def _read(self, work: Work[T]) -> T: ...

    @abstractmethod
    async def _search(self, work: Work[T]) -> T: ...

    @abstractmethod
    async def write(self, work: Work[T]) -> T:
        """Do it in a transaction, and return when that is durable. Who reads does not wait for it.

        Raises:
            SQLAlchemyError: nothing of it was written.
            OSError: the same.
        """

    @abstractmethod
    def intact(self) -> bool:
        """Whether what is written now is found again at the next start, as far as is seen from here."""

    @abstractmethod
    async def tidy(self) -> None:
        """Leave no texts where they are not needed any more; called now and then.

        Raises:
            StoreUnavailable: it could not be done this time.
        """

    @abstractmethod
    async def backup(self, path: Path) -> None:
        """Copy the store into a new file, as it is at one moment.

        Raises:
            StoreError: that is not for this kind of store, or the file cannot be written.
        """

    @abstractmethod
    async def vacuum(self) -> None:
        """Give back the room that forgotten rows took.

        Raises:
            StoreUnavailable: it could not be done this time.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""
