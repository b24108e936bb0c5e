"""The runner: what is run, what is shown meanwhile, what is left of it."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import run
from bench import Bench
from processes import TimedOut, cpu_of
from run import parser, plan
from scenarios import SCENARIOS


def test_every_scenario_can_be_asked_for() -> None:
    """By the name it is shown under."""
    for name in SCENARIOS:
        assert parser().parse_args(["--only", name]).only == [name]


def test_each_scenario_is_run_often_enough() -> None:
    """Two runs at least, three of the short ones; one where a run is itself many samples."""
    runs = {name: of for name, _, of in plan(list(SCENARIOS), None, False)}
    assert set(runs) == {"start", "round_trip", "burst_limits", "drain", "backlog", "idle", "memory"}
    assert min(runs["start"], runs["round_trip"], runs["backlog"]) >= 3
    assert min(runs["burst_limits"], runs["drain"]) >= 2


def test_what_is_run_is_what_was_asked_for() -> None:
    """All runs of one scenario, then all of the next."""
    assert plan(["idle", "start"], 2, False) == [
        ("idle", 1, 2),
        ("idle", 2, 2),
        ("start", 1, 2),
        ("start", 2, 2),
    ]
    assert plan(["start"], None, True) == [("start", 1, 1)]


@pytest.fixture
def same_signals() -> Iterator[None]:
    usual = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, usual)


@pytest.mark.usefixtures("same_signals")
def test_a_scenario_that_fails_leaves_the_figures_of_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said how far it is; the figures are shown and written, the plot beside them."""
    numbers = iter([1.0, 2.0])

    def fine(bench: Bench) -> None:
        bench.add("fine", "figure", "ms", next(numbers), target="small")
        bench.latencies.setdefault("kind", []).append(10.0)

    def broken(bench: Bench) -> None:
        raise TimedOut("not in time")

    monkeypatch.setattr(run, "SCENARIOS", {"broken": (broken, 1), "fine": (fine, 2)})
    output = tmp_path / "new" / "figures.json"
    assert run.main(["--output", str(output)]) == 1
    shown = capsys.readouterr()
    assert "[1/3] broken, run 1 of 1" in shown.err
    assert "TimedOut: not in time" in shown.err
    assert "[3/3] fine, run 2 of 2" in shown.err
    assert "1.5" in next(line for line in shown.out.splitlines() if line.startswith("fine"))
    written = json.loads(output.read_text())
    assert [figure["median"] for figure in written["figures"]] == [1.5]
    assert written["latencies"] == {"kind": [10, 10]}
    assert "<polyline" in output.with_suffix(".svg").read_text()


def test_cpu_is_told_finely() -> None:
    """In less than the ticks of 10 ms in which /proc counts."""
    before = time.process_time()
    used = cpu_of(os.getpid())
    assert before <= used <= time.process_time()
