"""The store's contract on keys and gaps, over every kind of database."""

import time

import pytest
from store_parts import Opener, action

from flyte_slack.errors import NotStorable
from flyte_slack.store import Gap, GapLane, Key, Store
from flyte_slack.store.keys import KEPT_FOR, USE_NOTED_EVERY


async def finish(store: Store, *keys: Key, lane: str = "C1") -> None:
    """Finish an action that leaves keys."""
    await store.actions.add(f"r/{time.monotonic_ns()}", lane, "c", {})
    await store.actions.finished(await action(store, lane), {"event": "R"}, keys=keys)


class TestKeys:
    async def test_key_is_found_after_a_restart(self, reopen: Opener) -> None:
        """What a finished action left is found by kind, lane and name, and only by all of them."""
        async with reopen() as store:
            await finish(
                store, Key("thread", "C1", "build ü 7", {"ts": "1.000002"}), Key("thread", "C1", "", 0)
            )
        async with reopen() as store:
            assert await store.keys.get("thread", "C1", "build ü 7") == {"ts": "1.000002"}
            assert await store.keys.get("thread", "C1", "") == 0
            for kind, lane, name in (("update", "C1", ""), ("thread", "C2", ""), ("thread", "C1", "build")):
                assert await store.keys.get(kind, lane, name) is None

    async def test_last_value_stays(self, store: Store) -> None:
        """A name that is written again has the new value, also within one action."""
        await finish(store, Key("k", "C1", "a", 1))
        await finish(store, Key("k", "C1", "a", 2), Key("k", "C1", "a", 3), Key("k", "C1", "b", 4))
        assert (await store.keys.get("k", "C1", "a"), await store.keys.get("k", "C1", "b")) == (3, 4)

    async def test_action_finished_before_leaves_no_key(self, store: Store) -> None:
        """Who comes too late with a result changes no key: the result and its keys are one."""
        await store.actions.add("r/1", "C1", "c", {})
        read = await action(store)
        await store.actions.finished(read, {"event": "first"}, keys=[Key("k", "C1", "a", 1)])
        await store.actions.finished(read, {"event": "second"}, keys=[Key("k", "C1", "a", 2)])
        assert await store.keys.get("k", "C1", "a") == 1

    async def test_key_that_cannot_be_kept_finishes_nothing(self, store: Store) -> None:
        """An action is never finished without what it leaves."""
        await store.actions.add("r/1", "C1", "c", {})
        kind: str = None  # type: ignore[assignment]
        read = await action(store)
        with pytest.raises(NotStorable):
            await store.actions.finished(read, {"event": "R"}, keys=[Key(kind, "C1", "a", 1)])
        assert len(await store.actions.waiting("C1", 1)) == 1
        assert store.problem is None

    async def test_any_name_can_be_kept(self, store: Store) -> None:
        """Names come from outside: however long or odd, each finds its own value."""
        names = ["a\0b", "half \ud83d", "x" * 100_000, "x" * 100_001, "😀" * 300]
        await finish(store, *(Key("k", name, name, number) for number, name in enumerate(names)))
        assert [await store.keys.get("k", name, name) for name in names] == list(range(len(names)))

    async def test_unused_key_is_forgotten(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key stays for 30 days after its last use; to read it and to write it again are uses."""
        assert KEPT_FOR - USE_NOTED_EVERY >= 30 * 24 * 3600
        begin = time.time()
        for name in ("read", "written", "unused"):
            await finish(store, Key("k", "C1", name, 1))
        monkeypatch.setattr(time, "time", lambda: begin + KEPT_FOR)
        assert await store.keys.get("k", "C1", "read") == 1
        await finish(store, Key("k", "C1", "written", 2))
        await store.keys.prune(begin + 10)
        found = [await store.keys.get("k", "C1", name) for name in ("read", "written", "unused")]
        assert found == [1, 2, None]


class TestGaps:
    async def test_progress_survives_a_restart(self, reopen: Opener) -> None:
        """A gap that was not read to its end goes on where it was."""
        async with reopen() as store:
            assert await store.gaps.all() == []
            first = await store.gaps.open(100.5)
            second = await store.gaps.open(200.0, 300.0)
            await store.gaps.put(first, "C1", {"cursor": "a"})
            await store.gaps.put(first, "C1", {"cursor": "b"})
            await store.gaps.put(second, "C1", None)
            await store.gaps.done(first, "C2")
        async with reopen() as store:
            assert await store.gaps.all() == [
                Gap(first, 100.5, None, {"C1": GapLane({"cursor": "b"}, False), "C2": GapLane(None, True)}),
                Gap(second, 200.0, 300.0, {"C1": GapLane(None, False)}),
            ]

    async def test_closed_gap_is_forgotten(self, store: Store) -> None:
        """Of a gap that was read as a whole nothing is left, and others stay."""
        first, second = await store.gaps.open(1.0), await store.gaps.open(2.0)
        for gap in (first, second):
            await store.gaps.put(gap, "C1", 1)
            await store.gaps.done(gap, "C1")
        await store.gaps.close(first)
        assert await store.gaps.all() == [Gap(second, 2.0, None, {"C1": GapLane(None, True)})]
