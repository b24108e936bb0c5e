"""What is measured. Each scenario takes a `Bench` and adds figures to it, one run at a time.

Here are those with messages and actions; the others are in `footprint.py`.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from bench import LEAST, Bench
from figures import between, first_polls, out_of_order, percentile
from footprint import idle, memory, start
from peers import USUAL
from processes import Pack, TimedOut, packs
from record import ACKED, EVENT, EVENT_DONE, POST_DONE, POSTED, RESULT, SENT, TAKEN


def round_trip(bench: Bench) -> None:
    """Messages at 20 a second: cold and warm cache; SQLite, PostgreSQL, three replicas."""
    number = 40 if bench.quick else 80
    kinds: list[tuple[str, int, Callable[[], str] | None]] = [("sqlite", 1, None)]
    if bench.database is not None:
        kinds += [("postgres", 1, bench.database), ("postgres ×3", 3, bench.database)][bench.quick :]
    for name, replicas, database in kinds:
        bench.peers.ask("reset", **USUAL)
        with packs(bench.peers, replicas, database) as running:
            _settle(replicas)
            _trips(bench, f"{name}, cold", running, number, channels=number, users=number, prefix="CK")
            before = bench.peers.ask("status")["counts"][RESULT]
            bench.peers.ask("say", number=40 * replicas, channels=40, per_second=40, prefix="CW")
            _await_results(bench, before + 40 * replicas, 30)
            _trips(bench, f"{name}, warm", running, number, channels=40, users=1, prefix="CW")


def _settle(replicas: int) -> None:
    """Wait until the packs have done what they do after the start; replicas learn of each other in 3 s."""
    time.sleep(1 if replicas == 1 else 4)


def _await_results(bench: Bench, number: int, timeout: float) -> None:
    bench.peers.wait(lambda seen: bool(seen["counts"][RESULT] >= number), f"{number} results", timeout)


def _trips(bench: Bench, kind: str, running: list[Pack], number: int, **people: Any) -> None:
    bare = bench.bare_post()
    bench.peers.ask("reset")
    cpu, begun_at = sum(pack.cpu for pack in running), time.monotonic()
    bench.peers.ask("say", number=number, per_second=20, **people)
    time.sleep(number / 20)
    with contextlib.suppress(TimedOut):
        _await_results(bench, number, 15)
    cpu, elapsed = sum(pack.cpu for pack in running) - cpu, time.monotonic() - begun_at
    seen = bench.peers.ask("record")
    scenario = f"round trip {kind}"
    trips = [times for times in seen["times"].values() if times[RESULT]]
    whole = between(trips, SENT, POSTED)
    bench.latencies.setdefault(kind, []).extend(whole)
    bench.add(scenario, "message → posted", "ms", *whole, bare=bare, target="median ≤ 40, p95 ≤ 100")
    bench.add(scenario, "message → acknowledged", "ms", *between(trips, SENT, ACKED), bare=bare)
    bench.add(scenario, "message → event", "ms", *between(trips, SENT, EVENT), bare=bare)
    first = first_polls(seen["takes"], [times[EVENT_DONE] for times in trips])
    bench.add(scenario, "event → next poll", "ms", *first, target="≤ 25")
    bench.add(scenario, "event → taken", "ms", *between(trips, EVENT_DONE, TAKEN), bare=bare)
    bench.add(scenario, "taken → posted", "ms", *between(trips, TAKEN, POSTED), bare=bare)
    bench.add(scenario, "posted → result", "ms", *between(trips, POST_DONE, RESULT), bare=bare)
    bench.add(scenario, "a bare POST", "ms", bare)
    bench.add(scenario, "CPU of the pack", "%", 100 * cpu / elapsed)
    bench.add(scenario, "CPU of the peers", "%", 100 * seen["cpu"] / seen["elapsed"])
    _add_wrong(bench, scenario, number - len(trips), seen)
    bench.say(f"{kind}: median {percentile(whole, 0.5):.1f} ms, p95 {percentile(whole, 0.95):.1f} ms")


def _add_wrong(bench: Bench, scenario: str, lost: int, seen: dict[str, Any]) -> None:
    disorder = out_of_order(seen["events"]) + out_of_order(seen["posts"])
    bench.add(scenario, "lost, doubled, out of order", "", lost + seen["twice"] + disorder, target="0")


def burst_limits(bench: Bench) -> None:
    """1,000 actions over 100 channels at once, into a Slack that takes one a second and three at once."""
    number, channels = (400, 100) if bench.quick else (1000, 100)
    least = number / channels - 3
    kinds: list[tuple[str, int, Callable[[], str] | None]] = [("sqlite", 1, None)]
    if bench.database is not None and not bench.quick:
        kinds.append(("postgres ×2", 2, bench.database))
    for name, replicas, database in kinds:
        scenario = f"burst {name}"
        bench.peers.ask("reset", **USUAL | {"limit": 1, "burst": 3, "answers": 0})
        with packs(bench.peers, replicas, database):
            _settle(replicas)
            bench.peers.ask("reset")
            at = bench.peers.ask("act", number=number, channels=channels)["at"]
            with contextlib.suppress(TimedOut):
                _await_results(bench, number, 20 * least)
            seen = bench.peers.ask("record")
        posted = [times[POSTED] for times in seen["times"].values() if times[POSTED]]
        taken = [times[TAKEN] for times in seen["times"].values() if times[TAKEN]]
        lasted = max(posted, default=at) - at
        bench.add(
            scenario, "all posted after", "s", lasted, bare=least, against=LEAST, target="≤ 1.1 × the least"
        )
        bench.add(scenario, "all taken after", "s", max(taken, default=at) - at)
        bench.add(scenario, "answered 429", "", seen["limited"], target="next to none")
        _add_wrong(bench, scenario, number - len(posted), seen)
        bench.say(f"{name}: {lasted:.2f} s of {least:g} s, {seen['limited']} × 429")


def drain(bench: Bench) -> None:
    """30,000 messages are stored while Flyte is away, then delivered to one that takes 2,000 a second."""
    number = 2_000 if bench.quick else 30_000
    scenario = "drain"
    bench.peers.ask("reset", **USUAL | {"answers": 0, "events_per_second": 2000})
    with packs(bench.peers) as (pack,):
        bare = bench.bare_post()
        bench.peers.ask("down")
        try:
            cpu = pack.cpu
            bench.peers.ask("say", number=number, channels=100)
            bench.peers.wait(lambda seen: seen["counts"][ACKED] >= number, "all acknowledged", 300, 0.25)
            bench.say(f"{number} stored")
            storing_cpu, full = pack.cpu - cpu, pack.memory
        finally:
            up_at = bench.peers.ask("up")["at"]
        cpu = pack.cpu
        new = number // 75
        fresh = bench.peers.ask("say", number=new, channels=20, per_second=20, prefix="CN")["first"]
        with contextlib.suppress(TimedOut):
            bench.peers.wait(lambda seen: seen["counts"][EVENT] >= number + new, "all delivered", 300, 0.25)
        cpu = pack.cpu - cpu
        seen = bench.peers.ask("record")
    stored = [times for key, times in seen["times"].items() if int(key) < fresh]
    storing = number / (max(times[ACKED] for times in stored) - min(times[SENT] for times in stored))
    bench.add(scenario, "stored and acknowledged", "/s", storing, bare=bare)
    bench.add(scenario, "CPU for each stored", "ms", 1000 * storing_cpu / number, bare=bare)
    bench.add(scenario, "memory with all stored", "MB", full)
    arrived = sorted(times[EVENT] for times in stored if times[EVENT])
    rate = (len(arrived) - 1) / (arrived[-1] - arrived[0])
    bench.add(scenario, "delivered", "/s", rate, bare=bare, target="≥ 800")
    bench.add(scenario, "Flyte is back → first event", "s", arrived[0] - up_at)
    bench.add(scenario, "CPU for each delivered", "ms", 1000 * cpu / seen["counts"][EVENT], bare=bare)
    meanwhile = [
        times for key, times in seen["times"].items() if int(key) >= fresh and times[SENT] < arrived[-1]
    ]
    acks = between(meanwhile, SENT, ACKED)
    bench.add(scenario, "new message → acknowledged", "ms", *acks, target="≤ 100")
    bench.add(scenario, "the slowest of these", "ms", max(acks, default=0.0), target="≤ 100")
    _add_wrong(bench, scenario, number + new - seen["counts"][EVENT], seen)
    bench.say(f"stored at {storing:.0f} a second, delivered at {rate:.0f} a second")


def backlog(bench: Bench) -> None:
    """300 waiting actions: taken, stored, executed and completed, held against a bare loop."""
    number = 100 if bench.quick else 300
    kinds = (("at once", 0.0), ("after 2 ms", 0.002), ("after 5 ms", 0.005))
    for name, wait in kinds[: 1 if bench.quick else 3]:
        scenario = f"backlog, Flyte answers {name}"
        bench.peers.ask("reset", **USUAL | {"answers": 0, "flyte_answers_after": wait})
        with packs(bench.peers) as (pack,):
            _settle(1)
            bare = bench.bare_loop(number)
            bench.peers.ask("reset")
            cpu = pack.cpu
            bench.peers.ask("act", number=number, channels=100)
            with contextlib.suppress(TimedOut):
                _await_results(bench, number, 60)
            cpu = pack.cpu - cpu
            seen = bench.peers.ask("record")
        times = list(seen["times"].values())
        begun = min(each[TAKEN] for each in times if each[TAKEN])
        lasted = max(each[RESULT] for each in times) - begun
        bench.add(
            scenario, "taken to completed", "s", lasted, bare=bare, against="a bare loop", target="≤ the loop"
        )
        bench.add(scenario, "CPU for each action", "ms", 1000 * cpu / number)
        _add_wrong(bench, scenario, number - seen["counts"][RESULT], seen)
        bench.say(f"Flyte answers {name}: {lasted:.2f} s, a bare loop {bare:.2f} s")


SCENARIOS: dict[str, tuple[Callable[[Bench], None], int]] = {
    "start": (start, 3),
    "round_trip": (round_trip, 3),
    "burst_limits": (burst_limits, 2),
    "drain": (drain, 2),
    "backlog": (backlog, 3),
    "idle": (idle, 1),
    "memory": (memory, 1),
}
"""Each with the runs it is given unless told otherwise."""
