"""Gaps are filled: what was written while nobody listened is forwarded, in order and once (promise 11)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from remembering_slack import RememberingSlack
from structlog.testing import capture_logs
from support import breathe, eventually, eventually_true, opened, running
from tenacity import wait_fixed

from flyte_slack import retries
from flyte_slack.pack.arrivals import Arrivals
from flyte_slack.slack.api.clock import SlackClock
from flyte_slack.slack.events.kinds import Kinds
from flyte_slack.slack.offer import chosen_events
from flyte_slack.slack.receiving import catch_up as module
from flyte_slack.slack.receiving import gap_reader
from flyte_slack.slack.receiving.catch_up import CatchUp
from flyte_slack.slack.receiving.listener import Listener
from flyte_slack.slack.workspace.directory import Directory
from flyte_slack.slack.workspace.history import History
from flyte_slack.slack.workspace.identity import Identity
from flyte_slack.store import Gap, Store

NOW = float(int(time.time()))
GAP = NOW - 600
"""When the pack last noted that it listened."""


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> RememberingSlack:
    monkeypatch.setattr(module, "_NOTE_EVERY", 0.02)
    monkeypatch.setattr(retries, "SLACK_LOOK", wait_fixed(0.01))
    monkeypatch.setattr(retries, "SLACK_REFUSED", wait_fixed(0.01))
    return RememberingSlack("C1", "C2")


class Bench:
    """The part that fills gaps, over a real store, with the socket's way in beside it."""

    def __init__(self, slack: RememberingSlack, store: Store, listener: Listener, catch_up: CatchUp) -> None:
        self.slack = slack
        self.store = store
        self.catch_up = catch_up
        self.arrivals = catch_up._arrivals
        self.directory = catch_up._directory
        self.listening = True
        self._listener = listener

    async def receive(self, message: dict[str, Any], channel: str = "C1") -> None:
        """Receive a message over the socket."""
        event = {"channel": channel, "channel_type": "channel"} | message
        await self._listener.receive({"type": "event_callback", "team_id": "T1", "event": event})

    async def texts(self, channel: str = "C1") -> list[str]:
        waiting = await self.store.inbox.waiting(channel, 100_000)
        return [event.body["event"]["text"] for event in waiting]

    async def noted(self) -> float:
        return float(await self.store.noted("listening_until") or 0)

    async def gaps(self) -> list[Gap]:
        return await self.store.gaps.all()

    async def filled(self) -> None:
        """Wait until what is known to be missing is a gap, and every gap was read."""

        async def none_is_open() -> bool:
            waits = self.catch_up._connected_at is not None or self.catch_up._missed
            return not waits and not self.catch_up._reading and not await self.gaps()

        await eventually_true(none_is_open)

    async def reconnect(self) -> None:
        self.catch_up.connected()
        at = self.catch_up._connected_at
        await eventually(lambda: (self.catch_up._noted or 0.0) >= (at or 0.0))
        await self.filled()

    async def has(self, *texts: str, channel: str = "C1") -> None:
        """Wait until these messages are stored, in this order."""

        async def there() -> bool:
            return await self.texts(channel) == list(texts)

        await eventually_true(there)


@asynccontextmanager
async def catching_up(
    slack: RememberingSlack,
    folder: Path,
    *,
    horizon: float = 3600.0,
    noted: float | None = GAP,
    by_http: bool = False,
) -> AsyncIterator[Bench]:
    """Start the pack's part; by default it listened until ten minutes ago."""
    async with slack.serve(), slack.client() as web, opened(folder) as store:
        if noted is not None:
            await store.note("listening_until", repr(noted))
        clock = SlackClock()
        identity = Identity(clock, "UBOT", "flyte", "T1")
        identity._tried.set()
        directory = Directory(web)
        kinds = Kinds(chosen_events(), identity)
        bench: Bench
        listener = Listener(
            kinds,
            store.inbox,
            lambda lane: None,
            directory,
            identity,
            lambda lane, since: bench.catch_up.missed(lane, since),
        )
        catch_up = CatchUp(
            History(web, clock),
            listener,
            store,
            identity,
            directory,
            clock,
            horizon,
            None if by_http else lambda: bench.listening,
            Arrivals(),
        )
        bench = Bench(slack, store, listener, catch_up)
        async with running(catch_up.run()):
            await catch_up.prepared.wait()
            yield bench


