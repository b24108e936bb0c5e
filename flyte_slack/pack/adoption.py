"""Adopts actions that were lost on their way from Flyte to the pack (promise 4)."""

import asyncio
import contextlib
import re
import time

from .. import logs, retries
from ..errors import FlyteError, NotStorable, StoreUnavailable
from ..flyte import Action, FlyteClient, PendingAction
from ..flyte.patience import LONGEST
from ..store import Store
from .definition import PackDefinition
from .dispatch import Dispatcher
from .health import Health
from .metrics import ADOPTED
from .registration import Registration

log = logs.get(__name__)

_EVERY = 60.0
_EVERYTHING_EVERY = 3600.0  # later looks leave out the pages on which everything is too old
_TAKEN_FOR_SURE = LONGEST + 15.0  # seconds after which no answer to a take can still be on its way
_MARGIN = 300.0
_REMEMBERED = 86_400.0  # seconds for which the store knows what it held and completed
_CLOCK = 2.0  # seconds: Flyte tells its time to one, and that may be a moment old
_NOTED = "result_link"
_ID = re.compile(r"(?<=/)[0-9a-f]{24}(?=/|$)")
_LAST_BUT_ONE = re.compile(r"(?<=/)[^/?]+(?=/[^/?]+(\?|$))")
_PLACE = "{id}"


class ResultLinks:
    """Where Flyte wants the results of actions whose own link was lost: as those of other actions.

    Args:
        store: keeps the last link that Flyte gave.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: str | None = None

    async def learn(self, reference: str) -> None:
        """Keep the link of an action that was taken; the next one will do where that fails."""
        found = _ID.search(reference) or _LAST_BUT_ONE.search(reference)
        if found is None:
            return
        template = reference[: found.start()] + _PLACE + reference[found.end() :]
        if template != self._noted:
            with contextlib.suppress(StoreUnavailable):
                await self._store.note(_NOTED, template)
                self._noted = template

    async def of(self, id_: str) -> str | None:
        """Return the link of an action, or None if Flyte has not given any yet."""
        template = await self._store.noted(_NOTED)
        return None if template is None else template.replace(_PLACE, id_)


class Adoption:
    """Looks for actions that Flyte shows as PENDING and that the store never held, and executes them.

    Flyte hands an action out once. If its answer is lost (the pack is killed, the connection cut), nobody
    else will ever get the action. It is stored under the link that its result goes to, which is unique in the
    store: neither another replica nor the late answer of the take makes a second execution of it.

    Args:
        client: of the Flyte API.
        registration: tells when Flyte is there.
        pack: whose actions are looked for.
        store: tells which actions it held.
        dispatcher: executes what is adopted.
        health: told how many actions are left as they are.
        within: seconds for which a lost action is still adopted; 0 for never.
    """

    def __init__(
        self,
        client: FlyteClient,
        registration: Registration,
        pack: PackDefinition,
        store: Store,
        dispatcher: Dispatcher,
        health: Health,
        within: float,
    ) -> None:
        self._client = client
        self._registration = registration
        self._pack = pack
        self._store = store
        self._dispatcher = dispatcher
        self._health = health
        self._within = min(within, _REMEMBERED)
        self._links = ResultLinks(store)
        self._begun_at = time.monotonic()
        self._left: dict[str, float] = {}  # those that are left as they are, and since when
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look at the start, and now and then after it, until cancelled."""
        await self._registration.links()
        tries, at_start, everything_at = 0, True, -_EVERYTHING_EVERY
        while True:
            now = time.monotonic()
            everything = now - everything_at >= _EVERYTHING_EVERY
            try:
                await self._look(at_start=at_start, everything=everything)
            except (FlyteError, StoreUnavailable) as error:
                tries += 1
                log.debug("Flyte's audit cannot be compared", cause=str(error), tries=tries)
                await asyncio.sleep(retries.pause(retries.FLYTE, tries, error))
            else:
                tries, at_start = 0, False
                everything_at = now if everything else everything_at
                await asyncio.sleep(_EVERY)

    async def _look(self, *, at_start: bool, everything: bool) -> None:
        newest = max(self._within, _TAKEN_FOR_SURE) + _MARGIN
        left = {} if everything else self._older(newest)
        pages = self._client.pending_actions(
            self._pack.name, dict(self._pack.labels), newer_than=None if everything else newest
        )
        async for action in pages:
            before_start = at_start and action.since <= self._begun_at + _CLOCK
            may_be_in_flight = not before_start and time.monotonic() - action.since < _TAKEN_FOR_SURE
            if may_be_in_flight or await self._store.actions.holds(action.id):
                continue
            if not await self._adopt(action):
                left[action.id] = action.since
        self._left = left
        self._tell()

    async def _adopt(self, action: PendingAction) -> bool:
        """Store an action as if it had just been taken, unless that is too late or cannot be."""
        age = time.monotonic() - action.since
        in_time = self._within > 0 and age <= self._within  # it can be below 0, as Flyte's clock tells it
        reference = await self._links.of(action.id) if in_time else None
        if reference is None:
            return False
        kept = Action(action.command, action.input, reference)
        try:
            identity = await retries.until_stored(self._dispatcher.keep, kept)
        except NotStorable:
            return False
        if identity is not None:
            ADOPTED.inc()
            log.warning(
                "an action that was lost on its way is adopted",
                command=action.command,
                action=identity,
                result=reference,
                age=round(age, 1),
            )
        return True

    def _older(self, age: float) -> dict[str, float]:
        """Return those that are left as they are, and too old for a look at the newest pages."""
        before = time.monotonic() - age
        return {id_: since for id_, since in self._left.items() if since < before}

    def _tell(self) -> None:
        self._health.orphans = len(self._left)
        new = [id_ for id_ in self._left if id_ not in self._told]
        self._told = set(self._left)
        if new:
            log.warning(
                "actions were lost between Flyte and the pack: Flyte shows them as PENDING for ever",
                number=len(self._left),
                actions=new[:20],
            )
