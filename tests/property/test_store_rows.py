"""A store against a model of its rows: kinds, positions, lanes that move, keys, gaps, over restarts."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from postgres import Postgres, free_port, postgres_server

from flyte_slack.store import Ending, Key, Store

LANES = st.sampled_from(["C1", "C2", "?name"])
NAMES = st.sampled_from(["a", "b", "ü\0", "x" * 5000])
POSITIONS = st.sampled_from([1.5, 2.0, 2.5, 3.0])


class Rows(RuleBasedStateMachine):
    """One store, and what must be in it."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.events: dict[str, tuple[float, str, str]] = {}
        self.newest: dict[str, float] = {}
        self.actions: dict[str, tuple[str, int]] = {}
        self.results: dict[str, int] = {}
        self.keys: dict[tuple[str, str], int] = {}
        self.gaps: dict[int, dict[str, tuple[Any, bool]]] = {}
        self.number = 0
        self._open()

    def _open(self) -> None:
        self.store = self.do(Store.open(self.url))
        self.do(self.store.__aenter__())

    def do(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    @rule(number=st.integers(0, 30), lane=LANES, position=POSITIONS, kind=NAMES, fills=st.booleans())
    def event(self, number: int, lane: str, position: float, kind: str, fills: bool) -> None:
        """An event is new once, and only what fills gaps moves the newest position."""
        key, kind = f"{number}", kind[:1]
        new = self.do(self.store.inbox.add(key, lane, {}, position, kind=kind, fills_gaps=fills))
        assert new is (key not in self.events)
        if new:
            self.events[key] = position, lane, kind
            if fills:
                self.newest[lane] = max(position, self.newest.get(lane, 0.0))

    @rule(lane=st.none() | LANES)
    def action(self, lane: str | None) -> None:
        """An action is taken, into a lane or one of its own."""
        self.number += 1
        identity = self.do(self.store.actions.add(f"r/{self.number}", lane, "c", self.number))
        self.actions[identity] = lane or identity, self.number

    @rule(to=st.sampled_from(["C1", "C2"]))
    def name_is_found(self, to: str) -> None:
        """A lane moves as a whole."""
        moving = [identity for identity, (lane, _) in self.actions.items() if lane == "?name"]
        assert self.do(self.store.actions.move_lane("?name", to)) == len(moving)
        for identity in moving:
            self.actions[identity] = to, self.actions[identity][1]

    @rule(lane=LANES, most=st.integers(1, 3), names=st.lists(NAMES, max_size=3))
    def finish(self, lane: str, most: int, names: list[str]) -> None:
        """Actions end together, each with a result, and leave keys."""
        waiting = self.do(self.store.actions.waiting(lane, most))
        keys = [Key("k", lane, name, place) for place, name in enumerate(names)]
        self.do(
            self.store.actions.finished_together(
                [Ending(action, {"event": action.input}, keys=keys) for action in waiting]
            )
        )
        for action in waiting:
            self.results[action.identity] = self.actions.pop(action.identity)[1]
            self.keys.update({(lane, key.name): key.value for key in keys})

    @rule()
    def gap_opens(self) -> None:
        """Nothing was received for a time."""
        self.gaps[self.do(self.store.gaps.open(1.0, 2.0))] = {}

    @rule(which=st.integers(0, 9), lane=LANES, progress=st.none() | st.integers())
    def gap_is_read(self, which: int, lane: str, progress: int | None) -> None:
        """A lane of a gap is read further, or to its end."""
        if self.gaps:
            gap = list(self.gaps)[which % len(self.gaps)]
            write = self.store.gaps.done(gap, lane) if progress is None else None
            self.do(write or self.store.gaps.put(gap, lane, progress))
            self.gaps[gap][lane] = progress, progress is None

    @rule(which=st.integers(0, 9))
    def gap_closes(self, which: int) -> None:
        """All of a gap was read."""
        if self.gaps:
            gap = list(self.gaps)[which % len(self.gaps)]
            self.do(self.store.gaps.close(gap))
            del self.gaps[gap]

    @rule()
    def restart(self) -> None:
        """The next run finds all of it."""
        self.do(self.store.__aexit__(None, None, None))
        self._open()

    @invariant()
    def rows_are_as_promised(self) -> None:
        """What is read is what was written."""
        self.do(self._check())

    async def _check(self) -> None:
        store = self.store
        for lane in ("C1", "C2", "?name"):
            waiting = await store.inbox.waiting(lane, 100)
            own = {key: event for key, event in self.events.items() if event[1] == lane}
            order = sorted(own, key=lambda key: own[key][0])  # equals as received
            assert [(event.key, event.kind) for event in waiting] == [(key, own[key][2]) for key in order]
            assert await store.inbox.newest(lane) == self.newest.get(lane)
            numbers = [action.input for action in await store.actions.waiting(lane, 100)]
            assert numbers == sorted(number for of, number in self.actions.values() if of == lane)
        assert set(await store.actions.lanes()) == {lane for lane, _ in self.actions.values()}
        assert set(await store.actions.results()) == self.results.keys()
        kept = await asyncio.gather(*(store.keys.get("k", lane, name) for lane, name in self.keys))
        assert kept == list(self.keys.values())
        lanes = {
            gap.id: {name: (lane.progress, lane.done) for name, lane in gap.lanes.items()}
            for gap in await store.gaps.all()
        }
        assert lanes == self.gaps

    def teardown(self) -> None:
        self.do(self.store.__aexit__(None, None, None))
        self.runner.close()


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgres_server(free_port()) as server:
        yield server


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Whatever is written in whatever order, each kind of store holds it as the model does."""

    def machine() -> Rows:
        if kind == "sqlite":
            Rows.url = f"sqlite:///{tempfile.mkdtemp(dir=tmp_path)}/store.db"
        else:
            Rows.url = request.getfixturevalue("postgres").new_database()
        return Rows()

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type]
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
