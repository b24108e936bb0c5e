"""Connections cut, and the pack killed, at a byte: before, during and after what the peer handles.

A proxy stands between the pack and its peers and remembers what passed, so that what was lost on the
way is known: nothing else may be lost or doubled (promises 1, 2, 4 and 5).
"""

import contextlib
import itertools
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from harness import EVENTS, POST, RESULT, TAKE, World, eventually, world
from proxy import Direction, Exchange, Proxy, Trap

from flyte_slack.sandbox.flows import Action
from flyte_slack.sandbox.socket_mode import SocketMode
from flyte_slack.sandbox.workspace import Workspace

SOCKET = r"ticket|/socket"
BYTES: tuple[tuple[Direction, float], ...] = (
    ("request", 0.0),
    ("request", 0.5),
    ("request", 1.0),
    ("reply", 0.5),
    ("reply", 1.0),
)
FRAMES: tuple[tuple[Direction, float], ...] = (
    ("from Slack", 0.5),
    ("from Slack", 1.0),
    ("to Slack", 0.5),
    ("to Slack", 1.0),
)


def impatient(workspace: Workspace) -> SocketMode:
    """Slack that redelivers soon and often."""
    return SocketMode(workspace, redelivery=(1.0,) * 60)


class Between:
    """The pack with a proxy to either side, and the account of what happened."""

    def __init__(self, w: World, flyte: Proxy, slack: Proxy) -> None:
        self.w = w
        self.flyte = flyte
        self.slack = slack
        self.channels = [w.fresh() for _ in range(4)]
        self.said: list[str] = []
        self.actions: list[Action] = []

    def traffic(self) -> None:
        """Write to each channel, and make an action for a channel of its own, and for a shared one."""
        for channel in self.channels:
            self.said.append(f"said {len(self.said)}.")
            self.w.say(channel, self.said[-1])
        for channel in (self.w.fresh(), self.channels[len(self.actions) % 4]):
            text = f"action {len(self.actions)}."
            self.actions.append(self.w.flyte.command(channelId=channel.id, message=text))

    def trap(self, path: str, direction: Direction, share: float, *, kill: bool) -> Trap:
        """Set a trap; one for a take waits for a take that gets an action."""
        proxy = self.slack if path in (POST, SOCKET) else self.flyte
        gets = b"HTTP/1.1 200" if direction == "reply" else b""

        def where(data: bytes) -> bool:
            if direction == "from Slack":
                return b"events_api" in data
            if path != TAKE:
                return True
            return data.startswith(gets) and (
                direction == "reply" or any(action.state == "NEW" for action in self.actions)
            )

        act = self.w.pack.kill if kill else lambda: None
        if direction == "to Slack":
            return proxy.trap(path, direction, share, act=act, where=lambda data: len(data) > 30)
        return proxy.trap(path, direction, share, act=act, where=where)

    async def settle(self) -> None:
        """Wait until all that can arrive has arrived."""
        await eventually(lambda: not self.w.socket_mode.unacknowledged, "all is acknowledged", timeout=60)
        await eventually(lambda: set(self.said) <= set(self.w.flyte.texts()), "all messages", timeout=60)
        await self.w.taken(*self.actions)
        await self.w.marked(*self.channels)
        await eventually(
            lambda: not self.w.stored("SELECT id FROM actions WHERE state <> 'delivered'"), timeout=90
        )

    def kept(self) -> list[Action]:
        """Return the actions that came to the pack's disk."""
        references = " ".join(reference for (reference,) in self.w.stored("SELECT reference FROM actions"))
        return [action for action in self.actions if action.id in references]

    def lost_on_the_way(self) -> set[str]:
        """Return the ids of actions in takes whose reply was cut, or after which the pack was killed."""
        takes = [each for each in self.flyte.exchanges if each.path.endswith("/actions/take")]
        found = set()
        for take, following in itertools.zip_longest(takes, takes[1:]):
            if take.status == 200 and (not take.whole or following is None or following.epoch != take.epoch):
                found.add(str(json.loads(_body(take.reply))["links"][0]["href"]).split("/")[-2])
        return found

    def doubled(self) -> dict[str, int]:
        """Return how often each text was accepted by Flyte beyond once."""
        counts: dict[str, int] = defaultdict(int)
        for text in self.w.flyte.texts():
            counts[text] += 1
        return {text: count - 1 for text, count in counts.items() if count > 1}

    def may_double(self) -> dict[str, int]:
        """Return how often Flyte accepted a text and its reply was cut, or the pack killed then."""
        by_text: dict[str, list[Exchange]] = defaultdict(list)
        for each in self.flyte.exchanges:
            if each.path.endswith("/events") and each.status == 202:
                by_text[json.loads(_body(each.request))["payload"]["message"]].append(each)
        return {
            text: sum(not one.whole or one.epoch != two.epoch for one, two in itertools.pairwise(tries))
            for text, tries in by_text.items()
        }

    def assert_account(self) -> None:
        """Hold everything against everything."""
        w = self.w
        assert set(self.said) <= set(w.flyte.texts()), "messages are lost"
        allowed = self.may_double()
        assert {text: n for text, n in self.doubled().items() if n > allowed[text]} == {}
        kept = self.kept()
        lost = {action.id for action in self.actions} - {action.id for action in kept}
        assert lost <= self.lost_on_the_way()
        posts = defaultdict(list)
        for post in w.posts():
            posts[post["text"]].append(post["ts"])
        assert {text: ts for text, ts in posts.items() if len(ts) > 1} == {}, "doubled posts"
        results = {
            a.input["message"]: [r.payload.get("timestamp") for r in w.flyte.results_of(a)] for a in kept
        }
        assert results == {a.input["message"]: posts[a.input["message"]] for a in kept}
        assert sum(map(len, posts.values())) == len(kept)


