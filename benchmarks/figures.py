"""The arithmetic of the benchmarks: percentiles, moments, order, slopes, the table."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the value below which this share of the samples lies, interpolated; NaN where there is none."""
    if not samples:
        return math.nan
    ordered = sorted(samples)
    place = (len(ordered) - 1) * share
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def between(trips: Iterable[Sequence[float]], begin: int, end: int) -> list[float]:
    """Return the milliseconds from one moment of each message to another; without those that lack one."""
    return [1000 * (times[end] - times[begin]) for times in trips if times[begin] and times[end]]


def first_polls(takes: Sequence[float], events: Iterable[float]) -> list[float]:
    """Return, for each event's answer, the milliseconds until the next take arrived."""
    found, place = [], 0
    for event in sorted(events):
        while place < len(takes) and takes[place] < event:
            place += 1
        if place < len(takes):
            found.append(1000 * (takes[place] - event))
    return found


def per_minute(moments: Sequence[float]) -> float:
    """Return how often a minute something happens, by the time from the first to the last; NaN for one."""
    if len(moments) < 2:
        return math.nan
    return 60 * (len(moments) - 1) / (moments[-1] - moments[0])


def out_of_order(lanes: Mapping[str, Iterable[int]]) -> int:
    """Return how many messages came after one of their channel that was sent later."""
    late = 0
    for numbers in lanes.values():
        highest = -1
        for number in numbers:
            late += number < highest
            highest = max(highest, number)
    return late


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line through these points with the least squares."""
    if len(points) < 2:
        return math.nan
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


@dataclass
class Figure:
    """One thing that is measured, in several runs.

    Attributes:
        scenario: which it belongs to.
        name: what it is.
        unit: of the samples.
        target: what is wanted, in words; empty where nothing is.
        runs: the samples of each run.
        bare: of each run, what the figure is held against: the milliseconds of a bare call, or the least.
        against: what that is, in words.
    """

    scenario: str
    name: str
    unit: str
    target: str = ""
    runs: list[list[float]] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    against: str = ""

    @property
    def median(self) -> float:
        """The median over the runs of each run's median."""
        return percentile([percentile(run, 0.5) for run in self.runs], 0.5)

    @property
    def p95(self) -> float:
        """The median over the runs of each run's 95th percentile; of single samples, that of all runs."""
        if all(len(run) == 1 for run in self.runs):
            return percentile([run[0] for run in self.runs], 0.95)
        return percentile([percentile(run, 0.95) for run in self.runs], 0.5)

    @property
    def ratio(self) -> float:
        """The median over the runs of each run's median to what it is held against in that run.

        Of a rate it is the time for one to the bare call's time.
        """
        if not self.bare:
            return math.nan
        pairs = zip((percentile(run, 0.5) for run in self.runs), self.bare, strict=True)
        ratios = [(1000 / median if self.unit == "/s" else median) / bare for median, bare in pairs if median]
        return percentile(ratios, 0.5)

    def as_json(self) -> dict[str, Any]:
        """Return everything about it."""
        return {
            "scenario": self.scenario,
            "figure": self.name,
            "unit": self.unit,
            "target": self.target,
            "median": _plain(self.median),
            "p95": _plain(self.p95),
            "ratio": _plain(self.ratio),
            "ratio_to": self.against,
            "runs": [
                {"median": _plain(percentile(run, 0.5)), "p95": _plain(percentile(run, 0.95)), "n": len(run)}
                for run in self.runs
            ],
        }


HEAD = ("scenario", "figure", "median", "p95", "unit", "ratio", "wanted")


def rows(figures: Iterable[Figure]) -> list[tuple[str, ...]]:
    """Return the table's rows, without its head."""
    return [
        (
            figure.scenario,
            figure.name,
            _short(figure.median),
            _short(figure.p95),
            figure.unit,
            f"{_short(figure.ratio)} × {figure.against}" if figure.bare else "",
            figure.target,
        )
        for figure in figures
    ]


def as_text(figures: Iterable[Figure]) -> str:
    """Return the table for a terminal."""
    table = [HEAD, *rows(figures)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    lines = ["  ".join(_cell(row, column, widths[column]) for column in range(len(HEAD))) for row in table]
    return "\n".join(line.rstrip() for line in lines)


def as_markdown(figures: Iterable[Figure]) -> str:
    """Return the table for a document."""
    head = ["| " + " | ".join(HEAD) + " |", "| --- | --- | ---: | ---: | --- | --- | --- |"]
    return "\n".join([*head, *("| " + " | ".join(row) + " |" for row in rows(figures))])


def _cell(row: Sequence[str], column: int, width: int) -> str:
    return row[column].rjust(width) if column in (2, 3) else row[column].ljust(width)


def _short(value: float) -> str:
    if math.isnan(value):
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value == round(value) else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
