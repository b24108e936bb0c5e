"""Looks whether a store can be used, and leaves it as it was."""

import os
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ..errors import StoreDamaged, StoreError
from . import schema
from .store import _LOCKED_FOR, _check, _opening_failed, _postgresql, _probe


async def examine(url: str) -> str:
    """Write to a store, take that back, and say in a sentence what was found.

    No file is made, and a store that a pack uses is used on.

    Args:
        url: as in `FLYTE_SLACK_STORE`.

    Raises:
        StoreError: the store cannot be used as it is.
    """
    parsed = make_url(url)
    if parsed.drivername == "sqlite":
        if not _exists(parsed):
            return f"{parsed.database} does not exist yet; its folder can be written"
        used = ", in use by a running flyte-slack" if _is_held(parsed) else ""
        engine = create_async_engine(
            parsed.set(drivername="sqlite+aiosqlite"), connect_args={"timeout": _LOCKED_FOR}
        )
        where = f"{parsed.database}{used}"
    else:
        engine = _postgresql(parsed, 1)
        where = f"the database {parsed.database} on {parsed.host}"
    try:
        async with engine.connect() as connection:
            await _check(connection, parsed)
            if connection.dialect.name == "sqlite":
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                return f"{where} can be written, {await _try(connection)}"
            finally:
                await connection.rollback()
    except StoreError:
        raise
    except Exception as error:  # drivers raise errors of their own while they connect
        raise _opening_failed(parsed, error) from error
    finally:
        await engine.dispose()


async def _try(connection: AsyncConnection) -> str:
    """Write within a transaction that is taken back; return what is said of the schema."""
    version = None
    if await connection.run_sync(lambda sync: inspect(sync).has_table("meta")):
        version = await connection.scalar(
            select(schema.meta.c.value).where(schema.meta.c.key == "schema_version")
        )
    if version is None or int(version) >= schema.SCHEMA_VERSION:
        await schema.prepare(connection)  # refuses a newer one
    await _probe(connection)
    if version is None:
        return "its tables will be made at start"
    if int(version) < schema.SCHEMA_VERSION:
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


def _is_held(url: URL) -> bool:
    """Whether a pack works on the file. The lock is held for no longer than asking takes."""
    path = f"{url.database}-lock"
    if not os.path.exists(path):
        return False
    try:
        with FileLock(path, blocking=False, thread_local=False):
            return False
    except Timeout:
        return True
