"""Runs a pack: starts its parts, supervises them, and stops them in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from .. import __version__, logs
from ..flyte import FileToken, FixedToken, FlyteClient, Token
from ..settings.flyte import PackSettings
from ..store import Store, StoredEvent
from .adoption import Adoption
from .arrivals import Arrivals
from .definition import Event, PackDefinition
from .delivery import EventDelivery, Mapping
from .dispatch import Dispatcher
from .gauges import look
from .health import Condition, Health
from .metrics import Gauge, exposition
from .poller import Poller
from .pulse import Pulse
from .registration import Registration
from .results import ResultDelivery
from .web import health_app, serve

log = logs.get(__name__)

_LAST_ANSWERS = 1.0  # seconds that results of what was in flight get, before they wait for the next start


class Runtime:
    """A pack at work. Use `open()`, add what is the tool's own, and let `run()` go on.

    Attributes:
        health: how the parts are doing; the tool's own go into `health.parts`.
        store: what must not be lost.
        arrivals: what was received and is not stored yet.
        gauges: give further gauges at each scrape.
        app: the web port's application, for routes of the tool's own.
        port: where it is served, once it is.

    Args:
        pack: what it is.
        settings: where Flyte is, and the rest that any pack needs.
        store: open.
        flyte: the client of the Flyte API.
        mapping: makes of a stored event what flows see; by default what `send` has stored.
        prefix: begins the names of the metrics.
    """

    def __init__(
        self,
        pack: PackDefinition,
        settings: PackSettings,
        store: Store,
        flyte: FlyteClient,
        mapping: Mapping | None = None,
        prefix: str = "flyte_pack",
    ) -> None:
        activity, recovered = Pulse(), Pulse()
        self._settings = settings
        self.store = store
        self.health = health = Health()
        self.arrivals = Arrivals()
        self.gauges: list[Callable[[], Iterable[Gauge]]] = []
        self.port = 0
        self._registration = registration = Registration(flyte, pack, health)
        self._events = EventDelivery(
            flyte, registration, store, health, mapping or _as_sent, activity, recovered, self.arrivals
        )
        self._results = ResultDelivery(flyte, registration, store, health, activity, recovered)
        self._dispatcher = Dispatcher(pack, store, self._results)
        self._adoption = Adoption(flyte, registration, pack, store, self._dispatcher, health, settings.adopt)
        self._poller = Poller(
            flyte,
            registration,
            store,
            self._dispatcher,
            health,
            activity,
            recovered,
            settings.poll_interval,
        )
        health.parts["Store"] = partial(_store_condition, store)
        self.app = health_app(health, lambda: exposition(prefix, self._gauges))

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        pack: PackDefinition,
        settings: PackSettings,
        mapping: Mapping | None = None,
        prefix: str = "flyte_pack",
    ) -> "AsyncIterator[Runtime]":
        """Open the store and the way to Flyte, and give a runtime over them.

        Raises:
            StoreError: the store cannot be opened, or is another pack's.
        """
        logs.add_secrets(settings.secrets())
        async with (
            await Store.open(settings.store.get_secret_value()) as store,
            flyte_client(settings) as flyte,
        ):
            if store.is_shared:  # nobody else works on a file
                await store.claim({"pack": _id(pack), "flyte": settings.flyte_api.removesuffix("/v1")})
            yield cls(pack, settings, store, flyte, mapping, prefix)

    async def send(self, event: Event, *, key: str, lane: str) -> bool:
        """Send an event that the tool has brought forth, with every promise; returns when it is on disk.

        Args:
            event: what flows see.
            key: what makes two of them the same; one that was sent in the last 24 hours is left out.
            lane: what it must stay in order with.

        Returns:
            Whether it is new.

        Raises:
            StoreUnavailable: it is not stored.
        """
        position = event.created_at.timestamp()
        new = await self.store.inbox.add(f"{event.name}:{key}", lane, event.wire(), position, kind=event.name)
        if new:
            self.wake(lane)
        return new

    def wake(self, lane: str) -> None:
        """Say that an event was stored into a lane."""
        self._events.wake(lane)

    async def run(
        self,
        stop: asyncio.Event,
        *,
        receiving: Sequence[Coroutine[Any, Any, None]] = (),
        background: Sequence[Coroutine[Any, Any, None]] = (),
    ) -> None:
        """Work until stopped: begin nothing more, finish what is in flight, leave the rest in the store.

        Args:
            stop: set to stop.
            receiving: what brings events; cancelled first, and waited for.
            background: what else goes on until the end.

        Raises:
            OSError: the web port cannot be bound.
        """
        async with serve(self.app, self._settings.host, self._settings.port) as self.port:
            log.info("the pack starts", version=__version__)
            async with asyncio.TaskGroup() as group:
                parts: list[Coroutine[Any, Any, None]] = [
                    self.store.run(),
                    self._registration.run(),
                    self._events.run(),
                    self._results.run(),
                    self._dispatcher.run(),
                    *background,
                ]
                tasks = [group.create_task(part) for part in parts]
                ways_in = [group.create_task(part) for part in receiving]
                polling = group.create_task(self._poller.run())
                adopting = group.create_task(self._adoption.run())
                await stop.wait()
                log.info("stopping: what is in flight is finished", grace=self._settings.shutdown_grace)
                for part in (self._poller, self._dispatcher, self._results, self._events):
                    part.stop()
                for task in (*ways_in, adopting):
                    task.cancel()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.shutdown_grace):
                        await self._finished(polling, ways_in)
                for task in (polling, *tasks):
                    task.cancel()
            log.info("stopped")

    async def _finished(self, polling: asyncio.Task[None], ways_in: Sequence[asyncio.Task[None]]) -> None:
        """Return when nothing is in flight any more."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._events.close())
            group.create_task(_ended([polling, *ways_in]))
            group.create_task(self._dispatcher.idle())
        await self._results.close(_LAST_ANSWERS if self.health.flyte.healthy else 0.0)

    def _gauges(self) -> Iterable[Gauge]:
        yield from look(self.health, self.store)
        for more in self.gauges:
            yield from more()


def flyte_client(settings: PackSettings) -> FlyteClient:
    """Return a client of the Flyte API as it is set."""
    if settings.flyte_api_insecure:
        log.warning("FLYTE_API_INSECURE is set: TLS certificates of the Flyte API are not verified")
    fixed = settings.flyte_jwt.get_secret_value() if settings.flyte_jwt else None
    token: Token = FileToken(settings.flyte_jwt_file) if settings.flyte_jwt_file else FixedToken(fixed)
    return FlyteClient(
        settings.flyte_api,
        token=token,
        timeout=settings.flyte_api_timeout,
        verify=not settings.flyte_api_insecure,
    )


def _id(pack: PackDefinition) -> str:
    """Return the pack's id as Flyte makes it: labelled packs of one name are different ones."""
    labels = (f"{key}.{value}" for key, value in sorted(pack.labels.items()))
    return ".".join([pack.name, *labels])


async def _as_sent(stored: StoredEvent) -> Event:
    """Return the event that `send` has stored."""
    body = stored.body
    return Event(body["event"], body["payload"], datetime.fromisoformat(body["createdAt"]))


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)


def _store_condition(store: Store) -> Condition:
    if store.problem is None:
        return Condition(True, str(store.stats))
    return Condition(False, f"cannot be written: {store.problem}; nothing is acknowledged; {store.stats}")
