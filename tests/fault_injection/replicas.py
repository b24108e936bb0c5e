"""More packs beside a world's own, on the same store."""

import contextlib
from collections.abc import AsyncIterator, Sequence

from harness import Pack, World, assert_clean_log


@contextlib.asynccontextmanager
async def replicas(w: World, *names: str, expected: Sequence[str] = ()) -> AsyncIterator[list[Pack]]:
    """Make more packs with the settings of the world's own, not started yet; kill them in the end."""
    settings = {key: value for key, value in w.pack.environment.items() if key != "FLYTE_SLACK_PORT"}
    packs = []
    for name in names:
        folder = w.pack.folder / name
        folder.mkdir()
        packs.append(Pack(folder, settings))
    try:
        yield packs
    finally:
        for pack in packs:
            if pack.running:
                pack.kill()
            print(pack.folder.name, pack.stderr)
    for pack in packs:
        assert_clean_log(pack.stderr, expected)
