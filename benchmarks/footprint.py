"""Scenarios that measure what the process itself takes: its start, idling, memory under a steady load."""

import time
from typing import Any

from bench import Bench
from figures import per_minute, slope
from peers import USUAL
from processes import Pack, folder, packs
from record import RESULT


def start(bench: Bench) -> None:
    """From exec to the registration's arrival at Flyte: with an empty store, and with one that is there."""
    for kind in ("empty store", "existing store"):
        with folder() as path:
            pack = Pack(path, bench.peers, f"sqlite:///{path / 'store.db'}")
            try:
                if kind == "existing store":
                    _started(bench, pack)
                bench.peers.ask("reset", **USUAL)
                registered, connected = _started(bench, pack)
                name = f"exec → registered, {kind}"
                bench.add("start", name, "s", registered, target="under 1.5")
                bench.add("start", f"exec → first socket, {kind}", "s", connected)
            finally:
                pack.kill()
        bench.say(f"{kind}: registered after {registered:.2f} s")


def _started(bench: Bench, pack: Pack) -> tuple[float, float]:
    pack.start()
    seen = bench.peers.wait(
        lambda seen: seen["registered"] and seen["sockets"] == 2, "registered and connected", every=0.02
    )
    times = seen["registered"][0] - pack.started_at, seen["hellos"][0] - pack.started_at
    pack.stop()
    bench.peers.wait(lambda seen: not seen["sockets"], "the sockets are closed")
    return times


def idle(bench: Bench) -> None:
    """Nothing happens for a minute, and nothing before: the pauses between polls grow for 10 s."""
    settle, lasts = (15, 10) if bench.quick else (20, 60)
    bench.peers.ask("reset", **USUAL)
    with packs(bench.peers) as (pack,):
        time.sleep(settle)
        bench.peers.ask("reset")
        cpu, at = pack.cpu, time.monotonic()
        time.sleep(lasts)
        share = 100 * (pack.cpu - cpu) / (time.monotonic() - at)
        polls = per_minute(bench.peers.ask("record")["takes"])
        bench.add("idle", "polls a minute", "", polls, target="≤ 60")
        bench.add("idle", "CPU", "%", share, target="under 1")
        bench.add("idle", "memory", "MB", pack.memory, target="under 90")
        bench.say(f"{polls:.1f} polls a minute, {share:.2f} % CPU, {pack.memory:.0f} MB")


def memory(bench: Bench) -> None:
    """Resident memory before and after a steady load of whole round trips, and its slope at the end."""
    minutes = 8 / 60 if bench.quick else bench.minutes
    load = steady_load(minutes)
    bench.peers.ask("reset", **USUAL)
    with packs(bench.peers) as (pack,):
        time.sleep(2)
        before = pack.memory
        bench.peers.ask("say", **load)
        points: list[tuple[float, float]] = []
        told = 0
        begun_at, cpu = time.monotonic(), pack.cpu
        while (at := (time.monotonic() - begun_at) / 60) < minutes:
            points.append((at, pack.memory))
            if int(at) > told:
                told = int(at)
                bench.say(f"minute {told} of {minutes:g}: {points[-1][1]:.1f} MB")
            time.sleep(0.5)
        share = 100 * (pack.cpu - cpu) / (time.monotonic() - begun_at)
        done = bench.peers.ask("status")["counts"][RESULT]
        bench.add("memory", "before the load", "MB", before, target="under 90")
        bench.add("memory", "after the load", "MB", pack.memory)
        for name, unit, value in growth(points, minutes):
            bench.add("memory", name, unit, value, target="flat")
            bench.say(f"{name}: {value:.2f} {unit}")
        bench.add("memory", "round trips", "/s", done / minutes / 60)
        bench.add("memory", "CPU", "%", share)
        bench.say(f"{before:.0f} MB → {pack.memory:.0f} MB, {done} round trips")


def steady_load(minutes: float) -> dict[str, Any]:
    """Return what is written in so many minutes; in a long time by the same people again and again."""
    per_second, channels, users = (10, 200, 500) if minutes > 5 else (30, 100, 100)
    number = round(60 * minutes * per_second)
    return {"number": number, "per_second": per_second, "channels": channels, "users": users}


def growth(points: list[tuple[float, float]], minutes: float) -> list[tuple[str, str, float]]:
    """Return how fast memory grew at the end of so many minutes: what is given, its unit, its value.

    Args:
        points: minutes and MB.
        minutes: in all; of ten or more, the slope of an hour is given too.
    """

    def after(share: float) -> float:
        return slope([point for point in points if point[0] >= share * minutes])

    found = [("slope in the second half", "MB/min", after(1 / 2))]
    if minutes >= 10:
        found.append(("slope in the last two thirds", "MB/h", 60 * after(1 / 3)))
    return found
