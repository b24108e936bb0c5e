"""Executes stored actions: one code path for an action just taken and for one found after a crash."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from .. import logs, retries
from ..errors import CommandError, CommandNotFound, InvalidInput, LeaseLost
from ..flyte import Action
from ..store import Ending, Key, Store, StoredAction, storable
from .definition import FATAL, LARGEST, Command, Event, Named, PackDefinition, no_echo
from .lanes import Lanes
from .metrics import ACTION_FINISHED, ACTIONS
from .results import ResultDelivery

log = logs.get(__name__)

_UNKNOWN = "?"  # begins the lane of actions whose own lane is being looked up, by the name that follows
_BATCH = 10  # of a lane, in memory
_MOST_MERGED = 200


class _Context:
    """An `ActionContext` over the store, of one action or of several that are executed as one."""

    def __init__(
        self,
        store: Store,
        actions: Sequence[StoredAction],
        held: Callable[[], bool],
        stopping: Callable[[], bool],
    ) -> None:
        newest = actions[-1]
        self._store = store
        self._actions = actions
        self._held = held
        self._stopping = stopping
        self._keys: list[Key] = []
        self._busy_until: float | None = None
        self.identity = newest.identity
        self.taken_at = newest.taken_at
        self.begun_at = min((each.begun_at for each in actions if each.begun_at is not None), default=None)
        self.in_flight = False

    async def executing(self, at: float | None = None) -> None:
        self._must_go_on()
        self.in_flight = True
        await asyncio.gather(*(self._store.actions.executing(each, at) for each in self._actions))
        self._must_be_held()  # the process may have stood still since the store said so

    async def not_executed(self) -> None:
        await asyncio.gather(*map(self._store.actions.not_executed, self._actions))
        await self.answered()

    async def answered(self) -> None:
        self.in_flight = False
        self._must_go_on()

    def busy_until(self, at: float) -> None:
        self._busy_until = at

    async def lane_busy_until(self) -> float | None:
        return await retries.until_stored(self._store.actions.busy_until, self._actions[-1].lane)

    def remember(self, kind: str, name: str, value: Any) -> None:
        self._keys.append(Key(kind, self._actions[-1].lane, name, value))

    async def recall(self, kind: str, name: str) -> Any | None:
        return await retries.until_stored(self._store.keys.get, kind, self._actions[-1].lane, name)

    async def finished(self, event: Event, echo: Callable[[Any], Mapping[str, Any]]) -> None:
        """Keep the event as the result of each action, with what is to be remembered.

        Args:
            event: what they end in.
            echo: gives what a result holds of the input of its own action.
        """
        wire = event.wire()
        endings = [
            Ending(each, {**wire, "payload": {**event.payload, **echo(each.input)}}, self._busy_until)
            for each in self._actions[:-1]
        ]
        endings.append(Ending(self._actions[-1], wire, self._busy_until, self._keys))
        await self._store.actions.finished_together(endings)

    def _must_go_on(self) -> None:
        if self._stopping():
            raise LeaseLost(f"the pack stops: the action {self.identity} waits for the next start")
        self._must_be_held()

    def _must_be_held(self) -> None:
        if not self._held():
            raise LeaseLost(f"the action {self.identity} is another replica's, or will be")


class Dispatcher:
    """Executes the actions of each lane in the order taken, and keeps each result before it is delivered.

    Args:
        pack: gives the commands.
        store: holds the actions.
        delivery: woken for each result.
    """

    def __init__(self, pack: PackDefinition, store: Store, delivery: ResultDelivery) -> None:
        self._pack = pack
        self._store = store
        self._delivery = delivery
        self._lanes = Lanes("actions", self._work, store.actions.lanes, store.leases)
        self._contexts: dict[str, _Context] = {}
        self._stopping = False
        self.wake = self._lanes.wake
        self.idle = self._lanes.idle

    def stop(self) -> None:
        """Begin nothing more: what is in flight is finished, and what waits stays for the next start."""
        self._stopping = True
        self._lanes.stop()
        in_flight = {lane for lane, context in self._contexts.items() if context.in_flight}
        self._lanes.leave(in_flight)

    async def keep(self, action: Action) -> str | None:
        """Store an action that was taken into its lane, and wake that.

        Returns:
            Its identity, or None if it was stored before.

        Raises:
            StoreUnavailable: it may not be stored; call again.
        """
        lane = await self._lane(self._pack.command(action.command), action)
        identity = await self._store.actions.add(action.result, lane, action.command, action.input)
        if lane is None:
            lane = identity
        if lane is not None:
            self.wake(lane)
        return identity

    async def _lane(self, command: Command | None, action: Action) -> str | None:
        """Return what an action must stay in order with, or None if that is nothing.

        Raises:
            StoreUnavailable: it cannot be told whether others wait for the same name.
        """
        if command is None or not isinstance(action.input, dict):
            return None
        try:
            lane = command.lane(action.input)
        except Exception:  # executing it will show what is wrong; taking must go on
            log.exception("the lane of an action cannot be told", command=action.command)
            return None
        if isinstance(lane, Named):
            unknown = storable(_UNKNOWN + lane.name)
            if lane.known is None or await self._store.actions.waiting(unknown, 1):
                return unknown  # those that were given by this name before may still be there
            lane = lane.known
        return None if lane is None else storable(lane)

    async def run(self) -> None:
        """Execute until cancelled."""
        await self._lanes.run()

    async def _work(self, lane: str) -> None:
        replaced: set[str] = set()
        limit = _BATCH
        while waiting := await retries.until_stored(self._store.actions.waiting, lane, limit):
            if self._stopping:
                return
            if lane.startswith(_UNKNOWN):
                return await self._to_its_own(lane, waiting[0])
            if limit == _BATCH == len(waiting) and self._merges(waiting[-1]) is not None:
                limit = _MOST_MERGED  # there may be more to execute as one
                continue
            for together in self._as_one(waiting, replaced):
                if self._stopping or not await self._finished(lane, together):
                    return
            if len(waiting) < limit and self._store.leases.alone:
                return  # what was stored meanwhile has woken the lane
            limit = _BATCH

    async def _to_its_own(self, lane: str, action: StoredAction) -> None:
        """Look up which lane a name stands for, and put the actions that were given by it there."""
        name = lane.removeprefix(_UNKNOWN)
        found = name
        command = self._pack.command(action.command)
        if command is not None and command.find_lane is not None:
            try:
                found = storable(await command.find_lane(name))
            except Exception:
                log.exception(
                    "a lane cannot be looked up: its name stands for itself", command=action.command
                )
        await self._store.actions.move_lane(lane, found.removeprefix(_UNKNOWN))
        self.wake(found.removeprefix(_UNKNOWN))

    def _as_one(
        self, waiting: Sequence[StoredAction], replaced: set[str]
    ) -> Iterator[Sequence[StoredAction]]:
        """Yield actions in order, those together that one execution does for all.

        The first that replaces something is executed by itself: nothing may be there yet to be replaced.

        Args:
            waiting: actions of one lane.
            replaced: what was replaced in this lane by now.
        """
        row: dict[str, list[StoredAction]] = {}
        for action in waiting:
            key = self._merges(action)
            if key in replaced and key is not None:
                row.setdefault(key, []).append(action)
                continue
            yield from row.values()
            row.clear()
            if key is not None:
                replaced.add(key)
            yield [action]
        yield from row.values()

    def _merges(self, action: StoredAction) -> str | None:
        command = self._pack.command(action.command)
        if command is None or command.merges is None or not isinstance(action.input, dict):
            return None
        with contextlib.suppress(Exception):  # executing it will show what is wrong
            if (key := command.merges(action.input)) is not None:
                return f"{command.name} {key}"
        return None

    async def _finished(self, lane: str, actions: Sequence[StoredAction]) -> bool:
        """Execute actions as one and keep their result; return False if they are left to others."""
        newest = actions[-1]
        context = _Context(self._store, actions, partial(self._lanes.held, lane), lambda: self._stopping)
        self._contexts[lane] = context
        try:
            event = await self._execute(newest, context)
            command = self._pack.command(newest.command)
            failed = command is not None and event.name == command.fails
            await context.finished(event, command.echo if command and failed else no_echo)
        except LeaseLost:
            return False
        finally:
            del self._contexts[lane]
        for action in actions:
            ACTIONS.labels(self._named(action), event.name).inc()
            ACTION_FINISHED.observe(max(0.0, time.time() - action.taken_at))
            log.info("action finished", command=action.command, action=action.identity, name=event.name)
            self._delivery.wake(action.identity)
        return True

    async def _execute(self, action: StoredAction, context: _Context) -> Event:
        """Return the one event that an action ends in; nothing escapes as an error."""
        try:
            command = self._pack.command(action.command)
            if command is None:
                known = ", ".join(command.name for command in self._pack.commands)
                raise CommandNotFound(f"the pack has no command {action.command!r}; it has {known}")
            if not isinstance(action.input, dict):
                raise InvalidInput(f"the input must be an object, not {_json_type(action.input)}")
            return await self._handle(command, action, action.input, context)
        except (CommandNotFound, InvalidInput) as error:
            return self._fatal(action, str(error))
        except LeaseLost:
            raise
        except Exception as error:
            log.exception("a handler failed", command=action.command, action=action.identity)
            return self._fatal(action, f"the pack failed unexpectedly: {error.__class__.__name__}")

    async def _handle(
        self, command: Command, action: StoredAction, input_: dict[str, Any], context: _Context
    ) -> Event:
        try:
            event = await command.handler(input_, context)
        except CommandNotFound:
            raise
        except CommandError as error:
            event = Event(command.fails, command.failure(input_, error))
        if event.name not in (*command.events, FATAL):
            raise TypeError(f"the handler of {command.name} returned the undeclared event {event.name!r}")
        if event.too_large:
            return self._fatal(
                action, f"the result {event.name} is larger than the {LARGEST} bytes Flyte takes"
            )
        return event

    def _named(self, action: StoredAction) -> str:
        """Return the command's name where the pack has it: a label takes no name from outside."""
        return action.command if self._pack.command(action.command) else "unknown"

    def _fatal(self, action: StoredAction, error: str) -> Event:
        log.error("action ends in FATAL", command=action.command, action=action.identity, cause=error)
        return Event(FATAL, {"error": error, "command": action.command})


def _json_type(value: object) -> str:
    names: dict[type, str] = {str: "a string", list: "a list", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
