"""Connections that stay open and are dead: replaced, and what was sent into them arrives (1, 2, 5, 11)."""

import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
from account import Account, forgetful, impatient
from faults import Rule
from harness import World, each, eventually, world
from proxy import Direction, Link, Proxy

from flyte_slack.sandbox.socket_mode import Delivery, SocketMode
from flyte_slack.sandbox.workspace import Workspace

ENDS = "a Slack connection ends"
LOGGED = ("Failed to run a request listener", "Unclosed")
"""How the SDK logs an acknowledgement that a dead connection did not take."""

TO: Direction = "to Slack"
FROM: Direction = "from Slack"

DEATHS: dict[str, Callable[[Link], object]] = {
    "says nothing": lambda link: link.swallows.add(FROM),
    "hears nothing": lambda link: link.swallows.add(TO),
    "does neither": lambda link: link.swallows.update({TO, FROM}),
    "reads nothing": lambda link: link.stalls.add(TO),
    "lingers": lambda link: _haunt(link),
}


def _haunt(link: Link) -> None:
    """Let Slack believe, also after the pack has left, that the connection is alive."""
    link.swallows |= {TO, FROM}
    link.lingers = True


class Resigned(SocketMode):
    """Slack that gives up at once on what was sent and not acknowledged."""

    def _send_again(self, delivery: Delivery, reason: str) -> None:
        self._forget(delivery)


def resigned(workspace: Workspace) -> SocketMode:
    """Slack that sends each event once, and while no connection is open not even that."""
    return Resigned(workspace, redelivery=(1.0,), keep_events_while_disconnected=False)


@contextlib.asynccontextmanager
async def proxied(
    folder: Path, socket_mode: Callable[[Workspace], SocketMode] = impatient
) -> AsyncIterator[tuple[World, Proxy, Account]]:
    """Set up a world with a proxy between the pack and Slack; the pack is not started yet."""
    async with (
        world(folder, socket_mode=socket_mode, expected=LOGGED) as w,
        Proxy(w.sandbox.port, lambda: w.pack.process.pid) as proxy,
    ):
        w.pack.environment["SLACK_API_URL"] = f"http://127.0.0.1:{proxy.port}/slack/api/"
        yield w, proxy, Account(w)


async def connected(w: World, number: int = 2) -> None:
    """Wait until the pack says that so many connections are open."""

    async def told() -> bool:
        return f"{number} of 2 Socket" in (await w.pack.health())["Slack"]["status"]

    await eventually(told, f"{number} connections are open", timeout=60)


@pytest.mark.parametrize("dead", [1, 2], ids=["one of two", "both"])
async def test_dead_but_open(tmp_path: Path, dead: int) -> None:
    """Connections fall silent under traffic: each is replaced, and everything arrives, once."""
    await each(lambda folder, death: silent(folder, death, dead), tmp_path, *DEATHS)


async def silent(tmp_path: Path, death: str, dead: int) -> None:
    """Let connections die without being closed, and go on writing and asking."""
    async with proxied(tmp_path) as (w, proxy, account):
        await w.pack.start()
        await connected(w)
        account.traffic()
        await account.settled()
        for link in proxy.links[:dead]:
            DEATHS[death](link)
        for _ in range(3):
            account.traffic()
        await eventually(lambda: len(w.pack.logged(ENDS)) >= dead, f"{death}: they are given up", timeout=60)
        account.traffic()
        await account.settled()
        await connected(w)
        assert len(proxy.links) >= 2 + dead
        account.assert_nothing_lost_or_doubled()


async def test_dead_and_slack_gives_up(tmp_path: Path) -> None:
    """Both connections fall silent, and Slack never repeats what it sent into them: history has it (11)."""
    async with proxied(tmp_path, resigned) as (w, proxy, account):
        await w.pack.start()
        await connected(w)
        account.traffic()
        await account.settled()
        for link in proxy.links:
            DEATHS["does neither"](link)
        account.say(3)
        account.ask()
        await eventually(lambda: len(w.pack.logged(ENDS)) >= 2, "both are given up", timeout=60)
        await connected(w)
        await account.settled()
        account.assert_nothing_lost_or_doubled()


async def test_no_hello(tmp_path: Path) -> None:
    """New connections on which no hello comes are given up; what Slack sent into them arrives, once."""
    async with proxied(tmp_path, forgetful) as (w, proxy, account):
        proxy.next_links = [Link(swallows={FROM}) for _ in range(2)]
        w.pack.launch()
        await eventually(lambda: len(proxy.links) == 2, "two connections without a hello")
        account.traffic()
        assert not (await w.pack.health())["Slack"]["healthy"]
        await w.pack.ready()
        await connected(w)
        proxy.next_links = [Link(swallows={FROM}) for _ in range(3)]
        account.traffic()
        w.socket_mode.drop()
        await eventually(lambda: not proxy.next_links, "three more without a hello", timeout=60)
        account.traffic()
        await connected(w)
        account.traffic()
        await account.settled()
        account.assert_nothing_lost_or_doubled()


def exhausted(rules: list[Rule]) -> bool:
    """Whether each rule applied as often as it may."""
    return all(rule.hits == rule.times for rule in rules)


async def test_tickets_refused_under_traffic(tmp_path: Path) -> None:
    """Connections drop, and new tickets are refused, unusable or missing: everything arrives, once."""
    async with world(tmp_path, socket_mode=forgetful, expected=LOGGED) as w:
        account = Account(w)
        await w.pack.start()
        await connected(w)
        for _ in range(2):
            account.traffic()
            opened = r"/apps\.connections\.open$"
            json_ = {"Content-Type": "application/json"}
            troubles = [
                w.faults.answer("GET", "/slack/socket$", 403, times=2),
                w.faults.answer("*", opened, 200, body='{"ok": true}', headers=json_, times=1),
                w.faults.slack_error(r"apps\.connections\.open", "internal_error", times=1),
                w.faults.cut("GET", "/slack/socket$", times=1, when="before"),
                w.faults.rate_limit(r"apps\.connections\.open", 1, times=1),
            ]
            w.socket_mode.drop()
            account.traffic()
            await eventually(partial(exhausted, troubles), "each trouble was met", timeout=60)
            account.traffic()
            await connected(w)
            account.traffic()
            await account.settled(timeout=90)
        account.assert_nothing_lost_or_doubled()


async def test_silent_and_killed(tmp_path: Path) -> None:
    """kill -9 while both connections are dead but open: what was sent into them arrives after it, once."""
    async with proxied(tmp_path, forgetful) as (w, proxy, account):
        await w.pack.start()
        await connected(w)
        account.traffic()
        await account.settled()
        for link in proxy.links:
            DEATHS["lingers"](link)
        account.say(3)
        w.pack.kill()
        account.say(2)
        await w.pack.start()
        account.traffic()
        await account.settled()
        account.assert_nothing_lost_or_doubled()
