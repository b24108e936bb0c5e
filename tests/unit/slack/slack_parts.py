"""Small helpers of the tests of the Slack side."""

import asyncio
from types import SimpleNamespace

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from support import breathe
from tenacity import wait_none

from flyte_slack import retries
from flyte_slack.slack.api import clock as clock_module
from flyte_slack.slack.api.clock import SlackClock
from flyte_slack.slack.sending import posting as poster
from flyte_slack.slack.sending import reconciliation
from flyte_slack.slack.sending.posting import Poster
from flyte_slack.slack.sending.reconciliation import Reconciliation
from flyte_slack.slack.workspace import history
from flyte_slack.slack.workspace.history import History

IDENTITY = "0123456789abcdef0123456789abcdef"


class Action:
    """An action's context that notes what it is told, in one log with what the test adds."""

    def __init__(self, identity: str = IDENTITY, *, begun_at: float | None = None) -> None:
        self.identity = identity
        self.begun_at = begun_at
        self.taken_at = 0.0
        self.keys: dict[tuple[str, str, str], object] = {}
        self.log: list[str] = []
        self.at: list[float] = []
        self.busy: float | None = None

    async def executing(self, at: float | None = None) -> None:
        self.log.append("executing")
        self.at.append(at or 0.0)

    async def not_executed(self) -> None:
        self.log.append("not_executed")

    async def answered(self) -> None:
        self.log.append("answered")

    def remember(self, kind: str, scope: str, name: str, value: object) -> None:
        self.keys[kind, scope, name] = value

    async def recall(self, kind: str, scope: str, name: str) -> object | None:
        return self.keys.get((kind, scope, name))

    def busy_until(self, at: float) -> None:
        self.busy = at

    async def lane_busy_until(self) -> float | None:
        return self.busy


class Clock:
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
    """Have what posts to Slack and looks into it go by a clock of its own, and post again at once."""
    clock = Clock()
    for module in (poster, reconciliation, history, clock_module):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic, time=clock.time))
    for module in (poster, reconciliation, history):
        monkeypatch.setattr(
            module, "asyncio", SimpleNamespace(sleep=clock.sleep, timeout=asyncio.timeout), raising=False
        )
    monkeypatch.setattr(retries, "SLACK_POST", wait_none())
    return clock


def poster_with(web: AsyncWebClient) -> Poster:
    """Return a poster wired like the pack's."""
    clock = SlackClock()
    return Poster(web, clock, Reconciliation(History(web, clock), clock))
