"""Faults for the sandbox's servers: rules that spoil requests, or look at them as they pass by."""

import asyncio
import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler

When = Literal["before", "after"]
Predicate = Callable[[web.Request, bytes], bool]


def holding(text: str) -> Predicate:
    """Return a predicate for requests whose body holds a text."""
    return lambda _request, body: text.encode() in body


@dataclass(eq=False, slots=True)
class Rule:
    """What happens to matching requests, until it has happened `times` times or the rule is removed.

    Attributes:
        method: HTTP method, or `*`.
        path: searched for in the path.
        where: looks at request and body; None for any.
        times: how often the rule applies; None for always.
        when: before or after the server handles the request.
        skip: how many matching requests pass first.
        hits: how often it applied.
    """

    method: str
    path: re.Pattern[str]
    where: Predicate | None = None
    times: int | None = None
    when: When = "before"
    status: int | None = None
    body: str | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    call: Callable[[], object] | None = None
    gate: asyncio.Event | None = None
    skip: int = 0
    hits: int = 0
    removed: bool = False

    def remove(self) -> None:
        """Let every later request pass, and those held back as well."""
        self.removed = True
        self.release()

    def release(self) -> None:
        """Let the requests that hang go on."""
        if self.gate is not None:
            self.gate.set()

    def claims(self, request: web.Request, body: bytes) -> bool:
        """Whether the rule applies to a request; asked once a request."""
        matches = (
            not self.removed
            and (self.times is None or self.hits < self.times)
            and self.method in ("*", request.method)
            and self.path.search(request.path) is not None
            and (self.where is None or self.where(request, body))
        )
        if matches and self.skip:
            self.skip -= 1
            return False
        return matches


class Faults:
    """A middleware that applies rules, in the order in which they were given, and counts requests."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.seen: list[tuple[str, str, int]] = []

    def count(self, method: str, path: str, status: int | None = None) -> int:
        """Return how many requests came; `status` is the answer, 0 where there was none (yet)."""
        return sum(
            1
            for seen_method, seen_path, seen_status in self.seen
            if seen_method == method and re.search(path, seen_path) and status in (None, seen_status)
        )

    def answer(
        self,
        method: str,
        path: str,
        status: int,
        *,
        body: str | bytes = b"",
        headers: Mapping[str, str] | None = None,
        times: int | None = None,
        where: Predicate | None = None,
        when: When = "before",
    ) -> Rule:
        """Answer with this status: in the server's place, or (`when="after"`) over its own answer."""
        return self._add(
            Rule(method, re.compile(path), where, times, when, status, body=body, headers=headers or {})
        )

    def slack_error(self, method: str, code: str, *, times: int | None = None) -> Rule:
        """Answer a Web API method with an error of Slack's, and do nothing."""
        headers = {"Content-Type": "application/json"}
        body = json.dumps({"ok": False, "error": code})
        return self.answer("*", rf"/slack/api/{method}$", 200, body=body, headers=headers, times=times)

    def rate_limit(
        self, method: str, seconds: int, *, times: int | None = None, where: Predicate | None = None
    ) -> Rule:
        """Answer a Web API method with 429 and `Retry-After`."""
        headers = {"Content-Type": "application/json", "Retry-After": str(seconds)}
        body = '{"ok": false, "error": "ratelimited"}'
        return self.answer(
            "*", rf"/slack/api/{method}$", 429, body=body, headers=headers, times=times, where=where
        )

    def cut(
        self,
        method: str,
        path: str,
        *,
        times: int | None = None,
        where: Predicate | None = None,
        when: When = "before",
    ) -> Rule:
        """Close the connection without a reply, before or after the server handled the request."""
        return self._add(Rule(method, re.compile(path), where, times, when, cut=True))

    def hang(
        self,
        method: str,
        path: str,
        *,
        times: int | None = None,
        where: Predicate | None = None,
        when: When = "before",
        cut: bool = False,
    ) -> Rule:
        """Hold requests (or, with `when="after"`, their answers) back until `release()`; then, perhaps, cut.

        A request that is held back is handled once it is released, though who sent it may be dead;
        with `cut` it never is.
        """
        return self._add(Rule(method, re.compile(path), where, times, when, cut=cut, gate=asyncio.Event()))

    def call(
        self,
        method: str,
        path: str,
        function: Callable[[], object],
        *,
        where: Predicate | None = None,
        when: When = "before",
        cut: bool = False,
        skip: int = 0,
    ) -> Rule:
        """Call a function once, as a request arrives or before its reply goes out; then, perhaps, cut."""
        return self._add(Rule(method, re.compile(path), where, 1, when, call=function, cut=cut, skip=skip))

    def _add(self, rule: Rule) -> Rule:
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Remove every rule."""
        for rule in self.rules:
            rule.remove()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Apply the first matching rule of each moment."""
        number = len(self.seen)
        self.seen.append((request.method, request.path, 0))
        body = b""
        if any(rule.where is not None and not rule.removed for rule in self.rules):
            body = await _peek(request)
        response: web.StreamResponse | None = None
        for rule in self._claiming(request, body, "before"):
            response = await self._apply(rule, request, None)
        if response is None:
            response = await handler(request)
            for rule in self._claiming(request, body, "after"):
                response = await self._apply(rule, request, response) or response
        gone = request.transport is None or request.transport.is_closing()
        self.seen[number] = (request.method, request.path, 0 if gone else response.status)
        return response

    def _claiming(self, request: web.Request, body: bytes, when: When) -> list[Rule]:
        """Return the first rule of a moment that claims a request, if any does."""
        rules = (rule for rule in self.rules if rule.when == when)
        first = next((rule for rule in rules if rule.claims(request, body)), None)
        return [first] if first else []

    async def _apply(
        self, rule: Rule, request: web.Request, response: web.StreamResponse | None
    ) -> web.StreamResponse | None:
        rule.hits += 1
        if rule.call is not None:
            rule.call()
        if rule.gate is not None:
            await rule.gate.wait()
        if rule.cut:
            if request.transport is not None:
                request.transport.abort()
            return response or web.Response(status=500)
        if rule.status is not None:
            body = rule.body.encode() if isinstance(rule.body, str) else rule.body
            return web.Response(status=rule.status, body=body, headers=rule.headers)
        return response


async def _peek(request: web.Request) -> bytes:
    """Read a body and put it back, since some handlers read the stream and not the request."""
    body = await request.read()
    if body:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            request.content.unread_data(body)
    return body
