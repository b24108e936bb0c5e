"""HTTP mode: Slack's requests, checked before they are believed, and read within bounds."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp

from ... import logs
from ...pack.health import Condition
from ..workspace.profiles import Json
from .bolt import dispatch
from .counts import REFUSED

log = logs.get(__name__)

_READ_WITHIN = 5.0  # seconds; Slack waits three for the answer
_LARGEST = 4 * 1024 * 1024
_LARGEST_UNSIGNED = 4096
_LARGEST_SUM = 32 * 1024 * 1024
_TOLERANCE = 300.0  # seconds that Slack's clock and this machine's may be apart
_REPEATED_FOR = 600.0  # seconds for which Slack repeats a request, and a little
_TOLD_EVERY = 60.0
_TOLD_IN_HEALTH_FOR = 600.0


class Refused(Exception):
    """A request that is not Slack's, or cannot be read.

    Attributes:
        status: to answer.
        reason: a word for what is wrong, for the metric.
    """

    def __init__(self, status: int, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.reason = reason


class HttpEndpoint:
    """`POST /slack/events`: events, interactivity and slash commands.

    Args:
        app: checks signatures, and stores what is Slack's.
        repeated: told when Slack had to repeat a request, and since when others may have been given up.
    """

    def __init__(self, app: AsyncApp, repeated: Callable[[float], None] = lambda since: None) -> None:
        self._app = app
        self._repeated = repeated
        self._in_flight = 0
        self._refusals: Counter[str] = Counter()
        self._last_refusal = ""
        self._refused_at = -_TOLD_IN_HEALTH_FOR
        self._told_at = -_TOLD_EVERY

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request: 200 when it is stored, 503 if it cannot be, another status if it is refused."""
        raw = bytearray()
        try:
            await self._read(request, raw, _check_headers(request))
            return await self._dispatch(request, bytes(raw))
        except Refused as refused:
            self._note(refused)
            return web.Response(status=refused.status)
        finally:
            self._in_flight -= len(raw)

    def condition(self) -> Condition:
        """Return how it is doing; requests that were refused lately are told, since Slack may give up."""
        status = "listening for Slack's events at POST /slack/events"
        if time.monotonic() - self._refused_at < _TOLD_IN_HEALTH_FOR:
            status += (
                f"; {self._refusals.total()} requests were refused, "
                f"the last one because {self._last_refusal}: "
                "Slack may switch the app's subscriptions off if that goes on"
            )
        return Condition(True, status)

    async def _read(self, request: web.Request, raw: bytearray, largest: int) -> None:
        """Read a body, while the sum of all that are being read stays within bounds."""
        try:
            async with asyncio.timeout(_READ_WITHIN):
                async for chunk in request.content.iter_any():
                    if len(raw) + len(chunk) > largest:
                        raise Refused(413, "too_large", f"its body is larger than {largest} bytes")
                    if self._in_flight + len(chunk) > _LARGEST_SUM:
                        raise Refused(503, "overload", "too many large requests are being read")
                    self._in_flight += len(chunk)
                    raw += chunk
        except TimeoutError:
            raise Refused(408, "slow", "its body did not arrive in time") from None

    async def _dispatch(self, request: web.Request, raw: bytes) -> web.StreamResponse:
        try:
            body_text = raw.decode()
            body = _parse(body_text, request.content_type)
        except (ValueError, RecursionError):
            raise Refused(400, "body", "its body cannot be read") from None
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = await dispatch(self._app, body, mode="http", raw=body_text, headers=headers)
        if answer.status == 401:
            raise Refused(401, "signature", "its signature is not that of SLACK_SIGNING_SECRET")
        if "x-slack-retry-num" in headers and answer.status == 200:
            self._repeated(time.time() - _REPEATED_FOR)
        return await to_aiohttp_response(answer)

    def _note(self, refused: Refused) -> None:
        """Count a refusal, and log it, but not every one of many."""
        REFUSED.labels(refused.reason).inc()
        self._refusals[refused.reason] += 1
        self._last_refusal, self._refused_at = str(refused), time.monotonic()
        if time.monotonic() - self._told_at >= _TOLD_EVERY:
            self._told_at = time.monotonic()
            log.warning(
                "a request to /slack/events is refused", cause=str(refused), refused=self._refusals.total()
            )


def _check_headers(request: web.Request) -> int:
    """Return how large a request may be by its headers.

    Raises:
        Refused: it cannot be Slack's.
    """
    signature = request.headers.get("X-Slack-Signature")
    if signature is None and request.content_type == "application/x-www-form-urlencoded":
        return _LARGEST_UNSIGNED  # Slack's `ssl_check` is not signed
    stamp = _stamp(request)
    if signature is None or stamp is None or not signature.isascii():
        raise Refused(401, "unsigned", "it has no signature of Slack's")
    if abs(ahead := time.time() - stamp) > _TOLERANCE:
        raise Refused(401, "clock", f"its timestamp and this machine's clock are {ahead:.0f} s apart")
    return _LARGEST


def _stamp(request: web.Request) -> float | None:
    value = request.headers.get("X-Slack-Request-Timestamp", "")
    return float(value) if re.fullmatch("[0-9]{1,12}", value) else None


def _parse(body: str, content_type: str) -> Json:
    """Read a body: JSON, a form whose `payload` is JSON, or the plain fields of a slash command."""
    parsed: object
    if content_type == "application/json" or body.startswith("{"):
        parsed = json.loads(body)
    else:
        fields = dict(parse_qsl(body, keep_blank_values=True))
        parsed = json.loads(fields["payload"]) if "payload" in fields else fields
    if not isinstance(parsed, Mapping):
        raise ValueError("not an object")
    return parsed