async def test_first_start_reads_nothing(slack: RememberingSlack, tmp_path: Path) -> None:
    """On the very first start there is nothing to catch up: what is in Slack is not the pack's business."""
    slack.write(GAP + 1)
    async with catching_up(slack, tmp_path, noted=None) as bench:
        await bench.reconnect()
        assert await bench.texts() == []
    assert slack.calls == []


async def test_gap_before_the_first_note(slack: RememberingSlack, tmp_path: Path) -> None:
    """Connections that are lost right after the very first start leave a gap too, which is filled."""
    async with catching_up(slack, tmp_path, noted=None) as bench:
        bench.listening = False  # lost again before anything was noted
        bench.catch_up.connected()
        await eventually(lambda: bench.catch_up._connected_at is None)
        slack.write(time.time() + 1, "missed")
        bench.listening = True
        await bench.reconnect()
        assert await bench.texts() == ["missed"]


async def test_nothing_is_noted_before_the_pack_listens(slack: RememberingSlack, tmp_path: Path) -> None:
    """Until there is a connection nothing is read, and the note stands still."""
    async with catching_up(slack, tmp_path) as bench:
        await breathe(200)
        assert await bench.noted() == GAP
    assert slack.calls == []


async def test_missed_messages_are_forwarded_in_order_and_once(
    slack: RememberingSlack, tmp_path: Path
) -> None:
    """After a gap, every missed message of every channel is there, over all pages, in order, once."""
    slack.page = 7
    for number in range(30):
        slack.write(GAP + 1 + number, f"{number}", channel=f"C{1 + number % 2}")
    async with catching_up(slack, tmp_path) as bench:
        await bench.reconnect()
        await bench.reconnect()
        assert await bench.texts("C1") == [str(number) for number in range(0, 30, 2)]
        assert await bench.texts("C2") == [str(number) for number in range(1, 30, 2)]
        (event, *_) = await bench.store.inbox.waiting("C1", 1)
    assert event.body["team_id"] == "T1"
    assert (event.body["event"]["channel"], event.body["event"]["channel_type"]) == ("C1", "channel")


async def test_missed_and_received_messages_are_one(slack: RememberingSlack, tmp_path: Path) -> None:
    """What came by socket, before the gap or while it is filled, is not doubled, and is in order."""
    messages = [slack.write(GAP - 5 + number, str(number)) for number in range(12)]
    gate = asyncio.Event()
    slack.answer("users.conversations", gate)
    async with catching_up(slack, tmp_path) as bench:
        for message in messages[:6]:
            await bench.receive(message)
        bench.catch_up.connected()
        await eventually(lambda: slack.calls)
        await bench.receive(messages[-1])
        gate.set()
        await bench.filled()
        assert await bench.texts() == [str(number) for number in range(12)]


async def test_message_just_before_the_gap_that_was_never_received(
    slack: RememberingSlack, tmp_path: Path
) -> None:
    """An envelope overtaken by a later one when the connection broke is found: the reading overlaps."""
    lost = slack.write(GAP - 3, "lost")
    newest = slack.write(GAP - 1, "newest")
    async with catching_up(slack, tmp_path) as bench:
        await bench.receive(newest)
        await bench.reconnect()
        assert await bench.texts() == ["lost", "newest"]
    assert lost["ts"] < newest["ts"]


async def test_horizon_bounds_what_is_read(slack: RememberingSlack, tmp_path: Path) -> None:
    """What is older than FLYTE_SLACK_CATCH_UP is not read, however long nobody listened."""
    slack.write(NOW - 7200, "too old")
    slack.write(NOW - 1000, "new enough")
    async with catching_up(slack, tmp_path, noted=NOW - 86_400) as bench:
        await bench.reconnect()
        assert await bench.texts() == ["new enough"]


async def test_zero_turns_it_off(slack: RememberingSlack, tmp_path: Path) -> None:
    """With FLYTE_SLACK_CATCH_UP=0 nothing is read."""
    slack.write(GAP + 1)
    async with catching_up(slack, tmp_path, horizon=0) as bench:
        await bench.reconnect()
        assert await bench.texts() == []
    assert slack.calls == []