def _body(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[2]


@contextlib.asynccontextmanager
async def between(folder: Path) -> AsyncIterator[Between]:
    """Set up a world with proxies around the pack, which is not started yet."""
    expected = ("Traceback", "Failed to run a request listener", "Unclosed")
    async with world(folder, socket_mode=impatient, expected=expected, FLYTE_SLACK_POLL_INTERVAL="0.05") as w:

        def epoch() -> int:
            return w.pack.process.pid

        async with Proxy(w.flyte.port, epoch) as flyte, Proxy(w.sandbox.port, epoch) as slack:
            w.pack.environment["FLYTE_API"] = f"http://127.0.0.1:{flyte.port}/flyte"
            w.pack.environment["SLACK_API_URL"] = f"http://127.0.0.1:{slack.port}/slack/api/"
            yield Between(w, flyte, slack)


async def test_cut_at_a_byte(tmp_path: Path) -> None:
    """Connections of each kind cut at bytes of request and reply: lost or doubled is what the wire lost."""
    async with between(tmp_path) as b:
        await b.w.pack.start()
        traps = []
        for path, places in (
            (EVENTS, BYTES),
            (TAKE, BYTES),
            (RESULT, BYTES),
            (POST, BYTES),
            (SOCKET, FRAMES),
        ):
            for direction, share in places:
                trap = b.trap(path, direction, share, kill=False)
                traps.append(trap)
                b.traffic()
                await eventually(
                    partial(getattr, trap, "sprung"), f"{path} is cut at {share} of its {direction}"
                )
        await b.settle()
        b.assert_account()
        assert all(trap.sprung for trap in traps)


@pytest.mark.parametrize(
    "path", [EVENTS, TAKE, RESULT, POST, SOCKET], ids=["events", "take", "result", "post", "socket"]
)
async def test_killed_at_a_byte(tmp_path: Path, path: str) -> None:
    """kill -9 at bytes of request and reply of one kind: lost or doubled is what the wire lost."""
    async with between(tmp_path) as b:
        for direction, share in FRAMES if path == SOCKET else BYTES:
            await b.w.pack.start()
            b.trap(path, direction, share, kill=True)
            b.traffic()
            await eventually(lambda: not b.w.pack.running, f"killed at {share} of the {direction}")
            await eventually(lambda: not (b.flyte.busy or b.slack.busy), "what was sent has arrived")
        await b.w.pack.start()
        await b.settle()
        b.assert_account()
