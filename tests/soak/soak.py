"""A soak: two replicas on PostgreSQL, random faults for some minutes, then quiescence and a full account.

Run it with `python tests/soak/soak.py --seconds 300`; a seed repeats the choice of faults.
"""

import argparse
import asyncio
import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

sys.path[:0] = [
    str(Path(__file__).parents[2]),
    *(str(Path(__file__).parents[1] / n) for n in ("", "scenarios", "fault_injection")),
]

from faults import Rule  # noqa: E402
from harness import (  # noqa: E402
    EVENTS,
    POST,
    RESULT,
    TAKE,
    Pack,
    World,
    eventually,
    free_port,
    world,
)
from postgres import Postgres, postgres_server  # noqa: E402
from replicas import replicas  # noqa: E402

from flyte_slack.sandbox.flows import Action, Event  # noqa: E402
from flyte_slack.sandbox.socket_mode import SocketMode  # noqa: E402
from flyte_slack.sandbox.workspace import Channel, Message, Workspace  # noqa: E402

CHANNELS = 12
HISTORY = r"/conversations\.(history|replies)$"
UNEXPECTED_NO_MORE = ("Traceback", "Failed to run", "Unclosed")
"""What logs may show where the store is away or connections are cut."""

_JSON = {"Content-Type": "application/json"}
_QUIET_WITHIN = 240.0
_LATE = 3.0  # a request that was held back is handled, though who sent it is dead or frozen


class Timed(list[Event]):
    """Flyte's events, and when each was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def append(self, event: Event) -> None:
        """Note the time as well."""
        super().append(event)
        self.at.append(time.time())


@dataclass
class Account:
    """What was written and made, and what became of it."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    rows: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return a table."""
        injected = ", ".join(f"{name} {number}" for name, number in sorted(self.faults.items()))
        width = max(map(len, self.rows))
        lines = [f"  {name:{width}}  {number:>7}" for name, number in self.rows.items()]
        wrong = [f"  WRONG: {name}: {', '.join(each[:10])}" for name, each in self.wrong.items() if each]
        return "\n".join([f"seed {self.seed}; faults: {injected}", *lines, *wrong])


