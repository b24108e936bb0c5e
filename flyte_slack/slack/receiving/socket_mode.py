"""Socket Mode connections, each watched and replaced by a new one when it ends or goes silent.

The SDK's client reconnects by itself, but closes the old socket before it opens the new one, tries
a refused single-use ticket for ever, and can take a dead socket for connected (python-slack-sdk
issues 1379 and 1922). Here a client holds one socket for its life; the supervisor replaces it.
"""

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import Callable, Iterator

from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from ... import logs, retries
from ...pack.arrivals import Arrivals
from ...pack.health import Condition
from ...pack.metrics import Gauge
from ...proxies import proxy_for
from ..api.failures import Outcome, read_failure
from ..events.kinds import Kinds
from ..workspace.profiles import Json, mapping, text
from .bolt import dispatch
from .counts import PAYLOADS

log = logs.get(__name__)

_PING_EVERY = 5.0
_SILENT_AFTER = 3 * _PING_EVERY
_OPENED_WITHIN = 10.0
_LOOK_EVERY = 0.5
_LIVED = 30.0  # seconds after which a connection counts as having worked
_LAST_ACKS = 3.0  # an envelope not acknowledged by then is redelivered anyway
_ENVELOPE_ID = re.compile(r'"envelope_id"\s*:\s*"([^"\\]+)"')
_ANY_SIZE = 0  # a frame that is refused for its size ends the connection, and comes again on the next


