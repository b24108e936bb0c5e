"""Random arrivals, actions, failures, crashes and clock jumps, against a model of what was promised.

The runtime is the pack's, over a real SQLite file and real sockets. A crash takes the files as they
are at that moment, and everything in memory is gone (promises 1 to 5).
"""

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from model import Flyte, Messages, Posts, check
from pack_parts import Parts, pack
from structlog.testing import capture_logs
from support import breathe, count, eventually_true
from tenacity import wait_fixed

from flyte_slack import retries
from flyte_slack.errors import StoreUnavailable
from flyte_slack.flyte import calls as calls_module
from flyte_slack.pack import lanes as lanes_module
from flyte_slack.store import sqlite as sqlite_module
from flyte_slack.store.schema import State
from flyte_slack.store.store import KEPT_FOR

LANES = st.sampled_from(["C1", "C2", "C3"])
AWAY = [503, 502, 429, 401, "cut", "lost"]
ANSWERS = {
    "event": [*AWAY, 500, 404, 400],
    "result": [*AWAY, 404, 400],
    "take": [*AWAY, 500],
    "register": AWAY[:5],
}
SCRIPTS = st.sampled_from(sorted(ANSWERS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(st.sampled_from(ANSWERS[kind]), min_size=1, max_size=4))
)


class PackUnderFaults(RuleBasedStateMachine):
    """The pack's runtime over one store, in many lives."""

    def __init__(self) -> None:
        super().__init__()
        self.around = contextlib.ExitStack()
        self.around.enter_context(capture_logs())
        self.base = Path(self.around.enter_context(tempfile.TemporaryDirectory(prefix="model-")))
        for target, name, value in (
            (retries, "FLYTE", wait_fixed(0.002)),
            (retries, "STORE", wait_fixed(0.005)),
            (lanes_module, "LOOK_EVERY", 0.02),
            (sqlite_module, "LOCKED_FOR", 0.02),
            (time, "time", self._clock),
        ):
            self.around.enter_context(patch.object(target, name, value))
        self.hours = 0
        self.runner = self.around.enter_context(asyncio.Runner())
        self.messages, self.posts, self.flyte = Messages(), Posts(), Flyte()
        self.actions = 0
        self.folder = self.base
        self.servers, self.life = AsyncExitStack(), AsyncExitStack()

    def _clock(self) -> float:
        return 1_700_000_000 + time.monotonic() + self.hours * 3600

    def do(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    @initialize()
    def begin(self) -> None:
        self.do(self.servers.enter_async_context(self.flyte.serve()))
        self._start()

    def _start(self) -> None:
        self.folder = self.base / str(self.flyte.life)
        self.folder.mkdir(exist_ok=True)
        with patch.object(calls_module, "__version__", str(self.flyte.life)):
            self.parts: Parts = self.do(
                self.life.enter_async_context(pack(self.flyte, self.folder, self.posts.handle, slowest=0.01))
            )

    def _end(self) -> None:
        self.flyte.life += 1
        self.do(self.life.aclose())

    @rule(lane=LANES, number=st.integers(1, 12))
    def messages_arrive(self, lane: str, number: int) -> None:
        """Messages are stored, and with that acknowledged."""

        async def arrive() -> None:
            keys = [self.messages.write(lane)[1] for _ in range(number)]
            await asyncio.gather(*(self._add(lane, key) for key in keys))

        self.do(arrive())

    async def _add(self, lane: str, key: str) -> bool:
        new = await self.parts.store.inbox.add(key, lane, {}, self.messages.position(key), kind="Seen")
        self.messages.acknowledged.add(key)
        if new:
            self.parts.events.wake(lane)
        return new

    # no preconditions: what was acknowledged is a matter of time, and the rules to choose from must not be

    @rule(which=st.integers(0, 1000))
    def message_comes_again(self, which: int) -> None:
        """What was acknowledged is known for ever after."""
        if self.messages.acknowledged:
            lane, key = self.messages.written[which % len(self.messages.written)]
            if key in self.messages.acknowledged:
                assert not self.do(self._add(lane, key))

    @rule()
    def refused_message_comes_again(self) -> None:
        """What was not acknowledged is sent again by Slack, late."""
        if self.messages.refused:
            self.do(self._add(*self.messages.refused.pop()))

    @rule(lane=LANES)
    def message_meets_a_locked_store(self, lane: str) -> None:
        """What cannot be stored is not acknowledged."""
        message = self.messages.write(lane)
        with contextlib.closing(sqlite3.connect(self.folder / "store.db", isolation_level=None)) as other:
            with contextlib.suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
            with contextlib.suppress(StoreUnavailable):
                self.do(self._add(*message))
        self._refuse(message)

    @rule(lane=LANES, number=st.integers(1, 5), turns=st.integers(0, 30))
    def crash_while_messages_arrive(self, lane: str, number: int, turns: int) -> None:
        """A crash can come before, in or after the commit of what is being stored."""
        arriving = [self.messages.write(lane) for _ in range(number)]

        async def arrive() -> None:
            adds = [asyncio.create_task(self._add(*message)) for message in arriving]
            await breathe(turns)
            for add in adds:
                if not add.done():
                    add.cancel()
            await asyncio.gather(*adds, return_exceptions=True)
            self._take_the_files()

        self.do(arrive())
        for message in arriving:
            self._refuse(message)
        self._end()
        self._start()

    def _refuse(self, message: tuple[str, str]) -> None:
        if message[1] not in self.messages.acknowledged:
            self.messages.refused.append(message)
            self.messages.late.add(message[1])

    @rule(lane=LANES, number=st.integers(1, 6))
    def actions_wait(self, lane: str, number: int) -> None:
        """Flows ask for something."""
        for _ in range(number):
            self.actions += 1
            self.flyte.action({"channelId": lane, "n": self.actions})

    @rule(script=SCRIPTS)
    def flyte_will_answer(self, script: tuple[str, list[Any]]) -> None:
        """Flyte is away, refuses, or loses its replies."""
        self.flyte.script[script[0]].extend(script[1])

    @rule()
    def flyte_forgets_the_pack(self) -> None:
        """The pack was removed as dead."""
        self.flyte.registered = False

    @rule(turns=st.integers(1, 300))
    def time_goes_on(self, turns: int) -> None:
        """Whatever is under way goes a bit further."""
        self.do(breathe(turns))

    @rule(hours=st.integers(-10, 10))
    def clock_jumps(self, hours: int) -> None:
        """Somebody sets the machine's clock, within what a redelivery must be known for."""
        self.hours = hours

    @rule()
    def old_rows_are_pruned(self) -> None:
        """What was delivered long ago is forgotten, and nothing else."""
        self.do(self.parts.store.inbox.prune(time.time() - KEPT_FOR))
        self.do(self.parts.store.actions.prune(time.time() - KEPT_FOR))

    @rule(turns=st.integers(0, 100))
    def crash(self, turns: int) -> None:
        """`kill -9`, and another start over what was on disk at that moment."""

        async def killed() -> None:
            await breathe(turns)
            self._take_the_files()

        self.do(killed())
        self._end()
        self._start()

    def _take_the_files(self) -> None:
        """Copy the store as it is: what is only in memory, or in a transaction, is not in it."""
        copy = self.base / str(self.flyte.life + 1)
        copy.mkdir()
        for name in ("store.db", "store.db-wal"):
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, copy / name)

    @rule()
    def restart(self) -> None:
        """A stop that closes the store, and the next start."""
        self._end()
        last, self.flyte.life = self.folder, self.flyte.life
        shutil.copytree(last, self.base / str(self.flyte.life))
        self._start()

    @rule()
    def all_comes_to_rest(self) -> None:
        """With Flyte well again everything is delivered, and the account is right."""
        self.flyte.script.clear()
        self.do(self._at_rest())
        check(self.folder, self.messages, self.flyte, self.posts)

    async def _at_rest(self) -> None:
        store = self.parts.store
        unfinished = (State.TAKEN, State.EXECUTING, State.FINISHED)

        async def rests() -> bool:
            waits = self.flyte.waiting or await count(store.inbox) or await count(store.actions, *unfinished)
            takes = [take.id for take in self.flyte.takes if take.life == self.flyte.life]
            return not waits and bool(takes) and takes[-1] is None

        await eventually_true(rests, within=20)

    def teardown(self) -> None:
        try:
            if hasattr(self, "parts"):
                self.all_comes_to_rest()
        finally:
            self.do(self.life.aclose())
            self.do(self.servers.aclose())
            self.around.close()


TestPackUnderFaults = PackUnderFaults.TestCase
TestPackUnderFaults.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # no shrinking: each try costs a second
    suppress_health_check=list(HealthCheck),
)
