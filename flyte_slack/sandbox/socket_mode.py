"""Socket Mode: the WebSocket over which an app gets its events, as docs.slack.dev describes it.

An event goes to one of the open connections in an envelope and comes again, in a new envelope with the
same ``event_id``, until one of its envelopes is acknowledged or Slack gives up. What people do with the
app's controls, commands and shortcuts is sent once.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import json
import logging
import secrets
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from .workspace import Event, Workspace

MAX_CONNECTIONS = 10
INTERACTION_SECONDS = 3.0
"""How long Slack waits for the acknowledgement of an interaction."""

SUBSCRIPTIONS = (
    *("app_home_opened", "app_mention", "file_shared", "message"),
    *("pin_added", "pin_removed", "reaction_added", "reaction_removed"),
    *("channel_archive", "channel_created", "channel_rename", "channel_unarchive"),
    *("group_archive", "group_rename", "group_unarchive"),
    *("member_joined_channel", "member_left_channel", "team_join"),
)
"""Every type of event that the sandbox's workspace knows."""

PUBLIC = ("app_home_opened", "channel_archive", "channel_created", "channel_rename", "channel_unarchive")
"""What an app is told whether or not its bot is a member; ``team_join`` has no channel at all."""

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Delivery:
    """A payload on its way: what it is and the envelopes it was sent with. Interactions are sent once."""

    body: dict[str, Any]
    type: str = "events_api"
    envelopes: set[str] = field(default_factory=set)
    attempt: int = 0
    timeouts: int = 0
    reason: str = ""
    connection: Connection | None = None
    timer: asyncio.TimerHandle | None = None

    @property
    def is_event(self) -> bool:
        """Whether this is an event, which comes again until it is acknowledged."""
        return self.type == "events_api"

    @property
    def id(self) -> str:
        """The event's id; an interaction's trigger, or its view's id where it has no trigger."""
        view = self.body.get("view") or {}
        return str(self.body.get("event_id") or self.body.get("trigger_id") or view.get("id", ""))