class Connection(SocketModeClient):
    """One socket, used once. It reports its end and leaves it to its owner to open another.

    Args:
        bolt: handles the envelopes; what it does not answer with 200 is not acknowledged.
        app_token: an `xapp-` token.
        web: the Web API, for `apps.connections.open`.
        arrivals: told what was received, and when that is settled.
        kinds: tells what was received.
    """

    def __init__(
        self, bolt: AsyncApp, app_token: str, web: AsyncWebClient, arrivals: Arrivals, kinds: Kinds
    ) -> None:
        super().__init__(
            app_token=app_token,
            web_client=web,
            logger=logging.getLogger("slack_sdk.socket_mode"),
            ping_interval=_PING_EVERY,
        )
        self._bolt = bolt
        self._arrivals = arrivals
        self._source = arrivals.open()
        self._kinds = kinds
        self._handling: set[asyncio.Task[None]] = set()
        self.hello = asyncio.Event()
        self.ended = asyncio.Event()
        self.reason = "the connection was lost"

    async def open(self) -> None:
        """Open the socket and wait for Slack's `hello`.

        Raises:
            Exception: whatever kept it from being opened, `TimeoutError` where Slack stayed silent.
        """
        self.wss_uri = await self.issue_new_wss_url()
        async with asyncio.timeout(_OPENED_WITHIN):
            await self.connect()
            await self.hello.wait()

    async def connect(self) -> None:
        """Open the socket with the ticket in `wss_uri`; a ticket that is refused is not tried again."""
        self._source.opening()
        self.current_session = await self.aiohttp_client_session.ws_connect(
            self.wss_uri or "",
            autoping=False,
            heartbeat=self.ping_interval,
            max_msg_size=_ANY_SIZE,
            proxy=proxy_for(self.wss_uri or ""),
            ssl=self.web_client.ssl if self.web_client.ssl is not None else True,
        )
        self.last_ping_pong_time = time.time()
        self.current_session_monitor = asyncio.ensure_future(self.monitor_current_session())
        self.message_receiver = asyncio.ensure_future(self.receive_messages())
        self._source.opened()

    async def connect_to_new_endpoint(self, force: bool = False) -> None:
        """Called by the SDK wherever it would reconnect."""
        self.ended.set()

    @property
    def pong_age(self) -> float:
        """Seconds since Slack last answered a ping."""
        return time.time() - (self.last_ping_pong_time or time.time())

    async def lost(self) -> None:
        """Return when the socket has ended, or is silent."""
        while not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):
                    await self.ended.wait()
            if self.pong_age > _SILENT_AFTER or self.pong_age < -_SILENT_AFTER:
                self.reason = "Slack does not answer pings"
                return
            if not self.ended.is_set() and (self.current_session is None or self.current_session.closed):
                return

    async def retire(self) -> None:
        """Close the socket when the envelopes in flight are acknowledged."""
        deadline = time.monotonic() + _LAST_ACKS
        # the SDK offers nothing to wait for
        while self._handling and time.monotonic() < deadline and not self.current_session_closed:
            await asyncio.sleep(0.01)
        with contextlib.suppress(Exception):
            await self.close()  # type: ignore[no-untyped-call]
        self._arrivals.close(self._source)

    @property
    def current_session_closed(self) -> bool:
        """Whether there is no open socket."""
        return self.current_session is None or self.current_session.closed

    async def enqueue_message(self, message: str) -> None:
        """Read a frame, and note what was received at once: handling it can take its time."""
        frame = _read(message)
        with contextlib.suppress(Exception):  # the listener tells of it
            envelope_id = _envelope_id(frame)
            for kind, received in self._kinds.read(frame.get("payload")) if envelope_id else ():
                if received.position:
                    self._source.arrived((envelope_id, kind.name), received.lane, received.position)
        await self.message_queue.put(frame)

    async def process_message(self) -> None:
        """Begin to handle the next frame."""
        handling = asyncio.create_task(self._handle(await self.message_queue.get()))
        self._handling.add(handling)
        handling.add_done_callback(self._handling.discard)

    async def _handle(self, frame: Json) -> None:
        type_ = text(frame.get("type"))
        if type_ == "hello":
            self.hello.set()
            log.debug("hello", connections=frame.get("num_connections"))
        elif type_ == "disconnect":
            self.reason = f"Slack disconnects: {frame.get('reason')}"
            await self.connect_to_new_endpoint(force=True)
        elif envelope_id := _envelope_id(frame):
            try:
                await self._answer(envelope_id, mapping(frame.get("payload")))
            except Exception:  # it is not acknowledged: Slack sends it again
                log.exception("a payload cannot be handled")
            finally:
                for kind in self._kinds:
                    self._source.settled((envelope_id, kind))

    async def _answer(self, envelope_id: str, payload: Json) -> None:
        """Store a payload and acknowledge it with an empty answer; what cannot be stored is not."""
        answer = await dispatch(self._bolt, payload, mode="socket_mode")
        if answer.status == 200:
            with contextlib.suppress(ConnectionError):  # Slack redelivers what it saw no answer to
                await self.send_socket_mode_response(SocketModeResponse(envelope_id=envelope_id))


