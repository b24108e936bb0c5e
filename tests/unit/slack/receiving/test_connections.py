"""Socket Mode connections against a scripted server: watched, replaced, and honest (promises 1, 11)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from scripted_slack import BOT_TOKEN
from scripted_sockets import ScriptedSockets
from structlog.testing import capture_logs
from support import breathe, eventually, opened, running
from tenacity import wait_fixed

from flyte_slack import retries
from flyte_slack.pack.arrivals import Arrivals
from flyte_slack.slack.api.clock import SlackClock
from flyte_slack.slack.events.kinds import Kinds
from flyte_slack.slack.offer import chosen_events
from flyte_slack.slack.receiving import socket_mode as module
from flyte_slack.slack.receiving.bolt import bolt
from flyte_slack.slack.receiving.listener import Listener
from flyte_slack.slack.receiving.socket_mode import Connections
from flyte_slack.slack.workspace.directory import Directory
from flyte_slack.slack.workspace.identity import Identity

MESSAGE = {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": "1.000001"}


@pytest.fixture
async def slack(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedSockets]:
    monkeypatch.setattr(retries, "SLACK_CONNECT", wait_fixed(0.01))
    async with ScriptedSockets().serve() as served:
        yield served


class GatedListener(Listener):
    """The listener, held up at a gate, or failing."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.gate = asyncio.Event()
        self.gate.set()
        self.received: list[str] = []

    async def receive(self, body: object) -> None:
        event = body.get("event", {}) if isinstance(body, Mapping) else {}
        self.received.append(event.get("ts", ""))
        await self.gate.wait()
        if event.get("text") == "fail":
            raise OSError("disk full")
        await super().receive(body)


class Held:
    """Connections that run, with what stands behind them."""

    def __init__(
        self, connections: Connections, listener: GatedListener, gaps: list[int], arrivals: Arrivals
    ) -> None:
        self.connections = connections
        self.listener = listener
        self.gaps = gaps
        self.arrivals = arrivals


@asynccontextmanager
async def connected(slack: ScriptedSockets, folder: Path, number: int = 1) -> AsyncIterator[Held]:
    async with slack.client() as web, opened(folder) as store:
        identity = Identity(SlackClock(), "UBOT")
        kinds = Kinds(chosen_events(), identity)
        listener = GatedListener(kinds, store.inbox, lambda lane: None, Directory(web), identity)
        app = bolt(listener, bot_token=BOT_TOKEN, signing_secret="")
        gaps: list[int] = []
        arrivals = Arrivals()
        connections = Connections(
            app, "xapp-1-test", web, number, lambda: gaps.append(len(gaps)), arrivals, kinds
        )
        async with running(connections.run()):
            yield Held(connections, listener, gaps, arrivals)


async def test_number_of_connections_is_held(slack: ScriptedSockets, tmp_path: Path) -> None:
    """As many connections are held as asked for, each with its own ticket; all are closed in the end."""
    async with connected(slack, tmp_path, 3) as held:
        assert not held.connections.condition().healthy
        await slack.opened(1, 2, 3)
        await eventually(lambda: held.connections.condition().status == "3 of 3 Socket Mode connections open")
        assert held.connections.condition().healthy
    await slack.opened()
    assert [line for line in slack.log if line.startswith("ticket")] == ["ticket 1", "ticket 2", "ticket 3"]


async def test_event_is_acknowledged_on_its_socket(slack: ScriptedSockets, tmp_path: Path) -> None:
    """An event that is stored is acknowledged over the socket it came from."""
    async with connected(slack, tmp_path, 2):
        await slack.opened(1, 2)
        first = await slack.envelope(2, MESSAGE)
        second = await slack.envelope(1, MESSAGE | {"ts": "2.000001"})
        await eventually(lambda: {f"ack 2 {first}", f"ack 1 {second}"} <= set(slack.log))
    async with opened(tmp_path) as store:
        assert {event.key for event in await store.inbox.waiting("C1", 9)} == {"C1:1.000001", "C1:2.000001"}


async def test_raising_listener_is_not_acknowledged(slack: ScriptedSockets, tmp_path: Path) -> None:
    """What the listener could not keep is not acknowledged; the connection goes on."""
    async with connected(slack, tmp_path):
        await slack.opened(1)
        await slack.envelope(1, MESSAGE | {"text": "fail"})
        good = await slack.envelope(1, MESSAGE | {"ts": "2.000001"})
        await eventually(slack.acks)
        await breathe()
        assert slack.acks() == [good]


async def test_event_is_not_acknowledged_before_it_is_kept(slack: ScriptedSockets, tmp_path: Path) -> None:
    """While the listener is at work there is no acknowledgement."""
    async with connected(slack, tmp_path) as held:
        await slack.opened(1)
        held.listener.gate.clear()
        envelope = await slack.envelope(1, MESSAGE)
        await eventually(lambda: held.listener.received)
        await breathe(200)
        assert slack.acks() == []
        held.listener.gate.set()
        await eventually(lambda: slack.acks() == [envelope])


