"""Looks whether a store can be used, and leaves it as it was."""

import asyncio
import os
from pathlib import Path

from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from ..errors import StoreDamaged, StoreError
from . import schema
from .file import StoreFile
from .sqlite import LOCKED_FOR
from .store import _check, _opening_failed, _probe


async def examine(url: str) -> str:
    """Write to a store, take that back, and say in a sentence what was found.

    No file is made, and a store that a pack uses is used on.

    Args:
        url: as in `FLYTE_SLACK_STORE`.

    Raises:
        StoreError: the store cannot be used as it is.
    """
    parsed = make_url(url)
    try:
        if parsed.drivername == "postgresql":
            return await _at_server(parsed)
        if not _exists(parsed):
            return f"{parsed.database} does not exist yet; its folder can be written"
        return await asyncio.to_thread(_in_file, parsed)
    except StoreError:
        raise
    except Exception as error:  # drivers raise errors of their own while they connect
        raise _opening_failed(parsed, error) from error


async def _at_server(url: URL) -> str:
    from .postgresql import connections

    engine = connections(url, 1)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="READ COMMITTED")
            found = await connection.run_sync(_try, url)
    finally:
        await engine.dispose()
    return f"the database {url.database} on {url.host} can be written, {found}"


def _in_file(url: URL) -> str:
    file = StoreFile(url.database or "")
    file.must_be_possible(must_exist=True)
    used = ", in use by a running pack" if file.is_locked() else ""
    engine = create_engine(
        url.set(database=str(file.path)), connect_args={"timeout": LOCKED_FOR}, poolclass=NullPool
    )
    with engine.connect() as connection:
        return f"{url.database}{used} can be written, {_try(connection, url)}"


def _try(connection: Connection, url: URL) -> str:
    """Write within a transaction that is taken back; return what is said of the schema."""
    _check(connection, url)
    schema.begin(connection)
    try:
        version = schema.version(connection)
        if version is None or version >= schema.SCHEMA_VERSION:
            schema.prepare(connection)  # refuses a newer one
        _probe(connection)
    finally:
        connection.rollback()
    if version is None:
        return "its tables will be made at start"
    if version < schema.SCHEMA_VERSION:
        return f"schema version {version} will be upgraded to {schema.SCHEMA_VERSION} at start"
    return f"schema version {version}"


def _exists(url: URL) -> bool:
    """Whether there is a file; where there is none, its folder must take one."""
    path = Path(url.database or "")
    if not path.parent.is_dir():
        raise StoreDamaged(
            f"the folder {path.parent} does not exist: create it, or set FLYTE_SLACK_STORE to another place"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreDamaged(
            f"the folder {path.parent} cannot be written: "
            "give the pack's user the right to, or set FLYTE_SLACK_STORE to another place"
        )
    if not path.exists():
        return False
    if not path.is_file():
        raise StoreDamaged(f"{path} is no file: set FLYTE_SLACK_STORE to another place")
    if not os.access(path, os.R_OK | os.W_OK):
        raise StoreDamaged(f"{path} cannot be written: give the pack's user the right to read and write it")
    return True
