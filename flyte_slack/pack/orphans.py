"""Counts actions that were lost between Flyte and the pack: PENDING there, and not held here."""

import asyncio

from .. import logs
from ..errors import FlyteError, StoreUnavailable
from ..flyte import FlyteClient
from ..store import Store
from .definition import PackDefinition
from .health import Health

log = logs.get(__name__)

_FIRST_AFTER = 30.0
_EVERY = 300.0


async def watch(client: FlyteClient, pack: PackDefinition, store: Store, health: Health) -> None:
    """Compare Flyte's audit with the store now and then, where the server offers its audit.

    Flyte hands an action out once: one whose answer was lost on the way stays PENDING for ever. No
    result is invented for it; people are told.
    """
    told = 0
    await asyncio.sleep(_FIRST_AFTER)
    while True:
        try:
            pending = await client.pending_actions(pack.name, dict(pack.labels))
            orphans = [id_ for id_ in pending if not await store.actions.holds(id_)]
        except (FlyteError, StoreUnavailable) as error:
            log.debug("Flyte's audit cannot be compared", cause=str(error))
        else:
            health.orphans = len(orphans)
            if len(orphans) > told:
                log.warning(
                    "actions were lost between Flyte and the pack: Flyte shows them as PENDING for ever",
                    number=len(orphans),
                    actions=orphans[:20],
                )
            told = len(orphans)
        await asyncio.sleep(_EVERY)