class Soak:
    """Traffic, and trouble.

    Args:
        w: Slack, Flyte and the first pack.
        packs: all of them.
        postgres: their database's server.
        seed: for the choice of faults.
        tell: shows what goes on.
    """

    def __init__(
        self, w: World, packs: list[Pack], postgres: Postgres, seed: int, tell: Callable[[str], None]
    ) -> None:
        self.w = w
        self.packs = packs
        self.postgres = postgres
        self.random = random.Random(seed)
        self.tell = tell
        self.account = Account(seed)
        self.channels = [w.channel(f"soak-{number}") for number in range(CHANNELS)]
        self.said: dict[str, tuple[Channel, Message]] = {}
        self.actions: list[Action] = []
        self.cut_texts: list[str] = []
        self.event_windows: list[tuple[float, float]] = []
        self.take_windows: list[tuple[float, float]] = []
        self.causes: list[tuple[float, str]] = []
        self.events = Timed()
        w.flyte.api.events = self.events

    async def run(self, seconds: float) -> Account:
        """Make traffic and trouble for so long, then let everything settle, and count."""
        await asyncio.gather(*(pack.start() for pack in self.packs))
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(self._people(end))
            group.create_task(self._flows(end))
            group.create_task(self._trouble(end))
            group.create_task(self._progress(end))
        await self._settle()
        self._count()
        return self.account

    # Traffic

    async def _people(self, end: float) -> None:
        roots: dict[str, str] = {}
        while time.monotonic() < end:
            channel = self.random.choice(self.channels)
            thread = roots.get(channel.id, "") if self.random.random() < 0.3 else ""
            text = f"said {len(self.said):06}."
            message = self.w.say(channel, text, thread_ts=thread)
            self.said[text] = channel, message
            if not thread:
                roots[channel.id] = message["ts"]
            await asyncio.sleep(self.random.uniform(0.005, 0.06))

    async def _flows(self, end: float) -> None:
        while time.monotonic() < end:
            channel = self.random.choice(self.channels)
            target = self.random.choice((channel.id, f"#{channel.name}"))
            thread = ""
            if channel.messages and self.random.random() < 0.2:
                root = self.random.choice(channel.messages)
                thread = str(root.get("thread_ts") or root["ts"])
            text = f"action {len(self.actions):06}."
            self.actions.append(self.w.flyte.command(channelId=target, message=text, threadTimestamp=thread))
            await asyncio.sleep(self.random.uniform(0.1, 0.4))

    # Trouble

    async def _trouble(self, end: float) -> None:
        kinds: list[tuple[str, Callable[[float], Awaitable[None]], int]] = [
            ("spoiled requests", self._spoiled, 12),
            ("sockets", self._sockets, 4),
            ("redelivery", self._redelivered, 4),
            ("Flyte away", self._flyte_away, 2),
            ("pack removed", self._removed, 1),
            ("kill -9", self._killed, 3),
            ("SIGTERM", self._terminated, 1),
            ("SIGSTOP", self._frozen, 2),
            ("PostgreSQL", self._database, 1),
        ]
        due = [kind for kind in kinds if kind[0] != "spoiled requests"]
        self.random.shuffle(due)  # each of them once, then at random
        while time.monotonic() < end:
            name, cause, _ = due.pop() if due else self.random.choices(kinds, [kind[2] for kind in kinds])[0]
            self.account.faults[name] += 1
            self.causes.append((time.time(), name))
            self.tell(f"fault: {name}")
            await asyncio.gather(cause(end), self._spoiled(end))
            await asyncio.sleep(self.random.uniform(0, 0.5))

    async def _spoiled(self, end: float) -> None:
        """Spoil a kind of request, or two, for a moment."""
        faults, times = self.w.faults, self.random.randint(1, 4)
        internal = '{"ok": false, "error": "internal_error"}'
        choices: list[Callable[[], Rule]] = [
            lambda: faults.cut("POST", EVENTS, times=times),
            lambda: faults.cut("POST", EVENTS, times=times, when="after", where=self._noted),
            lambda: faults.answer("POST", EVENTS, 503, times=times),
            lambda: faults.cut("POST", TAKE, times=times),
            lambda: faults.cut("POST", TAKE, times=1, when="after", where=self._take_lost),
            lambda: faults.answer("POST", TAKE, 500, times=times),
            lambda: faults.cut("POST", RESULT, times=times),
            lambda: faults.cut("POST", RESULT, times=times, when="after"),
            lambda: faults.answer("POST", RESULT, 503, times=times),
            lambda: faults.cut("POST", POST, times=times),
            lambda: faults.cut("POST", POST, times=times, when="after"),
            lambda: faults.answer("POST", POST, 502, times=times),
            lambda: faults.answer("POST", POST, 200, body=internal, headers=_JSON, times=times, when="after"),
            lambda: faults.rate_limit(r"chat\.postMessage", 1, times=times),
            lambda: faults.rate_limit(r"conversations\.history", 1, times=times),
            lambda: faults.answer("GET", HISTORY, 500, times=times),
            lambda: faults.answer("GET", r"/users\.info$", 500, times=times),
            lambda: faults.answer("POST", r"/apps\.connections\.open$", 500, times=times),
            *(lambda path=path: faults.hang("POST", path) for path in (EVENTS, TAKE, RESULT, POST)),
        ]
        rules = [make() for make in self.random.sample(choices, 2)]
        self.causes += [(time.time(), f"{rule.when} {rule.path.pattern}") for rule in rules]
        self.account.faults["spoiled requests"] += len(rules)
        await asyncio.sleep(self.random.uniform(0.2, 1.5))
        for rule in rules:
            rule.remove()
            self.w.faults.rules.remove(rule)

    def _noted(self, _request: object, body: bytes) -> bool:
        """Note the event whose answer is cut."""
        if body:  # one that was on its way as the rule was made was not read
            self.cut_texts.append(json.loads(body)["payload"]["message"])
        return bool(body)

    def _take_lost(self, _request: object, _body: bytes) -> bool:
        """Note the time at which the answer to a take is cut."""
        self._window(self.take_windows, 1.0, 1.0)
        return True

    def _window(self, windows: list[tuple[float, float]], before: float, after: float) -> None:
        now = time.time()
        windows.append((now - before, now + after))

    async def _sockets(self, end: float) -> None:
        match self.random.randrange(3):
            case 0:
                self.w.socket_mode.drop()
            case 1:
                await self.w.socket_mode.disconnect("refresh_requested")
            case _:
                await self.w.socket_mode.disconnect("warning")

    async def _redelivered(self, end: float) -> None:
        """Send old messages again, each under another `event_id`."""
        for text in self.random.sample(sorted(self.said), min(10, len(self.said))):
            channel, message = self.said[text]
            self.w.socket_mode.deliver({**message, "channel": channel.id, "channel_type": "channel"})

    async def _flyte_away(self, end: float) -> None:
        for windows in (self.event_windows, self.take_windows):
            self._window(windows, 2.0, 2.0)
        await self.w.flyte.stop()
        await asyncio.sleep(self.random.uniform(0.2, 3))
        await self.w.flyte.start()

    async def _removed(self, end: float) -> None:
        self.w.flyte.api.packs.clear()

    async def _killed(self, end: float) -> None:
        pack = self.random.choice(self.packs)
        for windows in (self.event_windows, self.take_windows):
            self._window(windows, 4.0, _LATE)
        pack.kill()
        await asyncio.sleep(self.random.uniform(0, 1))
        await self._started(pack)

    async def _terminated(self, end: float) -> None:
        pack = self.random.choice(self.packs)
        assert await pack.stop() == 0
        await self._started(pack)

    async def _started(self, pack: Pack) -> None:
        pack.launch()
        await eventually(lambda: pack.status("/health/live"), "a pack is alive", timeout=60)

    async def _frozen(self, end: float) -> None:
        """Freeze a replica: for a moment, or for longer than its leases last."""
        pack, begun = self.random.choice(self.packs), time.time()
        pack.send(signal.SIGSTOP)
        await asyncio.sleep(self.random.choice((1.0, 3.0, 13.0)))
        pack.send(signal.SIGCONT)
        self.event_windows.append((begun - 2.0, begun + _LATE))  # it noted nothing of what Flyte took then

    async def _database(self, end: float) -> None:
        begun = time.time()
        await asyncio.to_thread(self.postgres.stop, self.random.choice(("fast", "immediate")))
        await asyncio.sleep(self.random.uniform(0.2, 3))
        await asyncio.to_thread(self.postgres.start)
        self.event_windows.append((begun - 2.0, time.time() + 3.0))

    async def _progress(self, end: float) -> None:
        while (left := end - time.monotonic()) > 0:
            self.tell(
                f"{left:4.0f} s left; {len(self.said)} messages, {len(self.w.flyte.seen)} events; "
                f"{len(self.actions)} actions, {len(self.w.posts())} posts, "
                f"{len(self.w.flyte.results)} results"
            )
            await asyncio.sleep(min(5.0, left))

    # The end

    async def _settle(self) -> None:
        """Wait, with no fault any more, until everything has come to an end."""
        self.tell("no more faults: waiting for quiescence")
        self.w.faults.clear()
        timeout = _QUIET_WITHIN
        await asyncio.gather(*(pack.ready() for pack in self.packs))
        mode = self.w.socket_mode
        await eventually(lambda: not mode.unacknowledged, "all is acknowledged", timeout=timeout)
        await eventually(
            lambda: self.said.keys() <= set(self.w.flyte.texts()), "all messages arrived", timeout=timeout
        )
        await eventually(
            lambda: all(action.state != "NEW" for action in self.actions),
            "all actions are taken",
            timeout=timeout,
        )
        waiting = "SELECT count(*) FROM {} WHERE state NOT IN ('delivered', 'dead')"
        for table in ("actions", "inbox"):
            sql = waiting.format(table)
            await eventually(partial(self._none, sql), f"no {table} wait", timeout=timeout)

    def _none(self, count: str) -> bool:
        return self._query(count) == "0"

    def _query(self, sql: str) -> str:
        return self.postgres.query(self.w.pack.environment["FLYTE_SLACK_STORE"], sql).strip()

    def _count(self) -> None:
        rows, wrong = self.account.rows, self.account.wrong
        texts = Counter(event.payload["message"] for event in self.w.flyte.seen)
        repeats = sum(texts.values()) - len(texts)
        allowed = self._repeats_allowed()
        doubled = [text for text, n in texts.items() if n - 1 > allowed[text]]
        rows["messages written"] = len(self.said)
        rows["events"] = sum(texts.values())
        wrong["messages lost"] = [text for text in self.said if text not in texts]
        rows["messages lost"] = len(wrong["messages lost"])
        rows["messages doubled: Flyte's answer was lost"] = repeats - len(doubled)
        wrong["messages doubled"] = [self._story(text) for text in doubled]
        rows["messages doubled"] = len(doubled)

        references = self._query("SELECT reference FROM actions")
        kept = [action for action in self.actions if f"/{action.id}/" in references]
        gone = [action for action in self.actions if f"/{action.id}/" not in references]
        rows["actions"] = len(self.actions)
        rows["actions taken and stored"] = len(kept)
        unexplained = [
            f"{a.input['message']} taken at {_clock(_changed(a))}{self._about(_changed(a))}"
            for a in gone
            if not _within(self.take_windows, _changed(a))
        ]
        rows["actions lost on the way: the take's answer was lost"] = len(gone) - len(unexplained)
        wrong["actions lost"] = unexplained
        rows["actions lost"] = len(unexplained)
        posts: dict[str, list[str]] = {}
        for post in self.w.posts():
            posts.setdefault(post["text"], []).append(post["ts"])
        rows["posts"] = sum(map(len, posts.values()))
        wrong["posts doubled"] = [text for text, ts in posts.items() if len(ts) > 1]
        rows["posts doubled"] = len(wrong["posts doubled"])
        results = {action.input["message"]: self._told(action) for action in kept}
        rows["results"] = sum(map(len, results.values()))
        wrong["results that are not one MessageSent with the post's ts"] = [
            f"{text} {told} {posts.get(text)}" for text, told in results.items() if told != posts.get(text)
        ]
        put_aside = self._query("SELECT reason FROM inbox WHERE state = 'dead' UNION ALL "
                                "SELECT reason FROM actions WHERE state = 'dead'")  # fmt: skip
        wrong["put aside"] = put_aside.splitlines()
        rows["put aside"] = len(wrong["put aside"])

    def _story(self, text: str) -> str:
        """Tell when a message was accepted, and what was done about then, for who has to explain it."""
        pairs = zip(self.events, self.events.at, strict=True)
        times = [at for event, at in pairs if event.result_of is None and event.payload["message"] == text]
        return f"{text} accepted at {', '.join(map(_clock, times))}{self._about(times[0])}"

    def _about(self, time_: float) -> str:
        causes = [f"{_clock(at)} {name}" for at, name in self.causes if -35 < at - time_ < 5]
        return f" (faults: {', '.join(causes)})"

    def _told(self, action: Action) -> list[Any]:
        return [event.payload.get("timestamp") or event.payload for event in self.w.flyte.results_of(action)]

    def _repeats_allowed(self) -> Counter[str]:
        """Count, by text, the acceptances of which the pack may not know."""
        allowed = Counter(self.cut_texts)
        for event, at in zip(self.events, self.events.at, strict=True):
            if event.result_of is None and _within(self.event_windows, at):
                allowed[event.payload["message"]] += 1
        return allowed


