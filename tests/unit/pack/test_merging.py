"""Actions that replace each other are executed as one, and each has its own result (contract, section 10)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pack_parts import Parts, pack
from scripted_flyte import ScriptedFlyte
from support import eventually

from flyte_slack.errors import OutcomeUnknown
from flyte_slack.pack import ActionContext, Command, Event
from flyte_slack.pack.dispatch import _MOST_MERGED


class Board:
    """A tool that shows the newest number of a key.

    Attributes:
        shown: the numbers of the inputs that were handled.
        begun: whether an earlier execution of it was cut off, for each.
        refuses: whether handling ends in a failure.
        hangs_at: the execution, counted from 1, that does not end.
    """

    def __init__(self) -> None:
        self.shown: list[int] = []
        self.begun: list[bool] = []
        self.refuses = False
        self.hangs_at = 0

    async def handle(self, input_: dict[str, Any], action: ActionContext) -> Event:
        self.begun.append(action.begun_at is not None)
        await action.executing()
        self.shown.append(input_["n"])
        if len(self.shown) == self.hangs_at:
            await asyncio.Event().wait()
        if self.refuses:
            raise OutcomeUnknown("nobody knows")
        return Event("Shown", {"n": input_["n"]})

    def command(self) -> Command:
        return Command(
            "show",
            self.handle,
            ("Shown",),
            "ShowFailure",
            lane=lambda input_: "C1",
            merges=lambda input_: input_["key"],
            failure=lambda input_, error: {"error": str(error), "asked": input_["n"]},
            echo=lambda input_: {"asked": input_["n"]},
        )


@pytest.fixture
async def flyte() -> AsyncIterator[ScriptedFlyte]:
    async with ScriptedFlyte().serve() as served:
        yield served


async def stored(flyte: ScriptedFlyte, parts: Parts, *keys: str | None) -> list[str]:
    """Store actions, numbered from 0, and wake their lane once all are there; return their ids."""
    ids = [flyte.action({"n": n, "key": key}, "show") for n, key in enumerate(keys)]
    for n, (id_, key) in enumerate(zip(ids, keys, strict=True)):
        flyte.handed_out(id_)
        reference = f"v1/packs/Slack/actions/{id_}/result"
        await parts.store.actions.add(reference, "C1", "show", {"n": n, "key": key})
    parts.dispatcher.wake("C1")
    return ids


async def shown(flyte: ScriptedFlyte, folder: Path, *keys: str | None) -> tuple[list[int], list[Any]]:
    """Return which inputs were handled, and what each action ended in."""
    board = Board()
    async with pack(flyte, folder, command=board.command(), poll=False) as parts:
        ids = await stored(flyte, parts, *keys)
        await eventually(lambda: set(ids) <= flyte.results.keys())
    return board.shown, [flyte.results[id_]["payload"]["n"] for id_ in ids]


async def test_the_newest_is_executed_for_all(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """The first is executed by itself, the others of the row as the newest of them; each has a result."""
    assert await shown(flyte, tmp_path, *["a"] * 5) == ([0, 4], [0, 4, 4, 4, 4])


async def test_keys_of_one_row_are_independent(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Each key's newest is executed; a key that nobody has had before ends the row."""
    handled, results = await shown(flyte, tmp_path, "a", "b", "a", "b", "a", "b")
    assert sorted(handled) == [0, 1, 4, 5]
    assert results == [0, 1, 4, 5, 4, 5]


async def test_what_replaces_nothing_is_not_passed(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Only actions that stand next to each other are one: what stands between them is done in its place."""
    assert await shown(flyte, tmp_path, "a", "a", None, "a", "a") == ([0, 1, 2, 4], [0, 1, 2, 4, 4])


async def test_a_long_row_is_read_ahead_in_bounds(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A long row is few executions, and never more in memory than the bound says."""
    number = _MOST_MERGED + 60
    handled, results = await shown(flyte, tmp_path, *["a"] * number)
    assert handled[0] == 0
    assert handled[-1] == number - 1
    assert handled == sorted(handled)
    assert 3 <= len(handled) <= 6
    assert set(results) == set(handled)
    assert max(results.count(n) for n in handled) <= _MOST_MERGED


async def test_a_failure_is_each_ones_own(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A failure of one execution tells every action of its own input."""
    board = Board()
    board.refuses = True
    async with pack(flyte, tmp_path, command=board.command(), poll=False) as parts:
        ids = await stored(flyte, parts, *["a"] * 4)
        await eventually(lambda: set(ids) <= flyte.results.keys())
    assert board.shown == [0, 3]
    assert {flyte.results[id_]["event"] for id_ in ids} == {"ShowFailure"}
    assert [flyte.results[id_]["payload"]["asked"] for id_ in ids] == [0, 1, 2, 3]


async def test_a_crash_in_the_middle_of_one_for_all(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """All that are executed as one are begun if the pack dies meanwhile: the next start knows it of each."""
    before = Board()
    before.hangs_at = 2
    async with pack(flyte, tmp_path, command=before.command(), poll=False) as parts:
        ids = await stored(flyte, parts, *["a"] * 4)
        await eventually(lambda: before.shown == [0, 3])
    after = Board()
    async with pack(flyte, tmp_path, command=after.command(), poll=False):
        await eventually(lambda: set(ids) <= flyte.results.keys())
    assert after.shown == [1, 3]
    assert after.begun == [True, True]
    assert [flyte.results[id_]["payload"]["n"] for id_ in ids] == [0, 1, 3, 3]
