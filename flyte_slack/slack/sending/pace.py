"""When the next message may go to a channel, and to the workspace (promise 6).

Slack takes about one message a second in each channel, and a small burst after a quiet time. It does
not say what it takes exactly: a channel that is refused gets fewer messages, and only slowly more again.
"""

from cachetools import TTLCache

from ...pack import ActionContext
from ..api.clock import Machine
from ..api.failures import Failure
from ..api.holds import Hold, wait_until

BURST = 3
"""Messages that a channel may get at once after it was quiet."""

_INTERVAL = 1.0  # seconds between two messages to one channel, in the long run
_GROWTH, _SLOWEST = 1.05, 4.0  # the interval's factor after a refusal, and its limit in seconds
_SHRINKS_BY = 0.999  # factor of the interval with each message served
_BURST_BACK_AFTER = 100  # messages served in a row, for one more message in a burst

_SEVERAL = 3  # channels that are refused one after the other, before it is the workspace's limit
_SLOWER, _FASTER = 0.05, 0.98  # seconds between any two messages at first; its share with each one served

_CHANNELS = 10_000
_FORGOTTEN_AFTER = 3600.0


class Pace:
    """When the next message may go to one channel.

    Attributes:
        was_quiet: whether the last message could have been the first of a whole burst.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._hold = Hold(machine)
        self._interval = _INTERVAL
        self._burst = BURST
        self._served = 0
        self._due = 0.0  # when the channel would be quiet again
        self.was_quiet = True

    def left(self) -> float:
        """Return the seconds until the next message may go."""
        within_burst = self._due - (self._burst - 1) * self._interval
        return max(self._hold.left(), within_burst - self._machine.monotonic())

    def take(self) -> None:
        """Take the place of the next message."""
        now = self._machine.monotonic()
        self.was_quiet = self._due <= now
        self._due = max(self._due, now) + self._interval

    def served(self) -> float:
        """Note that Slack took a message: it may have counted it as late as now.

        Returns:
            The seconds until the channel is quiet again.
        """
        now = self._machine.monotonic()
        self._due = max(self._due, now + self._interval)
        self._interval = max(_INTERVAL, self._interval * _SHRINKS_BY)
        self._served += 1
        if self._burst < BURST and self._served >= _BURST_BACK_AFTER:
            self._burst, self._served = self._burst + 1, 0
        return self._due - now

    def failed(self, failure: Failure) -> None:
        """Give the place back: Slack posted nothing. If it asked to wait, it gets less from now on."""
        self._due -= self._interval
        self._hold.failed(failure)
        if failure.retry_after is not None:
            self._interval = min(self._interval * _GROWTH, _SLOWEST)
            self._burst, self._served = 1, 0

    def busy(self, seconds: float) -> None:
        """Note that the channel is quiet in so many seconds; more than a burst's are a wrong clock's."""
        if seconds <= (BURST + 1) * self._interval:
            self._due = max(self._due, self._machine.monotonic() + seconds)


class WorkspacePace:
    """When the next message may go to any channel, if Slack limits the workspace as a whole.

    Slack does not say which limit was hit. If several channels that were quiet are refused in a row
    and none is served, it is hardly their own: messages then go one after the other, ever more slowly,
    until they are served. Each channel that was refused is held by itself.

    Args:
        machine: the clock to go by.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._refused: set[str] = set()
        self._interval = 0.0
        self._due = 0.0

    def refused(self, channel: str) -> None:
        """Note that Slack asked to wait with a channel that was quiet."""
        self._refused.add(channel)
        if len(self._refused) >= _SEVERAL:
            self._refused.clear()
            self._interval = min(max(2 * self._interval, _SLOWER), _INTERVAL)

    def served(self) -> None:
        """Note that Slack took a message."""
        self._refused.clear()
        self._interval = self._interval * _FASTER if self._interval > _SLOWER / 10 else 0.0

    def left(self) -> float:
        """Return the seconds until the next message may go."""
        return self._due - self._machine.monotonic()

    def take(self) -> None:
        """Take the place of the next message."""
        self._due = self._machine.monotonic() + self._interval


class Paces:
    """The pace of every channel.

    Args:
        machine: the clock to go by.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._channels: TTLCache[str, Pace] = TTLCache(_CHANNELS, _FORGOTTEN_AFTER)
        self._workspace = WorkspacePace(machine)

    async def gate(self, channel: str, action: ActionContext) -> "PostGate":
        """Return what a message to a channel has to pass."""
        channel = channel.lstrip("#")
        pace = self._channels[channel] = self._channels.get(channel) or Pace(self._machine)
        busy_until = await action.lane_busy_until()  # by other replicas, or before a restart
        if busy_until is not None:
            pace.busy(busy_until - self._machine.time())
        return PostGate(pace, self._workspace, channel, action, self._machine)

    def same(self, channel: str, id_: str) -> None:
        """Note that a channel known by a name and one known by an id are one."""
        pace = self._channels.get(channel.lstrip("#"))
        if pace is not None and id_:
            self._channels[channel.lstrip("#")] = self._channels.setdefault(id_, pace)


class PostGate:
    """Lets an action's messages through at the pace of their channel and of the workspace."""

    def __init__(
        self, pace: Pace, workspace: WorkspacePace, channel: str, action: ActionContext, machine: Machine
    ) -> None:
        self._pace = pace
        self._workspace = workspace
        self._channel = channel
        self._action = action
        self._machine = machine

    async def turn(self, deadline: float) -> None:
        """Wait until the channel may get its next message, and take its place."""
        while (wait := max(self._pace.left(), self._workspace.left())) > 0:
            await wait_until(wait, deadline, self._machine)
        self._pace.take()
        self._workspace.take()

    def served(self) -> None:
        """Note that the message was posted, or may have been."""
        self._workspace.served()
        self._action.busy_until(self._machine.time() + self._pace.served())

    def failed(self, failure: Failure) -> None:
        """Note that it was not posted."""
        self._pace.failed(failure)
        if failure.retry_after is not None and self._pace.was_quiet:
            self._workspace.refused(self._channel)