async def test_new_reply_in_an_old_thread(slack: RememberingSlack, tmp_path: Path) -> None:
    """Replies are not in a channel's history: a thread from before the gap is read for its new ones."""
    slack.page = 2
    root = slack.write(GAP - 1800, "root")["ts"]
    for number in range(3):
        slack.write(GAP - 1700 + number, "known", thread_ts=root)
    for number in range(5):
        slack.write(GAP + 1 + number, f"reply {number}", thread_ts=root)
    async with catching_up(slack, tmp_path) as bench:
        await bench.reconnect()
        assert await bench.texts() == [f"reply {number}" for number in range(5)]


async def test_thread_without_a_new_reply_is_not_read(slack: RememberingSlack, tmp_path: Path) -> None:
    """Threads in which nothing happened cost no call: Slack's limits are tight."""
    root = slack.write(GAP - 1800)["ts"]
    slack.write(GAP - 1700, thread_ts=root)
    async with catching_up(slack, tmp_path) as bench:
        await bench.reconnect()
    assert slack.of("conversations.replies") == []


async def test_broadcast_reply_is_one_message(slack: RememberingSlack, tmp_path: Path) -> None:
    """A reply that was also sent to the channel is in both, and is forwarded once, in its place."""
    root = slack.write(GAP - 100)["ts"]
    slack.write(GAP + 1, "before", thread_ts=root)
    slack.write(GAP + 2, "broadcast", thread_ts=root, subtype="thread_broadcast")
    slack.write(GAP + 3, "after")
    async with catching_up(slack, tmp_path) as bench:
        await bench.reconnect()
        assert await bench.texts() == ["before", "broadcast", "after"]


async def test_what_is_not_forwarded_is_not_caught_up(slack: RememberingSlack, tmp_path: Path) -> None:
    """Bots' messages, the own ones, joins and the like are left out here too."""
    slack.write(GAP + 1, user="UBOT", bot_id="BBOT")
    slack.write(GAP + 2, bot_id="B2")
    slack.write(GAP + 3, subtype="channel_join")
    slack.write(GAP + 4, "person")
    async with catching_up(slack, tmp_path) as bench:
        await bench.reconnect()
        assert await bench.texts() == ["person"]


async def test_channel_that_may_not_be_read_is_passed_over(slack: RememberingSlack, tmp_path: Path) -> None:
    """A channel that the bot was put out of meanwhile costs no other channel its messages."""
    slack.write(GAP + 1, channel="C1")
    slack.write(GAP + 1, "there", channel="C2")
    slack.judge = lambda call: (
        "not_in_channel"
        if call.method == "conversations.history" and call.arguments["channel"] == "C1"
        else None
    )
    async with catching_up(slack, tmp_path) as bench:
        with capture_logs() as logged:
            await bench.reconnect()
        assert (await bench.texts("C1"), await bench.texts("C2")) == ([], ["there"])
    assert [line["channel"] for line in logged if line["log_level"] == "warning"] == ["C1"]


async def test_gap_is_in_the_store_until_it_is_read(slack: RememberingSlack, tmp_path: Path) -> None:
    """A Slack that fails first is asked until it tells; a crash meanwhile loses nothing of the gap."""
    slack.write(GAP + 1, "missed")
    slack.judge = lambda call: "internal_error"
    async with catching_up(slack, tmp_path) as bench:
        bench.catch_up.connected()
        await eventually(lambda: len(slack.calls) > 5)
        assert [gap.since for gap in await bench.gaps()] == [GAP]
    async with catching_up(slack, tmp_path, noted=None) as bench:
        await eventually(lambda: len(slack.calls) > 10)
        assert [gap.since for gap in await bench.gaps()] == [GAP]
        slack.judge = lambda call: None
        await bench.has("missed")
        await bench.filled()


@pytest.mark.parametrize(
    "code",
    ["account_inactive", "missing_argument", "enterprise_is_restricted", "missing_scope", "invalid_auth"],
)
async def test_refusal_never_counts_as_read(slack: RememberingSlack, tmp_path: Path, code: str) -> None:
    """Where Slack refuses to tell the channels the gap stays open, and is read when it tells them."""
    slack.write(GAP + 1, "missed")
    slack.judge = lambda call: code
    async with catching_up(slack, tmp_path) as bench:
        bench.catch_up.connected()
        await eventually(lambda: len(slack.calls) > 3)
        assert len(await bench.gaps()) == 1
        slack.judge = lambda call: None
        await bench.has("missed")


