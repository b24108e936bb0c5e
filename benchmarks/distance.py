"""Messages a second through a store whose database server is far away, and whether they stay in order.

Run it as `python benchmarks/distance.py`; it needs PostgreSQL's server. The pack's own runtime stores and
delivers; bytes to and from the database take half of the round trip each way.
"""

import asyncio
import logging
import statistics
import sys
import time
from pathlib import Path

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from databases import Server
from pack_parts import Parts, pack
from scripted_flyte import ScriptedFlyte
from support import running
from wire import Wire

CHANNELS = 10
RATE = 60.0
SECONDS = 10.0
ROUND_TRIPS = (0.0, 0.05, 0.2)
PATIENCE = 120.0


async def measure(server: Server, round_trip: float) -> str:
    """Send messages at a rate, and say what became of them."""
    wire = Wire(server.port, round_trip)
    async with wire.laid() as port, ScriptedFlyte().serve() as flyte:
        url = server.new_database().replace(f":{server.port}/", f":{port}/")
        async with pack(flyte, url, poll=False) as parts, running(parts.store.run()):
            while not parts.store.leases.alone:
                await asyncio.sleep(0.05)
            return await send(parts, flyte, round_trip)


async def send(parts: Parts, flyte: ScriptedFlyte, round_trip: float) -> str:
    """Send the messages; return a line of the table."""
    waits: list[float] = []

    async def see(number: int) -> None:
        asked_at = time.monotonic()
        await parts.see(f"C{number % CHANNELS}:{number:06}", f"C{number % CHANNELS}")
        waits.append(time.monotonic() - asked_at)

    number, begun_at = int(RATE * SECONDS), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for n in range(number):
            group.create_task(see(n))
            await asyncio.sleep(max(0.0, begun_at + n / RATE - time.monotonic()))
    while len(flyte.events) < number and time.monotonic() - begun_at < PATIENCE:
        await asyncio.sleep(0.01)
    took = time.monotonic() - begun_at
    keys = [event["payload"]["key"] for event in flyte.events]
    lanes = [[key for key in keys if key.startswith(f"C{lane}:")] for lane in range(CHANNELS)]
    return (
        f"{1000 * round_trip:10.0f} {len(keys) / took:10.0f} {1000 * statistics.median(waits):10.0f} "
        f"{1000 * max(waits):10.0f} {number - len(set(keys)):6} {len(keys) - len(set(keys)):8} "
        f"{sum(lane != sorted(lane) for lane in lanes):14}"
    )


def main() -> None:
    """Measure each distance."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"{RATE:.0f} messages a second into {CHANNELS} channels")
    print("round trip delivered/s  stored ms    slowest   lost  doubled  out of order")
    with Server() as server:
        for round_trip in ROUND_TRIPS:
            print(asyncio.run(measure(server, round_trip)), flush=True)


if __name__ == "__main__":
    main()
