"""A Flyte and a Slack that remember what they were given, to be compared with what was promised."""

import itertools
import sqlite3
from collections import Counter, defaultdict, deque
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from scripted_flyte import Answer, Call, ScriptedFlyte
from support import breathe

from flyte_slack.pack import ActionContext, Event


@dataclass(frozen=True)
class Accepted:
    """An event that Flyte accepted: in which life of the pack, and whether the pack was told."""

    key: str
    life: int
    told: bool


@dataclass(frozen=True)
class Take:
    """A take that Flyte answered, with an action or with none."""

    id: str | None
    life: int
    told: bool


class Flyte(ScriptedFlyte):
    """Remembers what was accepted and handed out, and in which life of the pack.

    Attributes:
        life: number of the pack's life; raised by its owner with every end of one. The client's
            version says it, so that it is in every request.
        script: answers to the next requests of a kind.
        accepted: events, in the order accepted.
        takes: in the order answered.
        poisoned: keys of events that were answered 400.
    """

    def __init__(self) -> None:
        super().__init__()
        self.life = 1
        self.script: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self.accepted: list[Accepted] = []
        self.takes: list[Take] = []
        self.poisoned: set[str] = set()
        self.judge = self._from_script
        self._answer: Answer | None = None

    @property
    def waiting(self) -> int:
        """Actions that nobody took."""
        return len(self._waiting)

    def _from_script(self, call: Call) -> Answer | None:
        script = self.script[call.kind]
        self._answer = script.popleft() if script else None
        if call.kind == "event" and self._answer == 400:
            self.poisoned.add(call.body["payload"]["key"])
        return self._answer

    def _event(self, request: web.Request, body: Any) -> web.Response:
        response = super()._event(request, body)
        if response.status == 202:
            self.accepted.append(Accepted(body["payload"]["key"], _life(request), self._answer != "lost"))
        return response

    def _take(self, request: web.Request, body: Any) -> web.Response:
        before = set(self._taken)
        response = super()._take(request, body)
        id_ = next(iter(self._taken - before), None)
        self.takes.append(Take(id_, _life(request), self._answer != "lost"))
        return response

    def surely_on_disk(self) -> set[str]:
        """Actions after which another take came in the same life: the pack had stored them by then."""
        held = set()
        for number, take in enumerate(self.takes):
            later = any(other.life == take.life for other in self.takes[number + 1 :])
            if take.id is not None and take.told and later:
                held.add(take.id)
        return held


def _life(request: web.Request) -> int:
    """Return the life that a request is from; one of an earlier life may be answered in a later."""
    return int(request.headers["User-Agent"].rpartition("/")[2])


class Posts:
    """What commands did, remembered whatever becomes of the pack, and looked up like Slack's history."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()
        self.order: defaultdict[str, list[int]] = defaultdict(list)
        self._pauses = itertools.cycle((0, 1, 0, 3, 7, 0, 2))

    async def handle(self, input_: dict[str, Any], action: ActionContext) -> Event:
        """Execute `sendMessage` like the pack's own: looked up first where it was begun before."""
        if action.begun_at is None or not self.times[action.identity]:
            await action.executing()
            await breathe(next(self._pauses))
            self.times[action.identity] += 1
            self.order[input_["channelId"]].append(input_["n"])
            await breathe(next(self._pauses))
        return Event("Echoed", input_)


@dataclass
class Messages:
    """What people wrote: which were acknowledged, and which arrived in order."""

    acknowledged: set[str] = field(default_factory=set)
    refused: list[tuple[str, str]] = field(default_factory=list)
    late: set[str] = field(default_factory=set)
    written: list[tuple[str, str]] = field(default_factory=list)

    def write(self, lane: str) -> tuple[str, str]:
        """Return lane and key of a new message, later than all others."""
        message = (lane, f"{lane}:{len(self.written) + 1}")
        self.written.append(message)
        return message

    @staticmethod
    def position(key: str) -> float:
        """Return where in its lane a message is."""
        return float(key.partition(":")[2])


def check(folder: Path, messages: Messages, flyte: Flyte, posts: Posts) -> None:
    """Compare what is on disk and what Flyte and Slack got with what was promised; all is at rest."""
    with closing(sqlite3.connect(folder / "store.db")) as connection:
        events = {key: row for key, *row in connection.execute("SELECT key, state, reason FROM inbox")}
        rows = connection.execute("SELECT reference, state, reason FROM actions").fetchall()
    actions = {reference.split("/")[-2]: row for reference, *row in rows}
    check_events(events, messages, flyte)
    assert len(actions) == len(rows), "an action is stored once"
    assert flyte.surely_on_disk() <= actions.keys(), "no action is lost that was answered"
    for id_, (state, reason) in actions.items():
        assert state in ("delivered", "dead"), f"{id_} is {state}"
        assert id_ in flyte.results if state == "delivered" else reason, f"{id_} is {state}, {reason}"
    assert set(posts.times.values()) <= {1}, "nothing is posted twice"
    assert len(posts.times) == len(actions), "everything is posted"
    for lane, order in posts.order.items():
        assert order == sorted(order), f"posts in {lane} are in the order taken"


def check_events(events: dict[str, list[Any]], messages: Messages, flyte: Flyte) -> None:
    """Every acknowledged message reached Flyte once, in order, or is dead with its reason."""
    by_key: defaultdict[str, list[Accepted]] = defaultdict(list)
    first: defaultdict[str, list[str]] = defaultdict(list)
    for accepted in flyte.accepted:
        key = accepted.key
        if key not in by_key and key not in messages.late:
            first[key.partition(":")[0]].append(key)
        by_key[key].append(accepted)
    assert messages.acknowledged <= events.keys(), "what was acknowledged is on disk"
    for key, (state, reason) in events.items():
        if state == "dead":
            assert key in flyte.poisoned, f"{key} is dead"
            assert "400" in reason
        else:
            assert state == "delivered", f"{key} is {state}"
            assert by_key[key], f"{key} was lost"
    for key, times in by_key.items():
        for one, other in itertools.pairwise(times):
            assert not one.told or other.life != one.life, f"{key} was doubled"
    for lane, keys in first.items():
        assert keys == sorted(keys, key=messages.position), f"{lane} is in order"
