"""An action of several calls, none of which may be repeated once it is done."""

from typing import Any

from ...pack import ActionContext


class Steps:
    """An action's context, for calls one after the other.

    That one call had no effect does not mean that the action had none: once a call is done, the action stays
    begun until its result is stored. After a crash each call looks for what it did, up to the first that
    surely did nothing: those after it were never made.

    Args:
        action: the action.
    """

    def __init__(self, action: ActionContext) -> None:
        self._action = action
        self._first_at: float | None = action.begun_at
        self._done = False
        self.begun_at = action.begun_at

    @property
    def identity(self) -> str:
        """The action's."""
        return self._action.identity

    @property
    def taken_at(self) -> float:
        """The action's."""
        return self._action.taken_at

    async def done(self) -> None:
        """Note that a call has had its effect; a stop does not wait for those after it."""
        self._done = True
        await self._action.answered()

    async def executing(self, at: float | None = None) -> None:
        """Record that a call begins; the time that stays is that of the first."""
        self.begun_at = None
        if not self._done or self._first_at is None:
            self._first_at = at
        await self._action.executing(self._first_at)

    async def not_executed(self) -> None:
        """Record that the action had no effect, if no call had one before."""
        self.begun_at = None
        if not self._done:
            await self._action.not_executed()

    async def answered(self) -> None:
        """Pass it on."""
        await self._action.answered()

    def busy_until(self, at: float) -> None:
        """Pass it on."""
        self._action.busy_until(at)

    async def lane_busy_until(self) -> float | None:
        """Pass it on."""
        return await self._action.lane_busy_until()

    def remember(self, kind: str, name: str, value: Any) -> None:
        """Pass it on."""
        self._action.remember(kind, name, value)

    async def recall(self, kind: str, name: str) -> Any | None:
        """Pass it on."""
        return await self._action.recall(kind, name)
