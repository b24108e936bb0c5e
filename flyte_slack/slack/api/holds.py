"""Keeps calls back for as long as Slack asked to wait (promise 6)."""

from collections import defaultdict
from typing import ClassVar, Protocol

from .clock import Machine
from .failures import Failure, Kind, Outcome

_ASKED_TO_WAIT = Failure(Outcome.NOT_DONE, "ratelimited", Kind.UNAVAILABLE)


class NotDone(Exception):
    """A call did not succeed, and can be tried again.

    Attributes:
        failure: why.
    """

    retryable: ClassVar[bool] = True

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


class StillHeld(NotDone):
    """Slack asked to wait for longer than anybody waits."""

    retryable: ClassVar[bool] = False


class Gate(Protocol):
    """Says when a call may be made, and is told what came of it."""

    async def turn(self, deadline: float) -> None:
        """Return when the call may be made.

        Args:
            deadline: on the monotonic clock, when to give up.

        Raises:
            StillHeld: Slack asked to wait for longer than that.
        """

    def served(self) -> None:
        """Note that Slack did it, or may have done it."""

    def failed(self, failure: Failure) -> None:
        """Note that Slack surely did not do it."""


class Hold:
    """Holds calls back for a time.

    Args:
        machine: the clock to go by.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._until = 0.0

    def left(self) -> float:
        """Return the seconds until the next call may be made."""
        return self._until - self._machine.monotonic()

    async def turn(self, deadline: float) -> None:
        """Return when no time is left, or raise `StillHeld` at the deadline."""
        while (wait := self.left()) > 0:
            await wait_until(wait, deadline, self._machine)

    def served(self) -> None:
        """A call that succeeds changes nothing."""

    def failed(self, failure: Failure) -> None:
        """Hold the next calls back if Slack asked for it."""
        if failure.retry_after is not None:
            self._until = max(self._until, self._machine.monotonic() + failure.retry_after)


class Holds:
    """A hold for each method: Slack limits them one by one.

    Args:
        machine: the clock to go by.
    """

    def __init__(self, machine: Machine) -> None:
        self._holds: defaultdict[str, Hold] = defaultdict(lambda: Hold(machine))

    def of(self, method: str) -> Hold:
        """Return the hold of a method."""
        return self._holds[method]


async def wait_until(wait: float, deadline: float, machine: Machine) -> None:
    """Let time pass, but not beyond a deadline.

    Raises:
        StillHeld: the deadline has passed.
    """
    left = deadline - machine.monotonic()
    if left <= 0:
        raise StillHeld(_ASKED_TO_WAIT)
    await machine.sleep(min(wait, left))