async def test_dropped_connection_is_replaced(slack: ScriptedSockets, tmp_path: Path) -> None:
    """A connection that breaks is replaced by one with a new ticket, and the other goes on meanwhile."""
    async with connected(slack, tmp_path, 2) as held:
        await slack.opened(1, 2)
        await eventually(lambda: "2 of 2" in held.connections.condition().status)
        slack.drop(1)
        await eventually(lambda: "close 1" in slack.log)
        assert held.connections.condition().healthy
        await slack.opened(2, 3)
        await eventually(lambda: "2 of 2" in held.connections.condition().status)


async def test_gap_is_told_and_a_replacement_is_none(slack: ScriptedSockets, tmp_path: Path) -> None:
    """A connection after a time without any is told, for its gap to be filled; one more is not."""
    async with connected(slack, tmp_path, 2) as held:
        await eventually(lambda: "2 of 2" in held.connections.condition().status)
        assert held.gaps == [0]
        slack.drop(1)
        await slack.opened(2, 3)
        await eventually(lambda: "2 of 2" in held.connections.condition().status)
        assert held.gaps == [0]
        slack.refused = {4, 5, 6, 7}
        slack.drop(2)
        slack.drop(3)
        await eventually(lambda: len(slack.open) == 2)
        await eventually(lambda: held.gaps == [0, 1])


async def test_gap_while_a_new_one_is_slow_is_told(slack: ScriptedSockets, tmp_path: Path) -> None:
    """That the old one was closed before the new one was open is noticed, though nobody asks meanwhile."""
    slack.mute = {2}
    async with connected(slack, tmp_path) as held:
        await eventually(lambda: held.gaps == [0])
        await slack.send(1, {"type": "disconnect", "reason": "refresh_requested"})
        await slack.opened(1, 2)
        slack.drop(1)
        await eventually(lambda: all(old.current_session_closed for old in held.connections._held))
        await slack.send(2, {"type": "hello", "num_connections": 1})
        await eventually(lambda: held.gaps == [0, 1])


async def test_server_that_closes_is_left_for_a_new_ticket(slack: ScriptedSockets, tmp_path: Path) -> None:
    """A socket that Slack closes properly is replaced too."""
    async with connected(slack, tmp_path):
        await slack.opened(1)
        await slack.open[1].close()
        await slack.opened(2)


async def test_refused_ticket_is_not_tried_again(slack: ScriptedSockets, tmp_path: Path) -> None:
    """A socket URL that is refused is given up for a new ticket, as often as it takes."""
    slack.refused = {1, 2, 3}
    async with connected(slack, tmp_path) as held:
        await slack.opened(4)
        await eventually(lambda: held.connections.condition().healthy)
    assert slack.log[:5] == ["ticket 1", "ticket 2", "ticket 3", "ticket 4", "open 4"]


async def test_new_one_is_open_before_the_old_one_is_closed(slack: ScriptedSockets, tmp_path: Path) -> None:
    """When Slack announces a disconnect there is no gap: the new socket is open before the old closes."""
    async with connected(slack, tmp_path) as held:
        await slack.opened(1)
        await slack.send(1, {"type": "disconnect", "reason": "refresh_requested"})
        await slack.opened(2)
        assert held.connections.condition().healthy
    assert slack.log[:5] == ["ticket 1", "open 1", "ticket 2", "open 2", "close 1"]


async def test_old_one_goes_on_while_no_new_one_can_be_had(slack: ScriptedSockets, tmp_path: Path) -> None:
    """A warned connection receives and acknowledges for as long as it lasts."""
    async with connected(slack, tmp_path) as held:
        await slack.opened(1)
        slack.refused = set(range(2, 1000))
        await slack.send(1, {"type": "disconnect", "reason": "warning"})
        await eventually(lambda: "ticket 3" in slack.log)
        envelope = await slack.envelope(1, MESSAGE)
        await eventually(lambda: f"ack 1 {envelope}" in slack.log)
        assert held.connections.condition().healthy
        slack.refused = set()
        await eventually(lambda: "close 1" in slack.log)
        await eventually(lambda: len(slack.open) == 1)


async def test_envelope_in_hand_is_acknowledged_before_its_socket_closes(
    slack: ScriptedSockets, tmp_path: Path
) -> None:
    """A refresh in mid-work does not lose the acknowledgement."""
    async with connected(slack, tmp_path) as held:
        await slack.opened(1)
        held.listener.gate.clear()
        envelope = await slack.envelope(1, MESSAGE)
        await eventually(lambda: held.listener.received)
        await slack.send(1, {"type": "disconnect", "reason": "refresh_requested"})
        await slack.opened(1, 2)
        held.listener.gate.set()
        await eventually(lambda: "close 1" in slack.log)
    assert slack.log.index(f"ack 1 {envelope}") < slack.log.index("close 1")


