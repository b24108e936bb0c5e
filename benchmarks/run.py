"""Measures the pack as a user runs it, between peers of its own: `make bench`."""

import argparse
import contextlib
import json
import os
import platform
import re
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import databases
from bench import Bench
from figures import Figure, as_markdown, as_text
from plot import distribution
from processes import PROJECT, RESULTS, Peers
from scenarios import SCENARIOS

DOCUMENT = PROJECT / "docs" / "performance.md"
PLOT = PROJECT / "docs" / "latency.svg"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the scenarios; return 1 where one of them could not be carried out."""
    asked = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the processes are ended
    begun_at = time.monotonic()
    load = os.getloadavg()[0]
    failed = []
    with contextlib.ExitStack() as stack:
        peers = stack.enter_context(Peers(asked.project.resolve()))
        bench = Bench(peers, asked.quick, asked.minutes, None, _say)
        planned = plan(asked.only or list(SCENARIOS), asked.runs, asked.quick)
        if {"round_trip", "burst_limits"} & {name for name, _, _ in planned}:
            if asked.sqlite:
                _say("without PostgreSQL, as asked")
            elif databases.installed():
                bench.database = stack.enter_context(databases.Server()).new_database
            else:
                _say(f"without PostgreSQL: {databases.HOW}")
        for place, (name, run, runs) in enumerate(planned, 1):
            _say(f"[{place}/{len(planned)}] {name}, run {run} of {runs}")
            try:
                SCENARIOS[name][0](bench)
            except Exception:  # the figures of the others still count
                failed.append(name)
                _say(f"{name} failed\n{traceback.format_exc()}")
    figures = list(bench.figures.values())
    machine: dict[str, object] = {
        "cores": os.cpu_count(),
        "load before": round(load, 1),
        "load after": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "seconds": round(time.monotonic() - begun_at),
    }
    print("\n" + as_text(figures))
    print("\n" + ", ".join(f"{key} {value}" for key, value in machine.items()))
    _write(asked.output, figures, machine, bench)
    if asked.docs:
        document(figures, machine)
        PLOT.write_text(distribution(bench.latencies))
    return int(bool(failed))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", action="append", choices=list(SCENARIOS), help="this scenario; repeatable")
    options.add_argument("--runs", type=int, help="runs of each scenario")
    options.add_argument(
        "--minutes", type=float, default=1, help="of load in the memory scenario (default: 1, --quick: 8 s)"
    )
    options.add_argument("--sqlite", action="store_true", help="leave out what needs PostgreSQL")
    options.add_argument(
        "--project", type=Path, default=PROJECT, help="measure the pack of another checkout, to compare"
    )
    options.add_argument("--quick", action="store_true", help="once, on a smaller scale")
    options.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "latest.json",
        help="(default: benchmarks/results/latest.json)",
    )
    options.add_argument("--docs", action="store_true", help="write table and plot into docs/")
    return options


def plan(names: Sequence[str], runs: int | None, quick: bool) -> list[tuple[str, int, int]]:
    """Return what is to be run, in order: which scenario, which of its runs, of how many."""
    numbers = {name: runs or (1 if quick else SCENARIOS[name][1]) for name in names}
    return [(name, run, numbers[name]) for name in names for run in range(1, numbers[name] + 1)]


def document(figures: Sequence[Figure], machine: dict[str, object]) -> None:
    """Put the table into the document, between its marks."""
    machines = (
        f"{machine['cores']} cores shared with other work (load {machine['load before']} before, "
        f"{machine['load after']} after), Python {machine['python']}."
    )
    text = f"<!-- table -->\n{machines}\n\n{as_markdown(figures)}\n<!-- /table -->"
    old = DOCUMENT.read_text()
    DOCUMENT.write_text(re.sub(r"<!-- table -->.*<!-- /table -->", lambda _: text, old, flags=re.DOTALL))


def _write(path: Path, figures: Sequence[Figure], machine: dict[str, object], bench: Bench) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    latencies = {name: [round(each, 2) for each in them] for name, them in bench.latencies.items()}
    content = {
        "machine": machine,
        "figures": [figure.as_json() for figure in figures],
        "latencies": latencies,
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False))
    if latencies:
        path.with_suffix(".svg").write_text(distribution(bench.latencies))
    _say(f"written: {path}")


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
