"""Socket Mode, as the official client and bare WebSockets see it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from sandbox_parts import Peer, socket_url
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient
from support import eventually

from flyte_slack.sandbox.server import Sandbox
from flyte_slack.sandbox.socket_mode import SocketMode
from flyte_slack.sandbox.workspace import Workspace

pytest_plugins = ["sandbox_fixtures"]


@asynccontextmanager
async def sandbox_with(**options: Any) -> AsyncIterator[Sandbox]:
    """Run a sandbox whose Socket Mode has these options."""
    workspace = Workspace()
    socket_mode = SocketMode(workspace, **options)
    async with Sandbox(port=0, workspace=workspace, socket_mode=socket_mode) as sandbox:
        yield sandbox


def say(sandbox: Sandbox, text: str, channel: str = "general") -> str:
    """Write as alice."""
    return str(sandbox.workspace.say(sandbox.workspace.channel(channel), "alice", text)["ts"])


async def test_the_official_client_receives_and_acknowledges(sandbox: Sandbox) -> None:
    """slack_sdk's client gets the Events API body of a message and its ack is taken."""
    seen: list[dict[str, Any]] = []

    async def listener(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        seen.append(request.payload)
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))

    web = AsyncWebClient(base_url=f"{sandbox.url}/slack/api/")
    peer = SocketModeClient(app_token=sandbox.app_token, web_client=web)
    peer.socket_mode_request_listeners.append(listener)
    try:
        await peer.connect()  # type: ignore[no-untyped-call]
        ts = say(sandbox, "hi")
        await eventually(lambda: sandbox.socket_mode.acknowledged)
    finally:
        await peer.close()  # type: ignore[no-untyped-call]
    [body] = seen
    assert (body["type"], body["team_id"], body["api_app_id"]) == ("event_callback", "T0SANDBOX", "A0SANDBOX")
    assert (body["event"]["type"], body["event"]["ts"], body["event"]["text"]) == ("message", ts, "hi")
    assert body["authorizations"][0]["user_id"] == "U0FLYTE"
    assert body["event_id"] in sandbox.socket_mode.acknowledged
    assert sandbox.socket_mode.unacknowledged == []


