"""The benchmarks' arithmetic, table and plot."""

import math

import pytest
from bench import Bench
from figures import (
    Figure,
    as_markdown,
    as_text,
    between,
    first_polls,
    out_of_order,
    per_minute,
    percentile,
    rows,
    slope,
)
from plot import distribution


def test_percentiles_lie_between_the_samples() -> None:
    """The usual linear interpolation; nothing comes of nothing."""
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([1, 2], 0.5) == 1.5
    assert percentile(range(101), 0.95) == 95
    assert percentile([7], 0.95) == 7
    assert math.isnan(percentile([], 0.5))


def test_what_came_late_is_counted() -> None:
    """Order is looked at within a channel only."""
    assert out_of_order({"C1": [1, 3, 5], "C2": [2, 4]}) == 0
    assert out_of_order({"C1": [1, 5, 3, 4, 6], "C2": [2]}) == 2


def test_a_slope_is_that_of_the_line() -> None:
    """Least squares."""
    assert slope([(0, 1), (1, 3), (2, 5)]) == 2
    assert math.isnan(slope([(0, 1)]))


def test_a_message_that_lacks_a_moment_has_no_time_between() -> None:
    """A zero means that it did not happen."""
    assert between([[1.0, 1.5, 2.0], [1.0, 0.0, 2.0], [0.0, 1.0, 1.0]], 0, 1) == [500]


def test_the_first_poll_after_an_event_is_found() -> None:
    """Of the polls after an event the first counts; an event without one is left out."""
    assert first_polls([1.0, 2.0, 3.0], [1.5, 1.75, 2.0, 4.0]) == [500, 250, 0]


def test_polls_a_minute_do_not_depend_on_where_the_window_begins() -> None:
    """Four polls a second apart are 60 a minute, not four in three seconds and not in four."""
    assert per_minute([0.5, 1.5, 2.5, 3.5]) == 60
    assert math.isnan(per_minute([1.0]))


def test_a_figure_sums_up_its_runs() -> None:
    """Medians over the runs; a rate's ratio is of the time for one."""
    trip = Figure("s", "trip", "ms", runs=[[1, 2, 3], [4, 5, 6]], bare=[1, 1], against="a bare POST")
    assert (trip.median, trip.ratio) == (3.5, 3.5)
    assert trip.p95 == pytest.approx(4.4)
    rate = Figure("s", "rate", "/s", runs=[[0], [500]], bare=[4, 1], against="a bare POST")
    assert rate.ratio == 2
    assert rate.p95 == 475
    assert "trip" in as_text([trip, rate])
    assert "| s | rate | 250 |" in as_markdown([trip, rate])
    assert rows([rate])[0][5].startswith("2 ")
    assert trip.as_json()["runs"][1]["median"] == 5


def test_a_run_in_which_nothing_was_seen_changes_no_figure(bench: Bench) -> None:
    """Neither its median nor what it is held against."""
    for samples in ([4.0], [], [2.0]):
        bench.add("s", "trip", "ms", *samples, bare=2.0)
    figure = bench.figures["s", "trip"]
    assert (figure.median, figure.ratio, figure.runs) == (3, 1.5, [[4], [2]])


@pytest.fixture
def bench() -> Bench:
    peers = None
    return Bench(peers, quick=True, minutes=1, database=None, say=print)  # type: ignore[arg-type]


def test_the_plot_has_a_line_for_each_kind() -> None:
    """Also where a kind has few samples."""
    plot = distribution({"sqlite, cold": [10, 20, 30], "sqlite, warm": [5]})
    assert plot.count("<polyline") == 2
    assert "sqlite, warm" in plot
