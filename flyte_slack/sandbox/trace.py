"""The trace: everything that happened to a message, a click or a command, as one log.

The engine, the Flyte API and the Slack API tell it what they do. It is bounded: the oldest entries go first.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from .engine import Action

Kind = Literal["event", "criteria", "action", "slack_call", "result", "error"]

ENTRIES = 10_000
SIZE = 32 * 1024 * 1024
"""Characters of JSON in all entries."""

_LONGEST_TEXT = 4_000
_MOST_MEMBERS = 200
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened.

    Args:
        n: Its number, from 1.
        at: When, as a time of RFC 3339.
        kind: What it is.
        flow: The flow, if it belongs to one.
        step: The step: its id, or `#1` for the first one without an id.
        correlation: The same for everything that one event set off; empty for a Slack call of nobody's.
        detail: What there is to say about it.
    """

    n: int
    at: str
    kind: Kind
    flow: str
    step: str
    correlation: str
    detail: dict[str, Any]


class Trace:
    """The log, an `Observer` of the engine.

    Args:
        entries: How many are kept.
        size: How many characters of JSON are kept.
        now: What time it is.
    """

    def __init__(
        self,
        entries: int = ENTRIES,
        size: int = SIZE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._entries: deque[tuple[Entry, int]] = deque()
        self._most = entries
        self._largest = size
        self._size = 0
        self._next = 1
        self._now = now
        self._listeners: list[Callable[[Entry], None]] = []
        self._pending: dict[str, Action] = {}

    def __call__(
        self, kind: str, detail: dict[str, Any], *, flow: str = "", step: str = "", correlation: str = ""
    ) -> None:
        """Note something."""
        if kind == "result":
            self._pending.pop(str(detail.get("action")), None)
        shown = _bounded(detail, _DEEPEST)
        at = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = Entry(self._next, at, cast("Kind", kind), flow, step, correlation, shown)
        self._next += 1
        size = len(json.dumps(shown))
        self._entries.append((entry, size))
        self._size += size
        while len(self._entries) > self._most or (self._size > self._largest and len(self._entries) > 1):
            self._size -= self._entries.popleft()[1]
        for listener in list(self._listeners):
            listener(entry)

    def taken(self, action: Action) -> None:
        """Note that a pack has taken an action: Slack calls until its result may be for it."""
        self._pending[action.id] = action

    def slack_call(self, method: str, arguments: dict[str, Any], answer: dict[str, Any]) -> None:
        """Note a call of the Slack API and its answer, without any token."""
        action = self._action_for(arguments)
        detail = {
            "method": method,
            "arguments": {key: value for key, value in arguments.items() if key != "token"},
            "ok": bool(answer.get("ok")),
            "answer": answer,
        }
        if action is None:
            self("slack_call", detail)
            return
        detail["action"] = action.id
        self("slack_call", detail, flow=action.flow_name, step=action.step_name, correlation=action.chain.id)

    def _action_for(self, arguments: dict[str, Any]) -> Action | None:
        """Return the action in progress that a call is most likely for: the one whose input it repeats."""
        if len(self._pending) <= 1:
            return next(iter(self._pending.values()), None)
        given = set(_texts(arguments))
        counts = [(len(given.intersection(_texts(each.input))), each) for each in self._pending.values()]
        best = max(count for count, _ in counts)
        likely = [each for count, each in counts if count == best]
        return likely[0] if best and len(likely) == 1 else None

    def since(self, number: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Return the entries from a number on, and the number to ask with the next time."""
        newest = min(max(self._next - number, 0), len(self._entries))
        first = len(self._entries) - newest
        return [asdict(entry) for entry, _ in list(self._entries)[first:]], self._next

    def listen(self, listener: Callable[[Entry], None]) -> Callable[[], None]:
        """Call the listener with every new entry; return what stops that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


def _bounded(value: Any, depth: int) -> Any:
    """Return a copy in which long texts, lists and objects are cut: a payload may be many megabytes."""
    match value:
        case str() if len(value) > _LONGEST_TEXT:
            return f"{value[:_LONGEST_TEXT]}… ({len(value)} characters)"
        case dict() | list() if depth == 0:
            return "…"
        case dict():
            shown = {str(key): _bounded(value[key], depth - 1) for key in list(value)[:_MOST_MEMBERS]}
            return shown if len(value) <= _MOST_MEMBERS else {**shown, "…": f"{len(value)} members"}
        case list() | tuple():
            items = [_bounded(item, depth - 1) for item in value[:_MOST_MEMBERS]]
            return items if len(value) <= _MOST_MEMBERS else [*items, f"… ({len(value)} items)"]
        case str() | bool() | int() | float() | None:
            return value
        case _:
            return str(value)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str() if value:
            yield value
        case dict():
            for member in value.values():
                yield from _texts(member)
        case list():
            for item in value:
                yield from _texts(item)