async def test_hello_counts_the_connections(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """Each connection is greeted with how many there are."""
    for expected in (1, 2):
        socket = await session.ws_connect(await socket_url(sandbox))
        hello = await socket.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", expected)
        assert hello["connection_info"]["app_id"] == "A0SANDBOX"


async def test_a_ticket_works_once(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """A used ticket and a made-up one are refused with 4xx."""
    url = await socket_url(sandbox)
    async with session.ws_connect(url):
        for refused in (url, url.replace("ticket=", "ticket=x")):
            with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
                await session.ws_connect(refused)
            assert 400 <= raised.value.status < 500


async def test_each_event_goes_to_one_connection_in_turn(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    """Two connections share the events between them."""
    peers = [await Peer.open(sandbox, session) for _ in range(2)]
    for text in ("a", "b", "c", "d"):
        say(sandbox, text)
    texts = []
    for peer in peers * 2:
        envelope = await peer.frame()
        texts.append(envelope["payload"]["event"]["text"])
        await peer.ack(envelope)
    assert sorted(texts) == ["a", "b", "c", "d"]
    await eventually(lambda: len(sandbox.socket_mode.acknowledged) == 4)


async def test_pings_are_answered(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """A ping comes back as a pong with the same payload."""
    socket = await session.ws_connect(await socket_url(sandbox), autoping=False)
    await socket.receive_json()
    await socket.ping(b"abc")
    pong = await socket.receive()
    assert (pong.type, bytes(pong.data)) == (aiohttp.WSMsgType.PONG, b"abc")


async def test_unacknowledged_events_come_again(session: aiohttp.ClientSession) -> None:
    """The same event_id is sent in new envelopes with a rising retry_attempt, until it is acknowledged."""
    async with sandbox_with(redelivery=(0.05, 0.05, 0.05)) as sandbox:
        peer = await Peer.open(sandbox, session)
        say(sandbox, "hi")
        envelopes = [await peer.frame() for _ in range(3)]
        await peer.ack(envelopes[0])
        await eventually(lambda: not sandbox.socket_mode.unacknowledged)
    assert [envelope["retry_attempt"] for envelope in envelopes] == [0, 1, 2]
    assert [envelope["retry_reason"] for envelope in envelopes] == ["", "timeout", "timeout"]
    assert len({envelope["envelope_id"] for envelope in envelopes}) == 3
    assert len({envelope["payload"]["event_id"] for envelope in envelopes}) == 1


async def test_slack_gives_up_after_the_last_redelivery(session: aiohttp.ClientSession) -> None:
    """An event that nobody ever acknowledges is forgotten."""
    async with sandbox_with(redelivery=(0.02, 0.02)) as sandbox:
        peer = await Peer.open(sandbox, session)
        say(sandbox, "hi")
        assert [(await peer.frame())["retry_attempt"] for _ in range(3)] == [0, 1, 2]
        await eventually(lambda: not sandbox.socket_mode.unacknowledged)
    assert sandbox.socket_mode.acknowledged == []


async def test_a_closed_connections_events_go_to_another(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    """What a connection took but did not acknowledge is sent again over an open one."""
    first = await Peer.open(sandbox, session)
    say(sandbox, "hi")
    taken = await first.frame()
    second = await Peer.open(sandbox, session)
    await first.socket.close()
    again = await second.frame()
    assert again["payload"]["event_id"] == taken["payload"]["event_id"]
    assert again["retry_attempt"] == 1
    await second.ack(again)
    await eventually(lambda: not sandbox.socket_mode.unacknowledged)


async def test_events_wait_for_a_connection(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """What happens while nobody is connected is delivered, in order, to the next connection."""
    for text in ("a", "b"):
        say(sandbox, text)
    peer = await Peer.open(sandbox, session)
    assert [(await peer.frame())["payload"]["event"]["text"] for _ in range(2)] == ["a", "b"]


async def test_a_dropped_connection_loses_nothing(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """After drop() the transport is gone without a close frame, and what was not acknowledged comes again."""
    peer = await Peer.open(sandbox, session)
    say(sandbox, "hi")
    await peer.frame()
    sandbox.socket_mode.drop()
    gone = await peer.socket.receive(timeout=5)
    assert gone.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert peer.socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE
    again = await (await Peer.open(sandbox, session)).frame()
    assert (again["payload"]["event"]["text"], again["retry_attempt"]) == ("hi", 1)


async def test_without_keeping_events_are_lost_while_disconnected(session: aiohttp.ClientSession) -> None:
    """Like Slack at its worst: what happens without a connection is told to nobody."""
    async with sandbox_with(keep_events_while_disconnected=False) as sandbox:
        say(sandbox, "lost")
        peer = await Peer.open(sandbox, session)
        say(sandbox, "seen")
        assert (await peer.frame())["payload"]["event"]["text"] == "seen"


async def test_disconnect_frames_name_their_reason(session: aiohttp.ClientSession) -> None:
    """A warning leaves the connection open; the other reasons close it after a moment."""
    async with sandbox_with(farewell=0.01) as sandbox:
        peer = await Peer.open(sandbox, session)
        await sandbox.socket_mode.disconnect("warning")
        assert (await peer.frame())["reason"] == "warning"
        say(sandbox, "still here")
        await peer.ack(await peer.frame())
        await sandbox.socket_mode.disconnect("refresh_requested")
        frame = await peer.frame()
        assert (frame["type"], frame["reason"]) == ("disconnect", "refresh_requested")
        assert (await peer.socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
        assert sandbox.socket_mode.connections == 0


async def test_an_eleventh_connection_is_turned_away(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    """Ten connections are the most an app can have."""
    peers = [await Peer.open(sandbox, session) for _ in range(10)]
    socket = await session.ws_connect(await socket_url(sandbox))
    assert (await socket.receive_json())["reason"] == "too_many_websockets"
    assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
    assert sandbox.socket_mode.connections == len(peers)


async def test_the_bots_own_posts_are_events_too(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """A posted message reaches the app with its bot_id."""
    peer = await Peer.open(sandbox, session)
    web = AsyncWebClient(token=sandbox.bot_token, base_url=f"{sandbox.url}/slack/api/", retry_handlers=[])
    await web.chat_postMessage(channel="general", text="mine")
    event = (await peer.frame())["payload"]["event"]
    assert (event["text"], event["bot_id"], event["user"]) == ("mine", "B0FLYTE", "U0FLYTE")


async def test_channels_without_the_bot_stay_private(session: aiohttp.ClientSession) -> None:
    """The app hears only of channels that the bot is a member of, and of what it subscribed to."""
    async with sandbox_with(subscriptions=["message"]) as sandbox:
        peer = await Peer.open(sandbox, session)
        say(sandbox, "not for you", "announcements")
        general = sandbox.workspace.channel("general")
        ts = say(sandbox, "for you")
        message = sandbox.workspace.find(general, ts)
        assert message is not None
        sandbox.workspace.react(general, message, "eyes", "U0BOBBY")
        say(sandbox, "last")
        assert [(await peer.frame())["payload"]["event"]["text"] for _ in range(2)] == ["for you", "last"]


async def test_any_event_can_be_delivered(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    """Tests can send events that the workspace knows nothing of; odd frames from the app are ignored."""
    peer = await Peer.open(sandbox, session)
    await peer.socket.send_str("not json")
    await peer.socket.send_str("[]")
    event_id = sandbox.socket_mode.deliver({"type": "tokens_revoked"})
    envelope = await peer.frame()
    assert envelope["payload"]["event"] == {"type": "tokens_revoked"}
    await peer.ack(envelope)
    await eventually(lambda: sandbox.socket_mode.acknowledged == [event_id])
