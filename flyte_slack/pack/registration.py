"""Keeps the pack registered with Flyte (promise 7)."""

import asyncio

from .. import logs, retries
from ..errors import FlyteError, FlyteUnauthorized
from ..flyte import FlyteClient, PackLinks
from .definition import PackDefinition
from .health import Condition, Health

log = logs.get(__name__)


class Registration:
    """The pack's registration, renewed when Flyte has forgotten it.

    Args:
        client: of the Flyte API.
        pack: what to register.
        health: told whether Flyte knows the pack.
    """

    def __init__(self, client: FlyteClient, pack: PackDefinition, health: Health) -> None:
        self._client = client
        self._pack = pack
        self._health = health
        self._links: PackLinks | None = None
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._registered = asyncio.Event()

    async def links(self) -> PackLinks:
        """Return the links of the registered pack; waits for them as long as it takes."""
        while self._links is None:
            await self._registered.wait()
        return self._links

    def lost(self, links: PackLinks) -> None:
        """Say that Flyte does not know the pack any more under these links."""
        if links is self._links:
            log.warning("Flyte does not know the pack (any more): it is registered again", pack=links.pack_id)
            self._links = None
            self._health.registered = False
            self._registered.clear()
            self._wanted.set()

    async def run(self) -> None:
        """Register whenever it is wanted, until cancelled."""
        while True:
            await self._wanted.wait()
            self._links = await self._register()
            self._wanted.clear()
            self._health.registered = True
            self._registered.set()
            log.info("registered with Flyte", pack=self._links.pack_id)

    async def _register(self) -> PackLinks:
        tries = 0
        while True:
            try:
                return await self._client.register(self._pack.registration())
            except FlyteError as error:
                tries += 1
                self._health.flyte = Condition(False, str(error))
                if tries == 1 or isinstance(error, FlyteUnauthorized):
                    log.warning("waiting for Flyte", cause=str(error))
                else:
                    log.debug("waiting for Flyte", cause=str(error), tries=tries)
                await asyncio.sleep(retries.pause(retries.FLYTE, tries, error))