class Connections:
    """Holds a number of connections open, and tells how they are.

    Args:
        bolt: handles the envelopes.
        app_token: an `xapp-` token.
        web: the Web API.
        number: connections held at once.
        opened: called when a connection is opened while there was none.
        arrivals: told what each connection has received and not stored yet.
        kinds: tells what was received.

    Attributes:
        number: connections to hold.
    """

    def __init__(
        self,
        bolt: AsyncApp,
        app_token: str,
        web: AsyncWebClient,
        number: int,
        opened: Callable[[], None],
        arrivals: Arrivals,
        kinds: Kinds,
    ) -> None:
        self._bolt = bolt
        self._app_token = app_token
        self._web = web
        self.number = number
        self._opened = opened
        self._arrivals = arrivals
        self._kinds = kinds
        self._held: set[Connection] = set()
        self._none_open = True
        self._not_before = 0.0
        self._problem = "connecting"

    async def run(self) -> None:
        """Hold the connections until cancelled; then close them after their last acknowledgements."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.number):
                group.create_task(self._hold())

    async def _hold(self) -> None:
        """Keep one connection open; a new one is opened before the old one is closed."""
        old: Connection | None = None
        tries = 0
        try:
            while True:
                await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
                new = Connection(self._bolt, self._app_token, self._web, self._arrivals, self._kinds)
                try:
                    await new.open()
                except Exception as error:
                    await new.retire()
                    tries += 1
                    self._number_open()
                    await self._failed(error, tries)
                    continue
                except BaseException:
                    await new.retire()
                    raise
                self._number_open()  # the old ones may have been closed while this one was opened
                self._held.add(new)
                if self._none_open:
                    self._none_open = False
                    self._opened()
                if old is not None:
                    self._held.discard(old)
                    await old.retire()
                old = new
                opened_at = time.monotonic()
                log.info("connected to Slack", connections=self._number_open())
                await new.lost()
                log.info("a Slack connection ends", cause=new.reason)
                tries = 0 if time.monotonic() - opened_at > _LIVED else tries + 1
                if "link_disabled" in new.reason:
                    log.error("Socket Mode was turned off: turn it on, on the app's page Socket Mode")
                if new.current_session_closed:
                    self._number_open()
                if tries:  # it did not live long: opening them is a tier 1 method
                    await asyncio.sleep(retries.pause(retries.SLACK_CONNECT, tries, ConnectionError()))
        finally:
            if old is not None:
                self._held.discard(old)
                await old.retire()

    @property
    def number_open(self) -> int:
        """How many are open."""
        return sum(not connection.current_session_closed for connection in self._held)

    @property
    def pong_age(self) -> float:
        """Seconds since the last pong, of the open connection where that is longest ago; 0 where none is."""
        return max((each.pong_age for each in self._held if not each.current_session_closed), default=0.0)

    def gauges(self) -> Iterator[Gauge]:
        """Yield what is looked up at each scrape."""
        yield Gauge("sockets_open", "Socket Mode connections that are open.", {"": self.number_open})
        yield Gauge("sockets_wanted", "FLYTE_SLACK_CONNECTIONS.", {"": self.number})
        yield Gauge(
            "pong_age_seconds",
            "Seconds since the last pong, on the connection for which that is longest ago.",
            {"": self.pong_age},
        )

    def _number_open(self) -> int:
        """Return how many are open now, and note where it is none: something may be missed then."""
        if not self.number_open:
            self._none_open = True
        return self.number_open

    async def _failed(self, error: Exception, tries: int) -> None:
        failure = read_failure(error)
        self._problem = f"cannot connect: {failure.code}"
        if failure.outcome is Outcome.REFUSED:
            log.error("Slack does not accept SLACK_APP_TOKEN, or Socket Mode is off", cause=failure.code)
        elif tries == 1:
            log.warning("a Slack connection cannot be opened", cause=failure.code)
        if failure.retry_after is not None:
            self._not_before = max(self._not_before, time.monotonic() + failure.retry_after)
            return
        await asyncio.sleep(retries.pause(retries.SLACK_CONNECT, tries, error))

    def condition(self) -> Condition:
        """Return whether Slack is connected: one open connection is enough."""
        if number := self._number_open():
            return Condition(True, f"{number} of {self.number} Socket Mode connections open")
        return Condition(False, self._problem)


def _envelope_id(frame: Json) -> str:
    """Return what a payload is acknowledged by; empty for a frame that brings none."""
    return "" if text(frame.get("type")) in {"hello", "disconnect"} else text(frame.get("envelope_id"))


def _read(message: str) -> Json:
    """Read a frame; one that cannot be read is left with the envelope that it is acknowledged by."""
    if not message.startswith("{"):
        return {}
    try:
        return mapping(json.loads(message))
    except (ValueError, RecursionError) as error:
        PAYLOADS.labels("unreadable").inc()
        log.error("a frame of Slack's cannot be read: left out", cause=error.__class__.__name__)
        found = _ENVELOPE_ID.search(message)
        return {"envelope_id": found[1]} if found else {}
