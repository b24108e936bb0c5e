"""The workspace's own limit: Slack does not say which limit was hit (promise 6)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from remembering_slack import RememberingSlack
from scripted_slack import rate_limited
from slack_parts import Action, Clock, posting_with, virtual_clock
from support import eventually

from flyte_slack.slack.sending.pace import BURST, WorkspacePace
from flyte_slack.slack.sending.posting import Posting


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
async def posting(slack: RememberingSlack, clock: Clock) -> AsyncIterator[Posting]:
    async with slack.client() as web:
        yield posting_with(web, clock)


def message(channel: str = "C1", **more: Any) -> dict[str, Any]:
    return {"channel": channel, "text": "hi"} | more


@pytest.fixture
def gate(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let whoever has to wait for seconds wait until this is set; no time passes before."""
    gate = asyncio.Event()
    pass_at_once = clock.sleep

    async def sleep(seconds: float) -> None:
        due = clock.now + seconds
        if seconds > 2:
            await gate.wait()
            clock.now = max(clock.now, due)
        else:
            await pass_at_once(seconds)

    monkeypatch.setattr(clock, "sleep", sleep)
    return gate


@asynccontextmanager
async def three_refused(
    slack: RememberingSlack, posting: Posting, gate: asyncio.Event
) -> AsyncIterator[list["asyncio.Task[Mapping[str, Any]]"]]:
    """Have Slack refuse three channels in a row for a minute; after that they get their messages."""
    slack.answer("chat.postMessage", *[rate_limited(60)] * 3)
    actions = [Action() for _ in range(3)]
    sending = [
        asyncio.create_task(posting.post(message(f"R{number}"), action))
        for number, action in enumerate(actions)
    ]
    await eventually(lambda: all("not_executed" in action.log for action in actions))
    yield sending
    gate.set()
    await asyncio.gather(*sending)


async def test_refused_channels_hold_back_no_other(
    slack: RememberingSlack, posting: Posting, clock: Clock, gate: asyncio.Event
) -> None:
    """Three channels that Slack tells to wait for a minute do not keep a fourth waiting for that long."""
    async with three_refused(slack, posting, gate) as sending:
        before = clock.now
        await asyncio.wait_for(posting.post(message("C1"), Action()), 10)
        assert clock.now - before < 1
        assert not any(post.done() for post in sending)
    assert {post["channel"] for post in slack.posted} == {"C1", "R0", "R1", "R2"}
    assert len(slack.posted) == 4


async def test_burst_is_not_spent_on_waiting(
    slack: RememberingSlack, posting: Posting, clock: Clock, gate: asyncio.Event
) -> None:
    """A channel that waits for the workspace keeps its own burst meanwhile."""
    async with three_refused(slack, posting, gate):
        for _ in range(BURST):
            await asyncio.wait_for(posting.post(message("C1"), Action()), 10)
        assert 0 < sum(clock.slept) < 1, "the workspace's pauses, and none of the channel's own"
        await asyncio.wait_for(posting.post(message("C1"), Action()), 10)
        assert sum(clock.slept) == pytest.approx(1.0, abs=0.1)


def test_workspace_slows_down_and_recovers(clock: Clock) -> None:
    """Channels refused in a row make all slower, up to one message a second; being served undoes it."""
    workspace = WorkspacePace(clock)

    def pause() -> float:
        workspace.take()
        return workspace.left()

    for channel in ("C1", "C1", "C1", "C2"):
        workspace.refused(channel)
    assert pause() == 0, "two channels may have sent too much"
    workspace.served()
    workspace.refused("C3")
    assert pause() == 0, "one was served in between"
    slower = []
    for _ in range(10):
        for channel in ("C1", "C2", "C3"):
            workspace.refused(channel)
        slower.append(pause())
    assert 0 < slower[0] < 0.1
    assert slower == sorted(slower)
    assert slower[-1] == pytest.approx(1.0)
    faster = []
    for _ in range(500):
        workspace.served()
        faster.append(pause())
    assert faster == sorted(faster, reverse=True)
    assert faster[-1] == 0


async def test_channels_own_limit_is_not_the_workspaces(
    slack: RememberingSlack, posting: Posting, clock: Clock, gate: asyncio.Event
) -> None:
    """Channels that are refused within their own burst make no others slower."""
    for number in range(3):
        await posting.post(message(f"R{number}"), Action())
    async with three_refused(slack, posting, gate):
        await asyncio.wait_for(posting.post(message("C1"), Action()), 10)
        await asyncio.wait_for(posting.post(message("C2"), Action()), 10)
        assert sum(clock.slept) == 0
