"""The one way to call Slack for an action: what it waits for, what it records, what an outcome means.

A call waits until its method may be called, records that it begins, and is sorted by what comes back:
done; refused; not done, so that it is tried again; or unknown, which each caller says how to settle.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from enum import Enum
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from ... import logs, retries
from ...errors import CallRefused, OutcomeUnknown
from ...pack import ActionContext
from .clock import SlackClock
from .failures import Failure, Kind, Outcome, Unreadable, read_failure
from .holds import Gate, Holds, NotDone

log = logs.get(__name__)

Answer = Mapping[str, Any]

Find = Callable[[float], Awaitable[Answer | None]]
"""Looks for what a call begun at a time on Slack's clock may have done: an answer, or None if it surely
did nothing. Raises `OutcomeUnknown` if nobody can tell."""


class AfterUnknown(Enum):
    """What to do if a call may have been done, or not."""

    REPEAT = "repeat"
    """Call again: doing it twice is doing it once."""
    NEVER = "never"
    """Leave it at that: nobody can tell, and twice would be wrong."""


READS = ("*.list", "*.info", "*.history", "*.replies", "*.members", "*.get*", "*.test")
"""Methods that change nothing, by the end of their names."""

_IN_QUERY = (*READS, "users.lookupByEmail", "users.conversations")
_AS_JSON = ("chat.postMessage", "chat.update", "chat.postEphemeral", "chat.scheduleMessage", "views.*",
            "files.completeUploadExternal")  # fmt: skip


class Calls:
    """Calls Slack.

    Args:
        web: the Web API, with the bot token and without retries of its own.
        clock: Slack's; set by each answer.
    """

    def __init__(self, web: AsyncWebClient, clock: SlackClock) -> None:
        self.web = web
        self.clock = clock
        self._holds = Holds(clock.machine)

    async def read(self, method: str, arguments: Answer) -> Answer:
        """Call a method that changes nothing, again and again if need be.

        Raises:
            CallRefused: Slack refused it, or could not be asked for ten minutes.
        """
        send = partial(self._send, method, arguments, ())
        return await _Call(self, method, send, None, AfterUnknown.REPEAT, (), self._holds.of(method)).made()

    async def call(
        self,
        method: str,
        arguments: Answer,
        action: ActionContext,
        *,
        after_unknown: AfterUnknown | Find,
        done: Collection[str] = (),
        promises: Collection[str] = (),
        gate: Gate | None = None,
    ) -> Answer:
        """Call a method once, as far as anybody can tell.

        Args:
            method: such as `chat.update`.
            arguments: its arguments; those that are None are left out.
            action: the action that asks for it.
            after_unknown: what to do if it may have been done, also by an earlier execution that was cut off.
            done: error codes that mean that it is so already; the answer then holds that `error`.
            promises: keys that an answer must have to be believed.
            gate: says when it may be made; the method's own hold, by default.

        Raises:
            CallRefused: Slack refused it, or did not take it for ten minutes; nothing was done.
            OutcomeUnknown: it may have been done.
        """
        send = partial(self._send, method, arguments, promises)
        return await self.perform(method, send, action, after_unknown=after_unknown, done=done, gate=gate)

    async def perform(
        self,
        name: str,
        send: Callable[[], Awaitable[Answer]],
        action: ActionContext | None,
        *,
        after_unknown: AfterUnknown | Find,
        done: Collection[str] = (),
        gate: Gate | None = None,
    ) -> Answer:
        """Do the same for what is no method of the Web API, such as a response URL.

        Args:
            name: what it is called in a log, and what Slack's asking to wait holds back.
            send: sends it, and raises what `read_failure` can read.
            action: as for `call`, like the rest; None if it has no effect that anybody sees.
            after_unknown: as for `call`.
            done: as for `call`.
            gate: as for `call`.

        Raises:
            CallRefused: as `call` does.
            OutcomeUnknown: as `call` does.
        """
        return await _Call(self, name, send, action, after_unknown, done, gate or self._holds.of(name)).made()

    async def _send(self, method: str, arguments: Answer, promises: Collection[str]) -> Answer:
        given = {name: value for name, value in arguments.items() if value is not None}
        if _is(method, _AS_JSON) or (not _is(method, _IN_QUERY) and any(map(_nested, given.values()))):
            answer = await self.web.api_call(method, json=given)
        else:
            query = {name: json.dumps(value) if _nested(value) else value for name, value in given.items()}
            verb = "GET" if _is(method, _IN_QUERY) else "POST"
            answer = await self.web.api_call(method, http_verb=verb, params=query)
        self.clock.read(answer.headers)
        body: Any = answer.data
        if not isinstance(body, Mapping) or not all(body.get(key) for key in promises):
            raise Unreadable
        if "ts" in promises and not isinstance(body.get("message", {}), Mapping):
            raise Unreadable
        return dict(body)


class _Call:
    """One call, from its first attempt to its end."""

    def __init__(
        self,
        calls: Calls,
        name: str,
        send: Callable[[], Awaitable[Answer]],
        action: ActionContext | None,
        after_unknown: AfterUnknown | Find,
        done: Collection[str],
        gate: Gate,
    ) -> None:
        self._clock = calls.clock
        self._name = name
        self._send = send
        self._action = action
        self._after_unknown = after_unknown
        self._done = done
        self._gate = gate
        self._deadline = self._clock.machine.monotonic() + retries.SLACK_UNAVAILABLE_AFTER
        self._in_doubt = False  # whether an earlier attempt may have done it

    async def made(self) -> Answer:
        """Make the call, and return what came of it."""
        if self._action is not None and self._action.begun_at is not None:
            found = await self._settled(self._action.begun_at, "the pack was stopped meanwhile")
            if found is not None:
                return found
        try:
            return await retries.repeat(self._attempt, retries.SLACK_CALL, retries.SLACK_UNAVAILABLE_AFTER)
        except NotDone as error:
            if self._in_doubt and self._action is not None:
                raise _unknown(self._name, error.failure.code) from error
            raise CallRefused("unavailable", Kind.UNAVAILABLE, details=[error.failure.code]) from error

    async def _attempt(self) -> Answer:
        await self._gate.turn(self._deadline)
        begun_at = self._clock.now()
        if self._action is not None:
            await self._action.executing(begun_at)
        try:
            answer = await self._send()
        except Exception as error:
            failure = read_failure(error)
            if failure.outcome is Outcome.REFUSED and failure.code in self._done:
                self._gate.served()
                return _body(error)
            found = await self._failed(failure, begun_at)
            if found is not None:
                return found
            raise NotDone(failure) from error
        self._gate.served()
        return answer

    async def _failed(self, failure: Failure, begun_at: float) -> Answer | None:
        """Return what was done although it looked otherwise, or None if it is worth another attempt."""
        log.info(
            "a call to Slack failed",
            method=self._name,
            action=self._action.identity if self._action else "",
            outcome=failure.outcome.value,
            cause=failure.code,
        )
        if failure.outcome is Outcome.UNKNOWN:
            self._gate.served()
            if self._action is not None and self._after_unknown is not AfterUnknown.NEVER:
                await self._action.answered()
            return await self._settled(begun_at, failure.code)
        self._gate.failed(failure)
        if self._action is not None:
            await (self._action.answered() if self._in_doubt else self._action.not_executed())
        if failure.outcome is Outcome.REFUSED:
            raise CallRefused(
                failure.code,
                failure.kind,
                details=failure.details,
                needed=failure.needed,
                in_doubt=self._in_doubt,
            )
        return None

    async def _settled(self, begun_at: float, cause: str) -> Answer | None:
        """Return what an attempt did whose outcome is unknown, or None if it is worth another."""
        if self._after_unknown is AfterUnknown.NEVER:
            raise _unknown(self._name, cause)
        if self._action is not None:
            await self._action.answered()
        if isinstance(self._after_unknown, AfterUnknown):
            self._in_doubt = True
            return None
        found = await self._after_unknown(begun_at)
        if found is None and self._action is not None:
            await self._action.not_executed()
        return found


def is_read(method: str) -> bool:
    """Whether a method changes nothing."""
    return _is(method, READS)


def _is(method: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(method, pattern) for pattern in patterns)


def _nested(value: object) -> bool:
    return isinstance(value, list | dict)


def _body(error: Exception) -> Answer:
    data = getattr(error.response, "data", None) if isinstance(error, SlackApiError) else None
    return dict(data) if isinstance(data, Mapping) else {}


def _unknown(name: str, cause: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"whether Slack did what it was asked for is not known ({name}: {cause}): "
        "look there before it is asked again"
    )