async def test_envelope_in_hand_is_acknowledged_at_a_stop(slack: ScriptedSockets, tmp_path: Path) -> None:
    """A stop finishes what is in hand: the acknowledgement goes out before the socket closes (promise 10)."""
    async with connected(slack, tmp_path) as held:
        await slack.opened(1)
        held.listener.gate.clear()
        envelope = await slack.envelope(1, MESSAGE)
        await eventually(lambda: held.listener.received)
        asyncio.get_running_loop().call_later(0.05, held.listener.gate.set)
    assert slack.acks() == [envelope]


async def test_silent_socket_is_replaced(
    slack: ScriptedSockets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket whose pings are not answered is dead, however open it looks."""
    monkeypatch.setattr(module, "_PING_EVERY", 0.1)
    monkeypatch.setattr(module, "_SILENT_AFTER", 0.3)
    monkeypatch.setattr(module, "_LOOK_EVERY", 0.02)
    slack.deaf = {1}
    async with connected(slack, tmp_path):
        await eventually(lambda: "open 2" in slack.log)
        await eventually(lambda: "close 1" in slack.log)


async def test_socket_without_hello_is_not_connected(
    slack: ScriptedSockets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open socket on which Slack says nothing does not count, and is given up."""
    monkeypatch.setattr(module, "_OPENED_WITHIN", 0.2)
    slack.mute = {1}
    async with connected(slack, tmp_path) as held:
        await slack.opened(1)
        assert not held.connections.condition().healthy
        await slack.opened(2)
        await eventually(lambda: held.connections.condition().healthy)


@pytest.mark.parametrize("code", ["invalid_auth", "not_allowed_token_type", "internal_error"])
async def test_refused_app_token_is_told_and_tried_again(
    slack: ScriptedSockets, tmp_path: Path, code: str
) -> None:
    """While no connection can be had, health says why; once it can, no restart is needed."""
    slack.answer("apps.connections.open", *[code] * 1000)
    with capture_logs() as logged:
        async with connected(slack, tmp_path) as held:
            await eventually(lambda: code in held.connections.condition().status)
            assert not held.connections.condition().healthy
            slack._next.clear()
            await eventually(lambda: held.connections.condition().healthy)
    assert any(line["log_level"] in ("error", "warning") and code in line["cause"] for line in logged)


async def test_lost_connection_is_not_healthy(slack: ScriptedSockets, tmp_path: Path) -> None:
    """Health does not claim a connection that is gone while no new one can be had."""
    async with connected(slack, tmp_path) as held:
        await slack.opened(1)
        await eventually(lambda: held.connections.condition().healthy)
        slack.answer("apps.connections.open", *["internal_error"] * 100_000)
        slack.drop(1)
        await eventually(lambda: not held.connections.condition().healthy)


async def test_socket_mode_turned_off_is_an_error(slack: ScriptedSockets, tmp_path: Path) -> None:
    """`link_disabled` is told as what it is, with what to do."""
    with capture_logs() as logged:
        async with connected(slack, tmp_path):
            await slack.opened(1)
            await slack.send(1, {"type": "disconnect", "reason": "link_disabled"})
            await eventually(lambda: any(line["log_level"] == "error" for line in logged))
    (line,) = [line for line in logged if line["log_level"] == "error"]
    assert "Socket Mode" in line["event"]


async def test_app_token_opens_connections_and_nothing_else(slack: ScriptedSockets, tmp_path: Path) -> None:
    """The ticket is asked for with the app token."""
    seen: list[str] = []
    ticket = slack._ticket

    async def note(request: Any) -> Any:
        seen.append(request.headers["Authorization"])
        return await ticket(request)

    slack._ticket = note  # type: ignore[method-assign]
    async with ScriptedSockets.serve(slack), connected(slack, tmp_path):
        await eventually(lambda: seen)
    assert set(seen) == {"Bearer xapp-1-test"}


@pytest.mark.parametrize(("before", "kind"), [("\n", "events_api"), ("  ", "events_api"), ("", "disconnect")])
async def test_frame_that_is_no_event_holds_nothing(
    slack: ScriptedSockets, tmp_path: Path, before: str, kind: str
) -> None:
    """What the SDK does not take for an event is not waited for: nobody would say that it is stored."""
    now = time.time()
    event = MESSAGE | {"ts": f"{now:.6f}"}
    frame = {"type": kind, "envelope_id": "E0", "payload": {"type": "event_callback", "event": event}}
    async with connected(slack, tmp_path) as held:
        await slack.opened(1)
        slack.refused = set(range(2, 1000))
        await slack.open[1].send_str(before + json.dumps(frame))
        later = await slack.envelope(1, MESSAGE | {"channel": "C2", "ts": f"{now + 60:.6f}"})
        await eventually(lambda: later in slack.acks())
        assert not any(source.holds_before("C1", now + 30) for source in held.arrivals._sources)