@dataclass(eq=False, slots=True)
class Connection:
    """An open WebSocket and the frames that wait to be written to it."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    outbox: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)


class SocketMode:
    """Delivers the events of a workspace to the connections of one app.

    ``redelivery`` are the seconds after which an envelope that nobody acknowledged is sent again; after
    the last one Slack gives up. With ``keep_events_while_disconnected`` events wait for a connection,
    which is kinder than Slack; without, what happens meanwhile is told to nobody. ``subscriptions`` are
    the event types the app asked for. ``farewell`` is how long, in seconds, a connection that was told
    to go stays open.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        redelivery: Sequence[float] = (3, 60, 300),
        keep_events_while_disconnected: bool = True,
        subscriptions: Collection[str] = SUBSCRIPTIONS,
        farewell: float = 1,
    ) -> None:
        self.workspace = workspace
        self.redelivery = tuple(redelivery)
        self.keep_events_while_disconnected = keep_events_while_disconnected
        self.subscriptions = set(subscriptions)
        self.farewell = farewell
        self.acknowledged: list[str] = []
        self._tickets: set[str] = set()
        self._connections: list[Connection] = []
        self._turn = itertools.count()
        self._in_flight: dict[str, Delivery] = {}
        self._waiting: list[Delivery] = []
        self._stop_listening = workspace.listen(self._heard)

    # What tests look at and do

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    @property
    def unacknowledged(self) -> list[str]:
        """The ids of the payloads that are on their way or wait for a connection."""
        deliveries = [*self._in_flight.values(), *self._waiting]
        return list(dict.fromkeys(delivery.id for delivery in deliveries))

    def deliver(self, event: Event) -> str:
        """Send an inner event to the app, whether or not the workspace knows of it; answers its id."""
        delivery = Delivery(self._body(event))
        if self._connections or self.keep_events_while_disconnected:
            self._send(delivery)
        return delivery.id

    def interact(self, kind: str, payload: dict[str, Any]) -> None:
        """Send what a person did in an envelope of that type, ``interactive`` or ``slash_commands``."""
        if self._connections or self.keep_events_while_disconnected:
            self._send(Delivery(copy.deepcopy(payload), kind))

    async def disconnect(self, reason: str) -> None:
        """Ask every connection to go: ``warning`` announces it, any other reason also closes it."""
        frame = {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}
        for connection in tuple(self._connections):
            connection.outbox.put_nowait(frame)
            if reason != "warning":
                self._connections.remove(connection)

    def drop(self) -> None:
        """Abort every connection's transport, with no close frame and no farewell."""
        connections, self._connections = self._connections, []
        for connection in connections:
            self._remove(connection)
            if connection.transport is not None:
                connection.transport.abort()

    async def close(self) -> None:
        """Forget everything that is under way and close the connections."""
        self._stop_listening()
        for delivery in self._in_flight.values():
            _cancel(delivery)
        self._in_flight.clear()
        self._waiting.clear()
        connections, self._connections = self._connections, []
        await asyncio.gather(*(connection.socket.close(code=1001) for connection in connections))

    # Connections

    def open_ticket(self) -> str:
        """Make a ticket that lets one connection in, once."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one WebSocket, whose ``ticket`` comes from ``apps.connections.open``."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=403)
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse(timeout=1, heartbeat=30, max_msg_size=1024 * 1024)
        await socket.prepare(request)
        if len(self._connections) >= MAX_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        transport = request.transport
        connection = Connection(socket, transport if isinstance(transport, asyncio.Transport) else None)
        self._connections.append(connection)
        connection.outbox.put_nowait(self._hello())
        self._send_waiting()
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._write(connection))
                await self._read(connection)
                writer.cancel()
        finally:
            self._remove(connection)
        return socket

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "connection_info": {"app_id": self.workspace.app_id},
            "debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
        }

    async def _write(self, connection: Connection) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                frame = await connection.outbox.get()
                await connection.socket.send_json(frame)
                if frame["type"] == "disconnect" and frame["reason"] != "warning":
                    await asyncio.sleep(self.farewell)
                    await connection.socket.close()
                    return

    async def _read(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                self._acknowledge(json.loads(message.data).get("envelope_id", ""))
            except (ValueError, AttributeError):
                logger.warning("Socket Mode: a frame that is no acknowledgement was ignored")

    def _remove(self, connection: Connection) -> None:
        """Forget a connection; what it has not acknowledged goes to another one."""
        if connection in self._connections:
            self._connections.remove(connection)
        lost = [d for d in dict.fromkeys(self._in_flight.values()) if d.connection is connection]
        for delivery in lost:
            delivery.connection = None
            if not delivery.is_event:
                self._forget(delivery)
            elif self._connections or self.keep_events_while_disconnected:
                self._send_again(delivery, "connection_closed")

    # Events

    def _heard(self, event: Event) -> None:
        if event["type"] not in self.subscriptions:
            return
        place = event.get("channel") or event.get("channel_id") or event.get("item", {}).get("channel", "")
        channel_id = place["id"] if isinstance(place, dict) else place
        if not channel_id or event["type"] in PUBLIC or self.workspace.bot_is_in(channel_id):
            self.deliver(event)

    def _body(self, event: Event) -> dict[str, Any]:
        team_id = self.workspace.team_id
        authorization = {"enterprise_id": None, "team_id": team_id, "user_id": self.workspace.bot.id}
        return {
            "token": "sandbox-verification-token",
            "team_id": team_id,
            "context_team_id": team_id,
            "context_enterprise_id": None,
            "api_app_id": self.workspace.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(time.time()),
            "authorizations": [{**authorization, "is_bot": True, "is_enterprise_install": False}],
            "is_ext_shared_channel": False,
            "event_context": f"4-{secrets.token_urlsafe(24)}",
        }

    def _send(self, delivery: Delivery) -> None:
        if not self._connections:
            self._waiting.append(delivery)
            return
        connection = self._connections[next(self._turn) % len(self._connections)]
        envelope_id = str(uuid.uuid4())
        delivery.connection = connection
        delivery.envelopes.add(envelope_id)
        self._in_flight[envelope_id] = delivery
        frame = {
            "envelope_id": envelope_id,
            "payload": delivery.body,
            "type": delivery.type,
            "accepts_response_payload": not delivery.is_event,
        }
        if delivery.is_event:
            frame |= {"retry_attempt": delivery.attempt, "retry_reason": delivery.reason}
        connection.outbox.put_nowait(frame)
        self._arm(delivery)

    def _arm(self, delivery: Delivery) -> None:
        _cancel(delivery)
        if not delivery.is_event:
            wait, action = INTERACTION_SECONDS, self._forget
        elif delivery.timeouts < len(self.redelivery):
            wait, action = self.redelivery[delivery.timeouts], self._timed_out
        else:
            wait, action = self.redelivery[-1] if self.redelivery else 3, self._forget
        delivery.timer = asyncio.get_running_loop().call_later(wait, action, delivery)

    def _timed_out(self, delivery: Delivery) -> None:
        delivery.timeouts += 1
        if self._connections or self.keep_events_while_disconnected:
            self._send_again(delivery, "timeout")
        else:
            self._arm(delivery)

    def _send_again(self, delivery: Delivery, reason: str) -> None:
        _cancel(delivery)
        delivery.attempt += 1
        delivery.reason = reason
        self._send(delivery)

    def _send_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for delivery in waiting:
            self._send(delivery)

    def _acknowledge(self, envelope_id: str) -> None:
        delivery = self._in_flight.get(envelope_id)
        if delivery is not None:
            self.acknowledged.append(delivery.id)
            self._forget(delivery)

    def _forget(self, delivery: Delivery) -> None:
        _cancel(delivery)
        for envelope_id in delivery.envelopes:
            self._in_flight.pop(envelope_id, None)
        if delivery in self._waiting:
            self._waiting.remove(delivery)


def _cancel(delivery: Delivery) -> None:
    if delivery.timer is not None:
        delivery.timer.cancel()
        delivery.timer = None
