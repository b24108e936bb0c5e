"""Reading what is in Slack: page by page, as fast as Slack lets, and not for ever (promises 5, 6, 11)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from remembering_slack import RememberingSlack
from scripted_slack import Answer, Reply, rate_limited
from slack_parts import Clock, virtual_clock

from flyte_slack.slack.api.clock import SlackClock
from flyte_slack.slack.api.failures import Outcome
from flyte_slack.slack.workspace.history import CannotLook, History

IN_TIME = 1300.0  # on the virtual clock, which begins at 1000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_clock(monkeypatch)


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[RememberingSlack]:
    slack = RememberingSlack("C1", "C2")
    slack.now = clock.time
    async with slack.serve():
        yield slack


@pytest.fixture
async def history(slack: RememberingSlack, clock: Clock) -> AsyncIterator[History]:
    async with slack.client() as web:
        yield History(web, SlackClock(clock))


async def texts(history: History, channel: str = "C1", deadline: float = IN_TIME) -> list[str]:
    return [message["text"] async for message in history.messages(channel, deadline)]


async def channels(history: History, deadline: float = IN_TIME) -> list[str]:
    return [channel["id"] async for channel in history.channels(deadline)]


async def refusal(history: History, channel: str = "C1") -> CannotLook:
    with pytest.raises(CannotLook) as caught:
        await texts(history, channel)
    return caught.value


async def test_every_page_is_read(slack: RememberingSlack, history: History) -> None:
    """However many pages there are, every message is read once, the newest first."""
    slack.page = 3
    for number in range(10):
        slack.write(float(number + 1), str(number))
    assert await texts(history) == [str(number) for number in reversed(range(10))]
    assert len(slack.of("conversations.history")) == 4


async def test_pages_are_read_as_they_are_needed(slack: RememberingSlack, history: History) -> None:
    """Who found what was looked for reads no further: nothing is loaded whole."""
    slack.page = 2
    for number in range(100):
        slack.write(float(number + 1))
    async for _ in history.messages("C1", IN_TIME):
        break
    assert len(slack.of("conversations.history")) == 1


async def test_metadata_comes_with_messages_and_replies(slack: RememberingSlack, history: History) -> None:
    """The metadata of a post is among what is read, in a channel and in a thread."""
    slack.write(1.0, metadata={"event_type": "a"})
    slack.write(2.0, thread_ts="1.000000", metadata={"event_type": "b"})
    (root,) = [message async for message in history.messages("C1", IN_TIME)]
    replies = [message async for message in history.replies("C1", "1.000000", IN_TIME)]
    assert root["metadata"]["event_type"] == "a"
    assert [message["metadata"]["event_type"] for message in replies] == ["a", "b"]


async def test_from_a_time_on(slack: RememberingSlack, history: History) -> None:
    """Only what is newer than a time is asked for, to the microsecond, and all of a thread's pages."""
    slack.page = 2
    for micro in range(8):
        slack.write(f"1700000000.{micro:06}", thread_ts="1700000000.000000")
    newer = history.replies("C1", "1700000000.000000", IN_TIME, oldest=1700000000.000003)
    assert [message["ts"][-1] async for message in newer if message["ts"][-1] != "0"] == ["4", "5", "6", "7"]
    slack.write("1700000001.000000")
    read = [message["ts"] async for message in history.messages("C1", IN_TIME, oldest=1700000000.5)]
    assert read == ["1700000001.000000"]


async def test_retry_after_costs_nothing(slack: RememberingSlack, history: History, clock: Clock) -> None:
    """Slack asking to wait is waited for, as long as it asked, and no page is missing."""
    slack.page = 1
    for number in range(3):
        slack.write(float(number + 1), str(number))
    slack.answer("conversations.history", rate_limited(30))
    assert await texts(history) == ["2", "1", "0"]
    assert sum(clock.slept) == 30


async def test_retry_after_holds_back_its_method_only(
    slack: RememberingSlack, history: History, clock: Clock
) -> None:
    """While one method is held back, others go on; every call of that method waits (promise 6)."""
    slack.write(1.0, "there")
    slack.answer("conversations.history", rate_limited(60))
    waiting = asyncio.create_task(texts(history))
    while not slack.calls:
        await asyncio.sleep(0)
    begun = clock.now
    assert await channels(history) == ["C1", "C2"]
    assert clock.now in (begun, begun + 60)
    assert await texts(history) == ["there"]
    assert clock.now >= begun + 60
    assert await waiting == ["there"]


@pytest.mark.parametrize(
    "answer", ["internal_error", "fatal_error", "service_unavailable", "cut", Reply("<html>", 502)]
)
async def test_trouble_is_waited_out(slack: RememberingSlack, history: History, answer: Answer) -> None:
    """What can succeed later is tried again."""
    slack.write(1.0, "there")
    slack.answer("conversations.history", *[answer] * 4)
    assert await texts(history) == ["there"]


@pytest.mark.parametrize("answer", ["internal_error", "cut", rate_limited(7)])
async def test_trouble_is_not_waited_out_for_ever(
    slack: RememberingSlack, history: History, clock: Clock, answer: Answer
) -> None:
    """At the deadline Slack is given up, with the last reason, and not much before."""
    slack.judge = lambda call: answer
    assert (await refusal(history)).failure.outcome is not Outcome.REFUSED
    assert clock.now >= IN_TIME - 7
    assert len(slack.calls) < 700


