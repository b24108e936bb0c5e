"""A channel's pace follows what Slack takes: fewer after a refusal, slowly more again (promise 6)."""

from collections.abc import AsyncIterator

import pytest
from scripted_slack import Answer, Call, ScriptedSlack, rate_limited
from slack_parts import Action, Clock, posting_with, virtual_clock

from flyte_slack.errors import CallRefused
from flyte_slack.slack.api.failures import Failure, Kind, Outcome
from flyte_slack.slack.sending.pace import BURST, Pace
from flyte_slack.slack.sending.posting import Posting

LIMITED = Failure(Outcome.NOT_DONE, "ratelimited", Kind.UNAVAILABLE, retry_after=1.0)
MESSAGE = {"channel": "C1", "text": "hi"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_clock(monkeypatch)


@pytest.fixture
async def slack() -> AsyncIterator[ScriptedSlack]:
    async with ScriptedSlack().serve() as served:
        yield served


@pytest.fixture
async def posting(slack: ScriptedSlack, clock: Clock) -> AsyncIterator[Posting]:
    async with slack.client() as web:
        yield posting_with(web, clock)


async def test_slack_that_takes_no_burst(slack: ScriptedSlack, posting: Posting, clock: Clock) -> None:
    """If Slack takes exactly one message a second, 30 take at most 36 s, with at most 5 refusals."""
    taken: list[float] = []
    refused: list[float] = []

    def judge(call: Call) -> Answer | None:
        if call.method != "chat.postMessage":
            return None
        clock.now += 0.02  # on its way
        if taken and clock.now - taken[-1] < 1:
            refused.append(clock.now)
            return rate_limited(1)
        taken.append(clock.now)
        return None

    slack.judge = judge
    begun = clock.now
    for _ in range(30):
        await posting.post(MESSAGE, Action())
    assert len(taken) == 30
    assert clock.now - begun <= 36
    assert len(refused) <= 5


async def test_bursts_are_used_if_slack_takes_them(posting: Posting, clock: Clock) -> None:
    """If Slack takes bursts, 30 messages take the least that one a second allows, and a tenth more."""
    begun = clock.now
    for _ in range(30):
        await posting.post(MESSAGE, Action())
    assert clock.now - begun <= (30 - BURST) * 1.1


async def test_refusals_for_good_cost_no_pace(slack: ScriptedSlack, posting: Posting, clock: Clock) -> None:
    """What Slack refuses for good is no message: 25 of them to one channel wait for nothing."""
    slack.answer("chat.postMessage", *["not_in_channel"] * 25)
    for _ in range(25):
        with pytest.raises(CallRefused):
            await posting.post(MESSAGE, Action())
    assert clock.slept == []


def test_refused_attempts_are_not_charged(clock: Clock) -> None:
    """An attempt that is refused again and again takes one place in the end."""
    pace = Pace(clock)
    for _ in range(10):
        clock.now += max(0.0, pace.left())
        pace.take()
        pace.failed(LIMITED)
    clock.now += pace.left()
    assert pace.left() == 0


def test_pace_recovers_slowly(clock: Clock) -> None:
    """After a refusal the burst is gone and the interval longer; both come back, one message at a time."""
    pace = Pace(clock)

    def gap() -> float:
        pace.take()
        pace.served()
        gap = pace.left()
        clock.now += max(0.0, gap)
        return gap

    pace.take()
    pace.failed(LIMITED)
    clock.now += 1
    first = gap()
    assert first > 1
    gaps = [gap() for _ in range(50)]
    assert min(gaps) >= 1, "no burst so soon"
    assert gaps[-1] < first
    for _ in range(400):
        gap()
    clock.now += 3600
    assert max(gap() for _ in range(BURST - 1)) <= 0, "a whole burst again"


def test_interval_has_a_limit(clock: Clock) -> None:
    """However often Slack refuses, a channel is not given up."""
    pace = Pace(clock)
    for _ in range(500):
        pace.take()
        pace.failed(LIMITED)
    clock.now += 1
    pace.take()
    pace.served()
    assert pace.left() <= 4
