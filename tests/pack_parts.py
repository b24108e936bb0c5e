"""A small pack, wired like the real one, against a scripted Flyte."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scripted_flyte import ScriptedFlyte
from support import opened, running
from tenacity import wait_fixed

from flyte_slack import retries
from flyte_slack.flyte import FlyteClient
from flyte_slack.pack import ActionContext, Command, Event, EventDefinition, PackDefinition
from flyte_slack.pack.adoption import Adoption
from flyte_slack.pack.arrivals import Arrivals
from flyte_slack.pack.delivery import EventDelivery
from flyte_slack.pack.dispatch import Dispatcher
from flyte_slack.pack.health import Health
from flyte_slack.pack.poller import Poller
from flyte_slack.pack.pulse import Pulse
from flyte_slack.pack.registration import Registration
from flyte_slack.pack.results import ResultDelivery
from flyte_slack.store import Store, StoredEvent

Handler = Callable[[dict[str, Any], ActionContext], Coroutine[Any, Any, Event]]

HELP = "https://example.com/readme"


async def echo(input_: dict[str, Any], action: ActionContext) -> Event:
    """Answer with the input."""
    await action.executing()
    return Event("Echoed", input_)


def pack_with(handler: Handler = echo) -> PackDefinition:
    """Return a pack with one command, `sendMessage`, whose lane is its `channelId`."""
    return PackDefinition(
        name="Slack",
        help_url=HELP,
        events=(EventDefinition("Other", HELP),),
        commands=(
            Command(
                "sendMessage", handler, ("Echoed",), "Failed", HELP, lambda input_: str(input_["channelId"])
            ),
        ),
    )


class Parts:
    """The parts of the pack's runtime over one store and one client."""

    def __init__(
        self, client: FlyteClient, store: Store, pack: PackDefinition, slowest: float, adopt: float
    ) -> None:
        self.store = store
        self.health = Health()
        self.activity, self.recovered = Pulse(), Pulse()
        self.arrivals = Arrivals()
        self.registration = Registration(client, pack, self.health)
        self.events = EventDelivery(
            client,
            self.registration,
            store,
            self.health,
            self._map,
            self.activity,
            self.recovered,
            self.arrivals,
        )
        self.results = ResultDelivery(
            client, self.registration, store, self.health, self.activity, self.recovered
        )
        self.dispatcher = Dispatcher(pack, store, self.results)
        self.adoption = Adoption(
            client, self.registration, pack, store, self.dispatcher, self.health, within=adopt
        )
        self.poller = Poller(
            client,
            self.registration,
            store,
            self.dispatcher,
            self.health,
            self.activity,
            self.recovered,
            slowest,
        )

    async def see(self, key: str, lane: str = "C1", **body: Any) -> None:
        """Store an inbound event and wake its lane, as the listener does."""
        if await self.store.inbox.add(key, lane, body, kind="Seen"):
            self.events.wake(lane)

    @staticmethod
    async def _map(stored: StoredEvent) -> Event | None:
        if "skip" in stored.body:
            return None
        if "fail" in stored.body:
            raise KeyError("whatever it holds")
        return Event("MessageSent", {"key": stored.key})


@asynccontextmanager
async def pack(
    flyte: ScriptedFlyte,
    where: Path | str,
    handler: Handler = echo,
    *,
    poll: bool = True,
    adopt: bool = False,
    adopt_within: float = 900,
    command: Command | None = None,
    slowest: float = 0.05,
    timeout: float = 5,
) -> AsyncIterator[Parts]:
    """Run the pack; a second call over the same folder, or URL of a store, is its next start.

    `command` is one in place of `sendMessage`, which `handler` executes.
    """
    definition = pack_with(handler)
    if command is not None:
        definition = replace(definition, commands=(command,))
    async with opened(where) as store, FlyteClient(flyte.url, timeout=timeout) as client:
        parts = Parts(client, store, definition, slowest, adopt_within)
        run = [parts.registration.run(), parts.events.run(), parts.results.run(), parts.dispatcher.run()]
        if poll:
            run.append(parts.poller.run())
        if adopt:
            run.append(parts.adoption.run())
        async with running(*run):
            for part in (parts.results, parts.dispatcher, parts.events):
                await part._lanes.look()  # what an earlier run left is in hand from here on
            yield parts


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every wait between two tries towards Flyte short."""
    monkeypatch.setattr(retries, "FLYTE", wait_fixed(0.01))
    monkeypatch.setattr(retries, "FLYTE_DELIVERY", wait_fixed(0.01))