async def test_long_wait_ends_at_the_deadline(
    slack: RememberingSlack, history: History, clock: Clock
) -> None:
    """Slack asking to wait until after the deadline is no reason to wait longer."""
    slack.answer("conversations.history", *[rate_limited(3600)] * 2)
    assert (await refusal(history)).failure.code == "ratelimited"
    assert clock.now < IN_TIME
    assert len(slack.calls) == 1, "it is not called before that time either"


@pytest.mark.parametrize("code", ["missing_scope", "not_in_channel", "channel_not_found", "invalid_auth"])
async def test_refusal_is_told_at_once(
    slack: RememberingSlack, history: History, clock: Clock, code: str
) -> None:
    """Where the bot may not look it is not tried again."""
    slack.judge = lambda call: code
    caught = await refusal(history)
    assert (caught.failure.outcome, caught.failure.code) == (Outcome.REFUSED, code)
    assert len(slack.calls) == 1
    assert clock.slept == []


async def test_channels_are_those_the_bot_is_in(slack: RememberingSlack, history: History) -> None:
    """Every kind of channel that the bot is a member of is told, over all pages, and no other."""
    slack.page = 2
    slack.channel("C3", is_member=False)
    slack.channel("D1", is_im=True, user="U1")
    slack.channel("G1", is_mpim=True)
    assert await channels(history) == ["C1", "C2", "D1", "G1"]
    assert slack.calls[0].arguments["types"] == "public_channel,private_channel,mpim,im"


@pytest.mark.parametrize("code", ["unknown_method", "method_not_supported"])
async def test_channels_of_a_slack_without_users_conversations(
    slack: RememberingSlack, history: History, code: str
) -> None:
    """A Slack that lacks `users.conversations` is asked for all channels, of which the bot's are told."""
    slack.channel("C3", is_member=False)
    slack.channel("D1", is_im=True, is_member=False)
    slack.judge = lambda call: code if call.method == "users.conversations" else None
    assert await channels(history) == ["C1", "C2", "D1"]


async def test_channels_that_may_not_be_read(slack: RememberingSlack, history: History) -> None:
    """A missing scope is told, not worked around."""
    slack.judge = lambda call: "missing_scope"
    with pytest.raises(CannotLook, match="missing_scope"):
        await channels(history)
    assert len(slack.calls) == 1


@pytest.mark.parametrize(
    ("given", "id_"),
    [("#ops", "C7"), ("ops", "C7"), ("U7", "D7"), ("C0123ABC", "C0123ABC"), ("#none", None), ("U8", None)],
)
async def test_channel_by_whatever_it_is_called(
    slack: RememberingSlack, history: History, given: str, id_: str | None
) -> None:
    """A channel is found by id, by name with or without #, and by the user of a direct message."""
    slack.page = 1
    slack.channel("C7", name="ops", is_member=False)
    slack.channel("D7", is_im=True, user="U7")
    assert await history.channel_id(given, IN_TIME) == id_


async def test_answers_set_the_clock(slack: RememberingSlack) -> None:
    """Every answer tells Slack's time."""
    slack.now = lambda: 1_600_000_000.0
    clock = SlackClock(Clock())
    async with slack.client() as web:
        await texts(History(web, clock))
    assert clock.now() == 1_600_000_000.0


async def test_cursor_that_comes_again_ends_the_listing(
    slack: RememberingSlack, history: History, clock: Clock
) -> None:
    """A Slack that goes in circles is not read for ever."""
    page = {"messages": [{"ts": "1.0", "text": "a"}], "response_metadata": {"next_cursor": "again"}}
    slack.judge = lambda call: page
    assert await texts(history) == ["a", "a"]


async def test_page_waits_for_any_length_of_time(
    slack: RememberingSlack, history: History, clock: Clock
) -> None:
    """A page of a gap is read when Slack lets it be, after all of the time that it asked for."""
    slack.write(1.0, "there")
    slack.answer("conversations.history", rate_limited(3600))
    page = await history.messages_page("C1", "", 0.0)
    assert [message["text"] for message in page.items] == ["there"]
    assert clock.now >= 1000 + 3600
    assert len(slack.calls) == 2


@pytest.mark.parametrize("code", ["missing_argument", "enterprise_is_restricted", "unknown_method"])
async def test_channels_of_an_organisation(slack: RememberingSlack, history: History, code: str) -> None:
    """Where the bot's own channels cannot be listed, those that it is in are taken from all."""
    slack.channel("C3", is_member=False)
    slack.judge = lambda call: code if call.method == "users.conversations" else None
    page = await history.channels_page("", "T1")
    assert [channel["id"] for channel in page.items] == ["C1", "C2"]
    assert slack.of("conversations.list")[0].arguments["team_id"] == "T1"


async def test_wait_that_is_longer_than_the_look_is_given_up(
    slack: RememberingSlack, history: History, clock: Clock
) -> None:
    """A `Retry-After` beyond the look's own end is no reason to call early: the look is given up."""
    slack.answer("conversations.history", rate_limited(1000))
    with pytest.raises(CannotLook) as caught:
        await texts(history)
    assert caught.value.failure.code == "ratelimited"
    assert len(slack.of("conversations.history")) == 1
    assert clock.now <= IN_TIME
    with pytest.raises(CannotLook):
        await texts(history, deadline=clock.now + 60)
    assert len(slack.of("conversations.history")) == 1, "nor by the next look, before that time is over"
    await texts(history, deadline=clock.now + 3600)
    assert len(slack.of("conversations.history")) == 2
