"""Executes stored actions: one code path for an action just taken and for one found after a crash."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import logs, retries
from ..errors import CommandNotFound, InvalidInput, LeaseLost
from ..flyte import Action
from ..store import Store, StoredAction, storable
from .definition import FATAL, LARGEST, Command, Event, PackDefinition
from .lanes import Lanes
from .metrics import ACTION_FINISHED, ACTIONS
from .results import ResultDelivery

log = logs.get(__name__)

_UNKNOWN = "?"  # begins the lane of actions whose own lane is being looked up, by the name that follows
_BATCH = 10  # of a lane, in memory


class _Context:
    """An `ActionContext` over the store."""

    def __init__(self, store: Store, action: StoredAction, held: Callable[[], bool]) -> None:
        self._store = store
        self._action = action
        self._held = held
        self.identity = action.identity
        self.begun_at = action.begun_at
        self.noted: float | None = None

    async def executing(self, at: float | None = None) -> None:
        self._must_be_held()
        await self._store.actions.executing(self._action, at)
        self._must_be_held()  # the process may have stood still since the store said so

    def _must_be_held(self) -> None:
        if not self._held():
            raise LeaseLost(f"the action {self.identity} is another replica's, or will be")

    async def not_executed(self) -> None:
        await self._store.actions.not_executed(self._action)

    def busy_until(self, at: float) -> None:
        self.noted = at

    async def lane_busy_until(self) -> float | None:
        return await retries.until_stored(self._store.actions.busy_until, self._action.lane)


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
        self.wake = self._lanes.wake
        self.idle = self._lanes.idle
        self.stop = self._lanes.stop

    async def keep(self, action: Action) -> str | None:
        """Store an action that was taken into its lane, and wake that.

        Returns:
            Its identity, or None if it was stored before.

        Raises:
            StoreUnavailable: it may not be stored; call again.
        """
        lane = self._lane(self._pack.command(action.command), action)
        identity = await self._store.actions.add(action.result, lane, action.command, action.input)
        if lane := lane or identity:
            self.wake(lane)
        return identity

    def _lane(self, command: Command | None, action: Action) -> str | None:
        """Return what an action must stay in order with, or None if that is nothing."""
        if command is None or not isinstance(action.input, dict):
            return None
        try:
            lane = command.lane(action.input)
        except Exception:  # executing it will show what is wrong; taking must go on
            log.exception("the lane of an action cannot be told", command=action.command)
            return None
        return None if lane is None else storable(lane)

    async def run(self) -> None:
        """Execute until cancelled."""
        await self._lanes.run()

    async def _work(self, lane: str) -> None:
        while waiting := await retries.until_stored(self._store.actions.waiting, lane, _BATCH):
            if lane.startswith(_UNKNOWN) and (found := await self._found(waiting[0])) not in {None, lane}:
                await self._store.actions.move_lane(lane, found)
                self.wake(found)
                continue
            for action in waiting:
                context = _Context(self._store, action, partial(self._lanes.held, action.lane))
                try:
                    event = await self._execute(action, context)
                except LeaseLost:
                    return
                await self._store.actions.finished(action, event.wire(), context.noted)
                ACTIONS.labels(self._named(action), event.name).inc()
                ACTION_FINISHED.observe(max(0.0, time.time() - action.taken_at))
                log.info("action finished", command=action.command, action=action.identity, name=event.name)
                self._delivery.wake(action.identity)
            if len(waiting) < _BATCH and self._store.leases.alone:
                return  # what was stored meanwhile has woken the lane

    async def _found(self, action: StoredAction) -> str | None:
        """Return the lane of an action as its command finds it, or None if it finds none."""
        command = self._pack.command(action.command)
        if command is None or command.find_lane is None or not isinstance(action.input, dict):
            return None
        return storable(await command.find_lane(action.input))

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
        event = await command.handler(input_, context)
        if event.name not in command.events:
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
