"""The gauges of a running pack: what its parts say of themselves at each scrape."""

import time
from collections.abc import Iterator

from .. import __version__
from ..store import Held, Store
from .health import Health
from .metrics import Gauge


def look(health: Health, store: Store) -> Iterator[Gauge]:
    """Yield every gauge.

    Args:
        health: tells whether the pack is registered, and of orphans.
        store: tells what waits, and what is dead; a few seconds old.
    """
    stats, now = store.stats, time.time()
    waiting = {"events": stats.events, "actions": stats.actions, "results": stats.results}
    dead = {"events": stats.dead_events, "results": stats.dead_results}
    yield Gauge("build_info", "The version that runs.", {__version__: 1}, "version")
    yield Gauge("registered", "Whether Flyte knows the pack.", {"": health.registered})
    yield Gauge("waiting", "What is stored and waits.", _numbers(waiting), "kind")
    yield Gauge(
        "waiting_oldest_seconds",
        "Age of the oldest that waits.",
        {kind: max(0.0, now - held.since) if held.since else 0.0 for kind, held in waiting.items()},
        "kind",
    )
    yield Gauge("dead", "Dead letters.", _numbers(dead), "kind")
    yield Gauge("store_bytes", "Size of the store.", {"": stats.size})
    yield Gauge("orphans", "Actions that were lost between Flyte and the pack.", {"": health.orphans})


def _numbers(held: dict[str, Held]) -> dict[str, float]:
    return {kind: each.number for kind, each in held.items()}
