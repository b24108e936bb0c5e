"""Stopped while peers are slow: within the grace and beyond it (promises 1, 2, 4, 5 and 10)."""

import asyncio
from pathlib import Path
from typing import Literal

from account import Account, impatient
from harness import EVENTS, POST, RESULT, TAKE, Pack, each, eventually, world


async def stopping(pack: Pack) -> None:
    """Wait until the pack says that it stops."""
    await eventually(lambda: pack.logged("stopping"), "the pack says that it stops")


async def test_an_answer_within_the_grace(tmp_path: Path) -> None:
    """Flyte, or Slack, answers after SIGTERM but within the grace: exactly once, over the next start (10)."""
    await each(answered_in_time, tmp_path, EVENTS, POST, RESULT)


async def answered_in_time(tmp_path: Path, path: str) -> None:
    """Hold one kind of answer back, though the request was handled, until the pack stops."""
    async with world(tmp_path, socket_mode=impatient) as w:
        account = Account(w)
        await w.pack.start()
        held = w.faults.hang("POST", path, when="after")
        account.traffic()
        await eventually(lambda: held.hits, "an answer is held back")
        await w.taken(*account.actions)
        w.pack.send()
        await stopping(w.pack)
        held.remove()
        assert await w.pack.exit_status() == 0
        await w.pack.start()
        await account.settled()
        account.assert_nothing_lost_or_doubled()
        account.assert_in_order()


async def test_flyte_answers_an_event_after_the_grace(tmp_path: Path) -> None:
    """An event that Flyte handles and answers too late: status 0; once, or twice as documented (1, 2, 10)."""
    async with world(tmp_path, socket_mode=impatient, FLYTE_SLACK_SHUTDOWN_GRACE="1") as w:
        account = Account(w)
        await w.pack.start()
        held = w.faults.hang("POST", EVENTS, when="after")
        account.say(2)
        await eventually(lambda: held.hits == len(account.channels), "an event of each channel hangs")
        await eventually(lambda: not w.socket_mode.unacknowledged, "all are acknowledged")
        accepted = set(w.flyte.texts())
        assert len(accepted) == len(account.channels)
        assert await w.pack.stop() == 0
        held.remove()
        await w.pack.start()
        account.traffic()
        await account.settled()
        tally = account.tally()
        doubled = tally.pop("messages doubled")
        assert {kind: texts for kind, texts in tally.items() if texts} == {}
        assert set(doubled) <= accepted, "only what Flyte handled without an answer may come twice"
        assert all(w.flyte.texts().count(text) == 2 for text in doubled)


async def test_flyte_handles_an_event_never(tmp_path: Path) -> None:
    """An event that hangs on its way beyond the grace is delivered after the next start, once (10)."""
    async with world(tmp_path, socket_mode=impatient, FLYTE_SLACK_SHUTDOWN_GRACE="1") as w:
        account = Account(w)
        await w.pack.start()
        held = w.faults.hang("POST", EVENTS, cut=True)
        account.say(2)
        await eventually(lambda: held.hits == len(account.channels), "an event of each channel hangs")
        await eventually(lambda: not w.socket_mode.unacknowledged, "all are acknowledged")
        assert await w.pack.stop() == 0
        held.remove()
        await w.pack.start()
        account.traffic()
        await account.settled()
        account.assert_nothing_lost_or_doubled()
        account.assert_in_order()


async def test_slack_answers_a_post_after_the_grace(tmp_path: Path) -> None:
    """Posts beyond the grace, handled by Slack or not: status 0; after the next start one of each (5, 10)."""
    async with world(tmp_path, socket_mode=impatient, FLYTE_SLACK_SHUTDOWN_GRACE="1") as w:
        account = Account(w)
        await w.pack.start()
        held = [
            w.faults.hang("POST", POST, where=lambda _r, body: b"post 0." in body, when="after"),
            w.faults.hang("POST", POST, where=lambda _r, body: b"post 1." in body, cut=True),
        ]
        for _ in range(2):
            account.ask()
        await eventually(lambda: all(rule.hits for rule in held), "both posts hang")
        behind = account.ask(account.actions[0].input["channelId"])
        await w.taken(behind)
        assert await w.pack.stop() == 0
        assert len(w.posts()) == 1
        for rule in held:
            rule.remove()
        await w.pack.start()
        account.traffic()
        await account.settled()
        account.assert_nothing_lost_or_doubled()


async def test_flyte_answers_a_result_after_the_grace(tmp_path: Path) -> None:
    """A result that Flyte handles and answers too late: status 0, one post, one result (4, 10)."""
    async with world(tmp_path, socket_mode=impatient, FLYTE_SLACK_SHUTDOWN_GRACE="1") as w:
        account = Account(w)
        await w.pack.start()
        held = w.faults.hang("POST", RESULT, when="after")
        for _ in range(3):
            account.ask()
        await eventually(lambda: held.hits == 3, "three results hang")
        assert await w.pack.stop() == 0
        held.remove()
        await w.pack.start()
        account.traffic()
        await account.settled()
        account.assert_nothing_lost_or_doubled()


class Slow(asyncio.Event):
    """A gate that opens for each by itself, after a while."""

    async def wait(self) -> Literal[True]:
        await asyncio.sleep(0.7)
        return True


async def test_a_take_hangs_beyond_the_grace(tmp_path: Path) -> None:
    """A take without an answer does not use up the time of slow events: none comes twice (2, 10)."""
    async with world(
        tmp_path,
        socket_mode=impatient,
        FLYTE_SLACK_SHUTDOWN_GRACE="4",
        FLYTE_API_TIMEOUT="2",
        FLYTE_SLACK_CONNECTIONS="1",
    ) as w:
        account = Account(w, 5)
        await w.pack.start()
        hanging = w.faults.hang("POST", TAKE)
        await eventually(lambda: hanging.hits, "a take hangs")
        slow = w.faults.hang("POST", EVENTS, when="after")
        slow.gate = Slow()
        account.say(12)
        await eventually(lambda: not w.socket_mode.unacknowledged, "all are acknowledged")
        assert await w.pack.stop() == 0
        assert set(account.said) - set(w.flyte.texts()), "there is more than fits into the grace"
        slow.remove()
        hanging.remove()
        await w.pack.start()
        await account.settled()
        account.assert_nothing_lost_or_doubled()
        account.assert_in_order()