async def test_half_read_gap_is_read_again(slack: RememberingSlack, tmp_path: Path) -> None:
    """Killed in the midst of filling a gap, the next start fills it, and doubles nothing."""
    for number in range(2):
        slack.write(GAP + 1, "missed", channel=f"C{1 + number}")
    gate = asyncio.Event()
    slack.judge = lambda call: gate if call.arguments.get("channel") == "C2" and not gate.is_set() else None
    async with catching_up(slack, tmp_path) as bench:
        bench.catch_up.connected()
        await eventually(lambda: any(call.arguments.get("channel") == "C2" for call in slack.calls))
        await bench.has("missed")
        calls = len(reads(slack, "C1"))
    gate.set()
    async with catching_up(slack, tmp_path, noted=None) as bench:
        await bench.has("missed", channel="C2")
        assert await bench.texts("C1") == ["missed"]
        assert len(reads(slack, "C1")) == calls, "what was read is not read again"


async def test_gap_while_the_pack_runs(slack: RememberingSlack, tmp_path: Path) -> None:
    """A gap begins where the pack last listened, not where it started; nothing is noted while it does not."""
    async with catching_up(slack, tmp_path) as bench:
        await bench.reconnect()
        bench.listening = False
        await asyncio.gather(*(breathe(5) for _ in range(3)))
        noted = await bench.noted()
        slack.write(time.time() + 0.5, "missed")
        await breathe(100)
        assert await bench.noted() - noted < 0.5
        bench.listening = True
        await bench.reconnect()

        async def there() -> bool:
            return await bench.texts() == ["missed"]

        await eventually_true(there)


async def test_quiet_channel_is_read_from_its_newest_message(slack: RememberingSlack, tmp_path: Path) -> None:
    """The newest known message of a channel is remembered over restarts, and what it knows is not doubled."""
    known = slack.write(GAP - 1000, "known")
    slack.write(GAP + 1, "missed")
    async with catching_up(slack, tmp_path) as bench:
        await bench.receive(known)
        await bench.store.inbox.delivered((await bench.store.inbox.waiting("C1", 1))[0])
        await bench.reconnect()
        assert await bench.texts() == ["missed"]


async def test_slacks_clock_is_what_counts(slack: RememberingSlack, tmp_path: Path) -> None:
    """The note is in Slack's time once Slack told it, and the horizon is counted by it."""
    slack.now = lambda: time.time() + 7200
    slack.write(NOW + 6000, "missed")
    async with catching_up(slack, tmp_path, noted=NOW + 5900) as bench:
        bench.catch_up.connected()
        await bench.has("missed")
        bench.catch_up._wake.set()

        async def noted() -> bool:
            return await bench.noted() > time.time() + 7000

        await eventually_true(noted)


def unreadable(slack: RememberingSlack, channel: str) -> None:
    """Have Slack fail whenever a channel's history is asked for."""
    slack.judge = lambda call: (
        "internal_error"
        if call.method == "conversations.history" and call.arguments["channel"] == channel
        else None
    )


def reads(slack: RememberingSlack, channel: str) -> list[str]:
    """Return the cursors with which a channel's history was read."""
    calls = [call for call in slack.of("conversations.history") if call.arguments["channel"] == channel]
    return [str(call.arguments.get("cursor", "")) for call in calls]


async def test_unreadable_channels_delay_no_other(slack: RememberingSlack, tmp_path: Path) -> None:
    """While three channels stay unreadable, this gap and the next are read for the others all the same."""
    for name in ("C3", "C4"):
        slack.channel(name)
    gate = asyncio.Event()
    slack.judge = lambda call: (
        "internal_error"
        if call.arguments.get("channel") in {"C1", "C3", "C4"} and not gate.is_set()
        else None
    )
    slack.write(GAP + 1, "first", channel="C2")
    async with catching_up(slack, tmp_path) as bench:
        bench.catch_up.connected()
        await bench.has("first", channel="C2")
        slack.write(time.time(), "second", channel="C2")
        bench.catch_up.connected()
        await bench.has("first", "second", channel="C2")
        slack.write(GAP + 3, "unreadable so far")
        gate.set()
        await bench.filled()
        assert await bench.texts("C1") == ["unreadable so far"]


