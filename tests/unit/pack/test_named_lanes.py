"""Lanes that are known by a name only: looking one up holds up nobody else (promises 3 and 4)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pack_parts import Parts, pack
from scripted_flyte import ScriptedFlyte
from support import breathe, count, eventually, eventually_true

from flyte_slack.flyte import Action
from flyte_slack.pack import ActionContext, Command, Event, Named
from flyte_slack.store.schema import State


class Names:
    """Names of lanes, which take as long to look up as the test wants.

    Attributes:
        answers: set to let lookups end.
        asked: the names that were looked up.
        ids: what they stand for.
        visible: names that are known already; others become so when they are looked up.
        executed: what was executed, in order.
    """

    def __init__(self, **ids: str) -> None:
        self.answers = asyncio.Event()
        self.asked: list[str] = []
        self.ids = ids
        self.visible: set[str] = set()
        self.executed: list[Any] = []

    def lane(self, input_: dict[str, Any]) -> str | Named:
        to = str(input_["to"])
        if not to.startswith("#"):
            return to
        return Named(to[1:], self.ids[to[1:]] if to[1:] in self.visible else None)

    async def find(self, name: str) -> str:
        self.asked.append(name)
        await self.answers.wait()
        self.visible.add(name)
        return self.ids[name]

    async def handle(self, input_: dict[str, Any], action: ActionContext) -> Event:
        await action.executing()
        self.executed.append(input_["n"])
        return Event("Sent", input_)

    def command(self) -> Command:
        return Command("send", self.handle, ("Sent",), "SendFailure", lane=self.lane, find_lane=self.find)


@pytest.fixture
async def flyte() -> AsyncIterator[ScriptedFlyte]:
    async with ScriptedFlyte().serve() as served:
        yield served


def given(flyte: ScriptedFlyte, n: object, to: str) -> str:
    return flyte.action({"n": n, "to": to}, "send")


async def stored(parts: Parts, number: int) -> bool:
    """Whether so many actions are on disk."""
    return await count(parts.store.actions, *State) == number


async def test_a_slow_lookup_holds_up_nobody(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """While a name is looked up others are taken, executed and answered; its own action follows."""
    names = Names(ops="C1")
    slow = given(flyte, "slow", "#ops")
    others = [given(flyte, n, f"C{2 + n % 2}") for n in range(10)]
    async with pack(flyte, tmp_path, command=names.command()):
        await eventually(lambda: set(others) <= flyte.results.keys())
        assert slow not in flyte.results
        for parity in (0, 1):
            assert [n for n in names.executed if n % 2 == parity] == list(range(parity, 10, 2))
        names.answers.set()
        await eventually(lambda: slow in flyte.results)


async def test_many_names_are_looked_up_at_once(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Forty unknown names wait for one another neither when taken nor when looked up."""
    names = Names(**{f"n{n}": f"C{n}" for n in range(40)})
    ids = [given(flyte, n, f"#n{n}") for n in range(40)]
    async with pack(flyte, tmp_path, command=names.command()):
        await eventually(lambda: len(names.asked) == 40)
        names.answers.set()
        await eventually(lambda: set(ids) <= flyte.results.keys())
    assert sorted(names.asked) == sorted(names.ids)


async def test_order_whatever_a_lane_is_called(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """Actions given by the name stay in order, with those given by the id once that is known."""
    names = Names(ops="C1")
    ids = [given(flyte, n, "#ops") for n in range(3)]
    async with pack(flyte, tmp_path, command=names.command()):
        await eventually(lambda: names.asked)
        await eventually(lambda: len(flyte._taken) == 3)
        names.answers.set()
        ids += [given(flyte, n, "C1" if n % 2 else "#ops") for n in range(3, 10)]
        await eventually(lambda: set(ids) <= flyte.results.keys())
    assert names.executed == sorted(names.executed)


async def test_nothing_overtakes_a_lookup_by_its_own_name(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """A name that becomes known while its lookup goes on leads nobody past those that wait for it."""
    names = Names(ops="C1")
    ids = [given(flyte, "first", "#ops")]
    async with pack(flyte, tmp_path, command=names.command()) as parts:
        await eventually(lambda: names.asked)
        names.visible.add("ops")  # the page of the listing that has it is there, the rest is not
        ids.append(given(flyte, "second", "#ops"))
        await eventually_true(lambda: stored(parts, 2))
        await breathe()
        assert names.executed == []
        names.answers.set()
        await eventually(lambda: set(ids) <= flyte.results.keys())
        ids.append(given(flyte, "third", "#ops"))
        await eventually(lambda: set(ids) <= flyte.results.keys())
    assert names.executed == ["first", "second", "third"]
    assert set(names.asked) == {"ops"}


async def test_a_crash_during_the_lookup(flyte: ScriptedFlyte, tmp_path: Path) -> None:
    """What waited for its name when the pack died is looked up at the next start, before what comes later."""
    before = Names(ops="C1")
    ids = [given(flyte, n, "#ops") for n in range(2)]
    async with pack(flyte, tmp_path, command=before.command()) as parts:
        await eventually(lambda: before.asked)
        await eventually_true(lambda: stored(parts, 2))
    assert before.executed == []
    after = Names(ops="C1")
    after.visible.add("ops")  # something else has listed the channels
    ids.append(given(flyte, 2, "#ops"))
    async with pack(flyte, tmp_path, command=after.command()):
        await eventually(lambda: len(flyte._taken) == 3)
        after.answers.set()
        await eventually(lambda: set(ids) <= flyte.results.keys())
    assert after.executed == [0, 1, 2]


@pytest.mark.parametrize("name", ["nowhere", "?", "", "n" * 3000])
async def test_a_name_that_is_not_found_stands_for_itself(
    flyte: ScriptedFlyte, tmp_path: Path, name: str
) -> None:
    """A lookup that fails costs the lane its id, not its actions or their order."""
    names = Names()
    names.answers.set()  # and looking up raises `KeyError`
    ids = [given(flyte, n, f"#{name}") for n in range(3)]
    async with pack(flyte, tmp_path, command=names.command()):
        await eventually(lambda: set(ids) <= flyte.results.keys())
    assert names.executed == [0, 1, 2]


@pytest.mark.parametrize("lane", ["C1", "", "#" + "n" * 3000])
async def test_whoever_is_taken_is_worked_on_at_once(
    flyte: ScriptedFlyte, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lane: str
) -> None:
    """Every lane is woken under the name it is stored by: nothing waits for the look around the store."""
    monkeypatch.setattr("flyte_slack.pack.lanes.LOOK_EVERY", 3600.0)
    names = Names()
    names.answers.set()
    async with pack(flyte, tmp_path, command=names.command(), poll=False) as parts:
        await parts.dispatcher.keep(Action("send", {"n": 1, "to": lane}, "r/1"))
        await eventually(lambda: names.executed == [1])
