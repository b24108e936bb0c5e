"""The machine's clock is set while work is under way: nothing is lost, doubled or stuck (promises 1 to 5)."""

from functools import partial
from pathlib import Path

import pytest
from account import Account, forgetful, impatient
from faults import Rule, holding
from harness import EVENTS, POST, RESULT, each, eventually, world
from test_gaps import filled
from test_reconciliation_process import looks_for_a_post
from wall_clock import WallClock

pytestmark = pytest.mark.timeout(240)

HISTORY = r"/conversations\.history$"
NAMES = r"/conversations\.list$"
STEPS = (1, -1)
"""Hours by which the clock is set, forwards and backwards."""


def applied(rules: list[Rule]) -> bool:
    """Whether each rule applied."""
    return all(rule.hits for rule in rules)


async def test_set_while_work_is_in_flight(tmp_path: Path) -> None:
    """The clock jumps an hour while events, posts and results hang, and back: all of it once (1, 2, 4, 5)."""
    await each(in_flight, tmp_path, *STEPS)


async def in_flight(tmp_path: Path, hours: int) -> None:
    """Set the clock, and back, each time while something of each kind hangs."""
    async with world(tmp_path, socket_mode=impatient) as w:
        clock, account = WallClock(w.pack), Account(w)
        await w.pack.start()
        account.traffic()
        await account.settled()
        for ahead in (hours, 0):
            held = [
                w.faults.hang("POST", EVENTS, when="after"),
                w.faults.hang("POST", POST, when="after"),
            ]
            account.traffic()
            await eventually(partial(applied, held), "an event and a post hang")
            clock.set(ahead)
            await clock.told(ahead)
            held.append(w.faults.hang("POST", RESULT))
            for rule in held[:2]:
                rule.remove()
            account.traffic()
            await eventually(partial(applied, held), "a result hangs")
            held[2].remove()
            await account.settled()
        for text, channel in account.said.items():  # known over the step: no new messages
            message = next(m for m in channel.messages if m["text"] == text)
            w.socket_mode.deliver({**message, "channel": channel.id, "channel_type": "channel"})
        await account.settled()
        account.assert_nothing_lost_or_doubled()


async def test_set_during_an_ambiguous_post(tmp_path: Path) -> None:
    """The clock jumps while it is found out what became of posts, handled or not: one post each (5)."""
    await each(ambiguous, tmp_path, *STEPS)


async def ambiguous(tmp_path: Path, hours: int) -> None:
    """Cut connections at posts, and set the clock between the cut and the look, and between two looks."""
    async with world(tmp_path, socket_mode=impatient) as w:
        clock, account = WallClock(w.pack), Account(w)
        await w.pack.start()
        looks = w.faults.hang("GET", HISTORY, where=looks_for_a_post)
        cuts = [
            w.faults.cut("POST", POST, times=1, where=holding("post 0."), when="after"),
            w.faults.cut("POST", POST, times=1, where=holding("post 1."), when="before"),
        ]
        account.ask()
        account.ask()
        await eventually(lambda: looks.hits == 2, "both are looked for")
        clock.set(hours)
        account.traffic()
        await clock.told(hours)
        looks.remove()
        await account.settled()
        assert [rule.hits for rule in cuts] == [1, 1]
        account.assert_nothing_lost_or_doubled()


async def test_set_while_the_pack_is_dead(tmp_path: Path) -> None:
    """kill -9 amid posts, the clock is set, a start: one post each, and the gap is filled (1, 2, 5, 11)."""
    await each(dead, tmp_path, *STEPS)


async def dead(tmp_path: Path, hours: int) -> None:
    """Kill the pack with posts under way, set the clock, write meanwhile, start; then the same back."""
    async with world(tmp_path, socket_mode=forgetful) as w:
        clock, account = WallClock(w.pack), Account(w)
        await w.pack.start()
        account.traffic()
        await account.settled()
        for fills, ahead in enumerate((hours, 0), 1):
            handled, unhandled = account.ask(), account.ask()
            held = [
                w.faults.hang("POST", POST, where=holding(handled.input["message"]), when="after", cut=True),
                w.faults.hang("POST", POST, where=holding(unhandled.input["message"]), cut=True),
            ]
            await eventually(partial(applied, held), "two posts hang")
            w.pack.kill()
            for rule in held:
                rule.remove()
            await eventually(lambda: not w.socket_mode.connections)
            account.say(3)
            clock.set(ahead)
            await w.pack.start()
            await clock.told(ahead)
            await filled(w, fills)  # what comes by socket meanwhile may come before it
            account.traffic()
            await account.settled()
            account.assert_nothing_lost_or_doubled()
            account.assert_in_order()


async def test_set_back_before_an_action_found_its_channel(tmp_path: Path) -> None:
    """Killed as a channel is looked up, and the clock set back: the action is not stuck for an hour (4)."""
    async with world(tmp_path, socket_mode=impatient) as w:
        clock, account = WallClock(w.pack), Account(w)
        await w.pack.start()
        account.traffic()
        await account.settled()
        w.faults.call("*", NAMES, w.pack.kill, cut=True)
        name = w.fresh().name
        account.ask(f"#{name}")
        await eventually(lambda: not w.pack.running, "the pack is killed as it looks the name up")
        assert w.stored("SELECT lane, state FROM actions WHERE state <> 'delivered'") == [
            (f"?{name}", "taken")
        ]
        clock.set(-1)
        await w.pack.start()
        await account.settled()
        account.assert_nothing_lost_or_doubled()


@pytest.mark.parametrize("hours", STEPS)
async def test_set_while_flyte_refuses_a_result(tmp_path: Path, hours: int) -> None:
    """The clock jumps while Flyte answers a result 500: that is no quarter of an hour of refusals (4)."""
    async with world(tmp_path, socket_mode=impatient) as w:
        clock, account = WallClock(w.pack), Account(w)
        await w.pack.start()
        refused = w.faults.answer("POST", RESULT, 500)
        account.traffic()
        await eventually(lambda: refused.hits >= 2, "two results are refused")
        clock.set(hours)
        await clock.told(hours)
        before, dead_ones = refused.hits, "SELECT reason FROM actions WHERE state = 'dead'"
        await eventually(lambda: refused.hits >= before + 2 or w.stored(dead_ones), "they are refused again")
        assert w.stored(dead_ones) == []
        refused.remove()
        await account.settled()
        account.assert_nothing_lost_or_doubled()