def _changed(action: Action) -> float:
    return action.states[-1][1].timestamp()


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]


def _within(windows: list[tuple[float, float]], at: float) -> bool:
    windows = sorted(windows)
    return any(begin <= at <= end for begin, end in windows[: bisect_right(windows, (at, float("inf")))])


def own_postgres() -> AbstractContextManager[Postgres]:
    """Run a server that the soak may restart."""
    return postgres_server(free_port())


def impatient(workspace: Workspace) -> SocketMode:
    """Slack that redelivers soon and often."""
    return SocketMode(workspace, redelivery=(1.0,) * 600)


async def run_soak(
    seconds: float,
    folder: Path,
    postgres: Postgres,
    seed: int,
    tell: Callable[[str], None] = lambda _line: None,
) -> Account:
    """Run the soak and return its account."""
    store = postgres.new_database()
    expected = UNEXPECTED_NO_MORE
    async with (
        world(
            folder,
            socket_mode=impatient,
            expected=expected,
            FLYTE_SLACK_STORE=store,
            FLYTE_API_TIMEOUT="3",
        ) as w,
        replicas(w, "second", expected=expected) as others,
    ):
        return await Soak(w, [w.pack, *others], postgres, seed, tell).run(seconds)


def main() -> int:
    """Run the soak from the command line; the status is 1 where anything was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=300, help="how long there are faults (default: %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(1_000_000), help="repeats a run's choices"
    )
    parser.add_argument("--log", default="soak.log", help="where the packs' logs go (default: %(default)s)")
    arguments = parser.parse_args()
    begun = time.monotonic()

    def tell(line: str) -> None:
        print(f"[{time.monotonic() - begun:6.1f} s] {line}", file=sys.__stdout__, flush=True)

    with (
        tempfile.TemporaryDirectory(prefix="flyte-slack-soak-") as folder,
        own_postgres() as postgres,
    ):
        tell(f"seed {arguments.seed}")
        with open(arguments.log, "w") as log, contextlib.redirect_stdout(log):
            account = asyncio.run(run_soak(arguments.seconds, Path(folder), postgres, arguments.seed, tell))
    tell(f"the packs' logs are in {arguments.log}")
    print(account)
    return 1 if any(account.wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
