"""What the scenarios share: the peers, the figures, and what everything is compared with."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from figures import Figure, percentile
from processes import Peers

BARE = "a bare POST"
LEAST = "the least possible"


@dataclass
class Bench:
    """What the scenarios share.

    Attributes:
        peers: Flyte and Slack.
        quick: whether everything is done on a smaller scale.
        minutes: how long the load of the memory scenario lasts.
        database: gives the URL of an empty PostgreSQL database; None where there is no server.
        say: shows progress.
        figures: what was measured, by scenario and name.
        latencies: round trips in milliseconds, by scenario, for the plot.
    """

    peers: Peers
    quick: bool
    minutes: float
    database: Callable[[], str] | None
    say: Callable[[str], None]
    figures: dict[tuple[str, str], Figure] = field(default_factory=dict)
    latencies: dict[str, list[float]] = field(default_factory=dict)

    def add(
        self,
        scenario: str,
        name: str,
        unit: str,
        *samples: float,
        target: str = "",
        bare: float | None = None,
        against: str = BARE,
    ) -> None:
        """Add the samples of one run to a figure; none where nothing was seen."""
        if not samples:
            return
        figure = self.figures.setdefault((scenario, name), Figure(scenario, name, unit, target))
        figure.runs.append(list(samples))
        if bare is not None:
            figure.bare.append(bare)
            figure.against = against

    def bare_post(self, number: int = 200) -> float:
        """Return the median of POSTs with httpx, one after the other, in milliseconds."""
        return asyncio.run(self._bare_post(number))

    async def _bare_post(self, number: int) -> float:
        event = {
            "event": "MessageSent",
            "payload": {
                "channelId": "C1",
                "message": "m " * 20 + "1",
                "user": {"id": "U1", "name": "x" * 200},
            },
        }
        samples = []
        async with httpx.AsyncClient() as client:
            for _ in range(number):
                start = time.perf_counter()
                await client.post(f"{self.peers.flyte}/v1/packs/Bare/events", json=event)
                samples.append(1000 * (time.perf_counter() - start))
        return percentile(samples, 0.5)

    def bare_loop(self, number: int) -> float:
        """Return the seconds in which a loop of take and complete empties the same backlog."""
        self.peers.ask("act", number=number, channels=100, pack="Bare")
        return asyncio.run(self._bare_loop())

    async def _bare_loop(self) -> float:
        result = {"event": "MessageSent", "payload": {"message": "m " * 40, "user": {"name": "x" * 200}}}
        async with httpx.AsyncClient() as client:
            start = time.perf_counter()
            while True:
                taken = await client.post(f"{self.peers.flyte}/v1/packs/Bare/actions/take")
                if taken.status_code == httpx.codes.NO_CONTENT:
                    return time.perf_counter() - start
                await client.post(taken.json()["links"][0]["href"], json=result)