async def test_what_an_earlier_run_stored_after_a_gap_waits_for_it(
    slack: RememberingSlack, tmp_path: Path
) -> None:
    """A pack killed while it filled a gap left what came after it: at the next start that waits (3, 11)."""
    slack.write(GAP + 1, "missed")
    async with catching_up(slack, tmp_path) as bench:
        await bench.receive(slack.write(NOW, "after it"))
        passed = asyncio.create_task(bench.arrivals.passed("C1", NOW, time.time()))
        await breathe(50)
        assert not passed.done(), "there is no connection yet, and the gap is not read"
        await bench.reconnect()
        assert await passed
        assert await bench.texts() == ["missed", "after it"]


async def test_what_follows_waits_for_a_gap_only_so_long(
    slack: RememberingSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes after a gap waits for an unreadable channel no longer than for anything else."""
    monkeypatch.setattr(module, "LONGEST_HOLD", 0.2)
    unreadable(slack, "C1")
    async with catching_up(slack, tmp_path) as bench:
        for _ in range(2):
            bench.catch_up.connected()
            await eventually(lambda: not bench.arrivals._sources)
            for lane in ("C1", "C2", "DNEW"):
                assert not await bench.arrivals.passed(lane, NOW, time.time())
        assert await bench.gaps(), "it is still being tried"


async def test_page_that_was_read_is_not_read_again(slack: RememberingSlack, tmp_path: Path) -> None:
    """Killed after some pages, the next start goes on with the page that comes then, and keeps the order."""
    slack.page = 5
    for number in range(20):
        slack.write(GAP + 1 + number, str(number))
    gate = asyncio.Event()
    slack.judge = lambda call: gate if call.arguments.get("cursor") == "15" and not gate.is_set() else None
    async with catching_up(slack, tmp_path) as bench:
        bench.catch_up.connected()
        await eventually(lambda: "15" in reads(slack, "C1"))
        assert await bench.texts() == []
    gate.set()
    async with catching_up(slack, tmp_path, noted=None) as bench:
        await bench.has(*[str(number) for number in range(20)])
    assert reads(slack, "C1") == ["", "5", "10", "15", "15"]


async def test_messages_do_not_wait_for_threads(
    slack: RememberingSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many threads and a limit, plain messages come at once, and each thread when it is read."""
    monkeypatch.setattr(gap_reader, "_TOGETHER", 0.05)
    roots = [slack.write(GAP - 1000 + number)["ts"] for number in range(6)]
    for number, root in enumerate(roots):
        slack.write(GAP + 1 + number, f"reply {number}", thread_ts=root)
    slack.write(GAP + 100, "plain")
    gate = asyncio.Event()
    slack.judge = lambda call: gate if call.arguments.get("ts") == roots[-1] and not gate.is_set() else None
    async with catching_up(slack, tmp_path) as bench:
        bench.catch_up.connected()
        await bench.has("plain")
        gate.set()
        await bench.filled()
        assert sorted(await bench.texts()) == ["plain", *(f"reply {number}" for number in range(6))]
    asked = [call.arguments["ts"] for call in slack.of("conversations.replies")]
    assert sorted(asked) == sorted(roots), "no thread is read twice"


async def test_thread_that_was_read_is_not_read_again(slack: RememberingSlack, tmp_path: Path) -> None:
    """Killed after some threads, the next start reads the others only."""
    roots = [slack.write(GAP - 1000 + number)["ts"] for number in range(3)]
    for number, root in enumerate(roots):
        slack.write(GAP + 1 + number, f"reply {number}", thread_ts=root)
    gate = asyncio.Event()
    last = slack.of
    slack.judge = lambda call: (
        gate
        if call.method == "conversations.replies" and len(last(call.method)) == 3 and not gate.is_set()
        else None
    )
    async with catching_up(slack, tmp_path) as bench:
        bench.catch_up.connected()
        await eventually(lambda: len(slack.of("conversations.replies")) == 3)
    gate.set()
    async with catching_up(slack, tmp_path, noted=None) as bench:
        await bench.has("reply 0", "reply 1", "reply 2")
    assert len(slack.of("conversations.replies")) == 4


async def test_only_since_the_bot_is_a_member(slack: RememberingSlack, tmp_path: Path) -> None:
    """What was written in a channel before the bot was invited is not the pack's business."""
    slack.write(GAP + 1, "deploy prod")
    slack.write(GAP + 2, "joined", subtype="channel_join", user="U1")
    slack.write(GAP + 3, "invited", subtype="group_join", user="UBOT")
    slack.write(GAP + 4, "hello bot")
    async with catching_up(slack, tmp_path) as bench:
        await bench.reconnect()
        assert await bench.texts() == ["hello bot"]


async def test_names_are_fresh_after_a_gap(slack: RememberingSlack, tmp_path: Path) -> None:
    """What tells of new names may have been missed: everything is looked up again."""
    slack.judge = lambda call: (
        {"user": {"id": "U1", "name": names[0]}} if call.method == "users.info" else None
    )
    names = ["alice"]
    async with catching_up(slack, tmp_path) as bench:
        assert (await bench.directory.user("U1")).name == "alice"
        names[0] = "alice2"
        assert (await bench.directory.user("U1")).name == "alice"
        await bench.reconnect()
        assert (await bench.directory.user("U1")).name == "alice2"


async def test_what_could_not_be_stored_is_read(slack: RememberingSlack, tmp_path: Path) -> None:
    """A message that could not be acknowledged is read when the store can be written: of its channel only."""
    slack.write(NOW - 5, "given up")
    async with catching_up(slack, tmp_path) as bench:
        await bench.reconnect()
        slack.calls.clear()
        slack.write(NOW - 4, "given up too")
        bench.catch_up.missed("C1", NOW - 4)
        await bench.has("given up", "given up too")
        await bench.filled()
    assert [call.method for call in slack.calls] == ["conversations.history"]


async def test_dropped_minute_is_read(slack: RememberingSlack, tmp_path: Path) -> None:
    """`app_rate_limited`: what was written in the minute that Slack dropped is read."""
    async with catching_up(slack, tmp_path) as bench:
        await bench.reconnect()
        slack.write(NOW - 30, "dropped", channel="C2")
        body = {"type": "app_rate_limited", "minute_rate_limited": int(NOW - 60)}
        await bench._listener.receive(body)
        await bench.has("dropped", channel="C2")


async def test_slow_look(slack: RememberingSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In HTTP mode, where nothing tells that requests do not arrive, histories are looked at now and then.

    Until such a look nothing is noted: a restart looks from the last one on.
    """
    assert module.SLOW_LOOK == 600
    async with catching_up(slack, tmp_path, by_http=True, noted=NOW - 300) as bench:
        await bench.reconnect()
        noted = bench.catch_up._noted

        async def is_noted() -> bool:
            return await bench.noted() == noted

        await eventually_true(is_noted)
        slack.write(time.time(), "never arrived")
        bench.catch_up._wake.set()
        await breathe(100)
        assert (await bench.noted(), await bench.texts()) == (noted, [])
        monkeypatch.setattr(module, "SLOW_LOOK", 0.05)
        await bench.has("never arrived")
        await bench.filled()


async def test_long_absence_and_a_live_message(slack: RememberingSlack, tmp_path: Path) -> None:
    """Away for more than a day: what arrives before the history is read hides nothing of the gap."""
    away = NOW - 100_000
    known = slack.write(away + 5, "known")
    slack.write(NOW - 50_000, "missed")
    async with catching_up(slack, tmp_path) as bench:
        await bench.receive(known)
        (row,) = await bench.store.inbox.waiting("C1", 1)
        await bench.store.inbox.delivered(row)
        await bench.store.inbox.prune(time.time() + 1)  # it is known no longer
    gate = asyncio.Event()
    slack.answer("users.conversations", gate)
    async with catching_up(slack, tmp_path, noted=away, horizon=200_000.0) as bench:
        bench.catch_up.connected()
        await eventually(lambda: slack.calls)
        await bench.receive(slack.write(NOW, "live"))
        gate.set()
        await bench.filled()
        assert await bench.texts() == ["missed", "live"], "nor is what was received before it doubled"


async def test_odd_history_stops_nothing(slack: RememberingSlack, tmp_path: Path) -> None:
    """A gap whose reading fails by a defect is left to the next start; the pack goes on."""
    slack.write(GAP + 1, "missed")
    async with catching_up(slack, tmp_path) as bench:
        id_ = await bench.store.gaps.open(GAP, NOW)
        await bench.store.gaps.put(id_, "C1", {"start": "no number"})
    with capture_logs() as logged:
        async with catching_up(slack, tmp_path) as bench:
            bench.catch_up.connected()
            await bench.has("missed")
            assert [gap.id for gap in await bench.gaps()][:1] == [id_]
    assert any(line["log_level"] == "error" for line in logged)
