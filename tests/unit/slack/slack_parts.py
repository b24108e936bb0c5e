"""Small helpers of the tests of the Slack side."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from support import breathe
from tenacity import wait_none

from flyte_slack import retries
from flyte_slack.slack.api.clock import Machine, SlackClock
from flyte_slack.slack.commands.tools import Tools
from flyte_slack.slack.sending.posting import Posting
from flyte_slack.slack.workspace.channels import ChannelNames
from flyte_slack.slack.workspace.directory import Directory
from flyte_slack.slack.workspace.history import History
from flyte_slack.slack.workspace.identity import Identity
from flyte_slack.slack.workspace.workspace import Workspace

IDENTITY = "0123456789abcdef0123456789abcdef"


class Action:
    """An action's context that notes what it is told, in one log with what the test adds.

    Attributes:
        in_flight: whether a stop would wait for it.
        keys: what the actions of the lane have remembered, by kind and name.
    """

    def __init__(
        self,
        identity: str = IDENTITY,
        *,
        begun_at: float | None = None,
        keys: dict[tuple[str, str], object] | None = None,
    ) -> None:
        self.identity = identity
        self.begun_at = begun_at
        self.taken_at = 0.0
        self.log: list[str] = []
        self.at: list[float] = []
        self.busy: float | None = None
        self.in_flight = False
        self.keys: dict[tuple[str, str], object] = {} if keys is None else keys

    async def executing(self, at: float | None = None) -> None:
        self.in_flight = True
        self.log.append("executing")
        self.at.append(at or 0.0)

    async def not_executed(self) -> None:
        self.in_flight = False
        self.log.append("not_executed")

    async def answered(self) -> None:
        self.in_flight = False

    def remember(self, kind: str, name: str, value: object) -> None:
        self.keys[kind, name] = value

    async def recall(self, kind: str, name: str) -> object | None:
        return self.keys.get((kind, name))

    def busy_until(self, at: float) -> None:
        self.busy = at

    async def lane_busy_until(self) -> float | None:
        return self.busy


class Clock(Machine):
    """A clock that moves when somebody sleeps by it, and at no other time.

    Attributes:
        now: seconds on the monotonic clock.
        wall: what the machine takes the time to be, apart from what has passed since.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall = 1_700_000_000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.wall + self.now

    async def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.slept.append(seconds)
        self.now += seconds
        await breathe(1)


def virtual_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock of the test's own; what Slack did not take is tried again at once."""
    monkeypatch.setattr(retries, "SLACK_CALL", wait_none())
    return Clock()


def posting_with(web: AsyncWebClient, machine: Machine | None = None) -> Posting:
    """Return posting wired like the pack's."""
    return tools_with(web, machine).posting


def tools_with(web: AsyncWebClient, machine: Machine | None = None, **more: Any) -> Tools:
    """Return the tools of commands, wired like the pack's, for a bot that is known."""
    clock = SlackClock(machine)
    history = History(web, clock)
    channels = ChannelNames(history)
    identity = Identity(
        clock, user_id="UBOT", bot_id="BBOT", name="flyte", team_id="T1", url="https://acme.slack.com/"
    )
    workspace = Workspace(Directory(web, channels.forget), channels, identity)
    return Tools.over(web, clock, history, workspace, **more)
