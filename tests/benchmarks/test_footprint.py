"""The scenarios that watch the process itself, on a clock that only sleeping moves."""

from contextlib import nullcontext

import footprint
import pytest
from bench import Bench
from footprint import growth, steady_load
from record import RESULT


class World:
    """The clock, a pack that takes 2 % of it and grows by 3 MB a minute, and peers that answer."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.asked: list[tuple[float, str, dict[str, float]]] = []

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def monotonic(self) -> float:
        return self.seconds

    @property
    def cpu(self) -> float:
        return self.seconds / 50

    @property
    def memory(self) -> float:
        return 80 + self.seconds / 20

    def ask(self, order: str, **arguments: float) -> dict[str, list[float]]:
        self.asked.append((self.seconds, order, arguments))
        return {"takes": [5.5, 6.5, 7.5], "counts": [0] * RESULT + [self.seconds]}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(footprint, "time", world)
    monkeypatch.setattr(footprint, "packs", lambda _: nullcontext([world]))
    return world


def run(
    world: World, scenario: str, *, quick: bool, minutes: float = 1
) -> tuple[dict[str, float], list[str]]:
    said: list[str] = []
    bench = Bench(world, quick, minutes, None, said.append)  # type: ignore[arg-type]
    getattr(footprint, scenario)(bench)
    return {name: figure.median for (_, name), figure in bench.figures.items()}, said


@pytest.mark.parametrize(("quick", "settle", "lasts"), [(True, 15, 10), (False, 20, 60)])
def test_idling_is_watched_when_the_pauses_between_polls_have_grown(
    world: World, quick: bool, settle: int, lasts: int
) -> None:
    """They grow for 10 s after the last sign of life; CPU is that of the window."""
    figures, _ = run(world, "idle", quick=quick)
    assert [(at, order) for at, order, _ in world.asked] == [
        (0, "reset"),
        (settle, "reset"),
        (settle + lasts, "record"),
    ]
    assert figures == {"polls a minute": 60, "CPU": pytest.approx(2), "memory": world.memory}


def test_memory_is_watched_for_as_long_as_asked(world: World) -> None:
    """Each minute is told; the slope of an hour is given as well; what idles before is not counted."""
    figures, said = run(world, "memory", quick=False, minutes=12)
    assert [line for line in said if line.startswith("minute 3 ")] == ["minute 3 of 12: 89.1 MB"]
    assert sum(line.startswith("minute") for line in said) == 11
    assert figures["slope in the second half"] == pytest.approx(3)
    assert figures["slope in the last two thirds"] == pytest.approx(180)
    assert figures["before the load"] == pytest.approx(80.1)
    assert figures["after the load"] == pytest.approx(116.1)
    assert figures["CPU"] == pytest.approx(2)
    assert figures["round trips"] == pytest.approx(722 / 720)
    orders = {order: arguments for _, order, arguments in world.asked}
    assert orders["say"] == steady_load(12)


def test_a_quick_look_at_memory_takes_seconds(world: World) -> None:
    """Whatever is asked for."""
    figures, _ = run(world, "memory", quick=True, minutes=60)
    assert world.seconds == 10
    assert "slope in the last two thirds" not in figures


def test_a_long_load_is_a_usual_one() -> None:
    """For some minutes as much as can be, for longer what people who know each other write."""
    assert steady_load(1) == {"number": 1800, "per_second": 30, "channels": 100, "users": 100}
    assert steady_load(5)["per_second"] == 30
    assert steady_load(60) == {"number": 36_000, "per_second": 10, "channels": 200, "users": 500}


def test_growth_is_that_of_the_end() -> None:
    """What the caches take in the beginning is not in the slope."""
    points = [(float(minute), 100.0 if minute >= 20 else 5.0 * minute) for minute in range(61)]
    (_, unit, second_half), (_, unit_of_more, two_thirds) = growth(points, 60)
    assert (unit, second_half) == ("MB/min", 0)
    assert (unit_of_more, two_thirds) == ("MB/h", 0)
    assert len(growth(points, 9)) == 1
    rising = [(float(minute), 2.0 * minute) for minute in range(11)]
    assert [value for _, _, value in growth(rising, 10)] == pytest.approx([2, 120])
