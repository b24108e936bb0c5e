"""Socket Mode connections, each watched and replaced by a new one when it ends or goes silent.

The SDK's client reconnects by itself, but closes the old socket before it opens the new one, tries
a refused single-use ticket for ever, and can take a dead socket for connected (python-slack-sdk
issues 1379 and 1922). Here a client holds one socket for its life; the supervisor replaces it.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable

from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from ... import logs, retries
from ...pack.arrivals import Arrivals
from ...pack.health import Condition
from ...proxies import proxy_for
from ..api.failures import Outcome, read_failure
from ..events.message_sent import is_from_people, place

log = logs.get(__name__)

_PING_EVERY = 5.0
_SILENT_AFTER = 3 * _PING_EVERY
_OPENED_WITHIN = 10.0
_LOOK_EVERY = 0.5
_LIVED = 30.0  # seconds after which a connection counts as having worked
_LAST_ACKS = 3.0  # an envelope not acknowledged by then is redelivered anyway


class Connection(SocketModeClient):
    """One socket, used once. It reports its end and leaves it to its owner to open another.

    Args:
        bolt: handles the envelopes; what it does not answer with 200 is not acknowledged.
        app_token: an `xapp-` token.
        web: the Web API, for `apps.connections.open`.
        arrivals: told what was received, and when that is settled.
    """

    def __init__(self, bolt: AsyncApp, app_token: str, web: AsyncWebClient, arrivals: Arrivals) -> None:
        super().__init__(
            app_token=app_token,
            web_client=web,
            logger=logging.getLogger("slack_sdk.socket_mode"),
            ping_interval=_PING_EVERY,
        )
        self._bolt = bolt
        self._arrivals = arrivals
        self._source = arrivals.open()
        self._in_hand = 0
        self.hello = asyncio.Event()
        self.ended = asyncio.Event()
        self.reason = "the connection was lost"
        self.message_listeners.append(self._watch)
        self.socket_mode_request_listeners.append(self._handle)  # type: ignore[arg-type]

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
        """Close the socket when the envelopes in hand are acknowledged."""
        deadline = time.monotonic() + _LAST_ACKS
        # the SDK offers nothing to wait for
        while self._in_hand and time.monotonic() < deadline and not self.current_session_closed:
            await asyncio.sleep(0.01)
        with contextlib.suppress(Exception):
            await self.close()  # type: ignore[no-untyped-call]
        self._arrivals.close(self._source)

    @property
    def current_session_closed(self) -> bool:
        """Whether there is no open socket."""
        return self.current_session is None or self.current_session.closed

    async def _watch(self, _client: object, message: dict[str, object], _raw: str | None) -> None:
        if message.get("type") == "hello":
            self.hello.set()
            log.debug("hello", connections=message.get("num_connections"))

    async def run_message_listeners(self, message: dict[str, object], raw_message: str) -> None:
        """Note why Slack disconnects; the rest is the SDK's."""
        if message.get("type") == "disconnect":
            self.reason = f"Slack disconnects: {message.get('reason')}"
        await super().run_message_listeners(message, raw_message)

    async def enqueue_message(self, message: str) -> None:
        """Note what is received at once: handling it can take its time."""
        with contextlib.suppress(ValueError, RecursionError, AttributeError, TypeError):  # others see to it
            frame = json.loads(message) if message.startswith("{") else {}  # as the SDK reads it
            request = SocketModeRequest.from_dict(frame) if frame.get("type") == "events_api" else None
            event = request.payload.get("event") if request else None
            if request is not None and isinstance(event, dict) and is_from_people(event):
                self._source.arrived(request.envelope_id, *place(event))
        await super().enqueue_message(message)

    async def _handle(self, client: SocketModeClient, request: SocketModeRequest) -> None:
        self._in_hand += 1
        try:
            start = time.time()
            answer = await run_async_bolt_app(self._bolt, request)
            with contextlib.suppress(ConnectionError):  # Slack redelivers what it saw no answer to
                await send_async_response(client, request, answer, start)
        finally:
            self._in_hand -= 1
            self._source.settled(request.envelope_id)


class Connections:
    """Holds a number of connections open, and tells how they are.

    Args:
        bolt: handles the envelopes.
        app_token: an `xapp-` token.
        web: the Web API.
        number: connections held at once.
        opened: called when a connection is opened while there was none.
        arrivals: told what each connection has received and not stored yet.

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
    ) -> None:
        self._bolt = bolt
        self._app_token = app_token
        self._web = web
        self.number = number
        self._opened = opened
        self._arrivals = arrivals
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
                new = Connection(self._bolt, self._app_token, self._web, self._arrivals)
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
