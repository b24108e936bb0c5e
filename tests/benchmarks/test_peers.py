"""The process that plays Flyte and Slack does what it is told, over real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import httpx
import pytest
from bench import Bench
from peers import USUAL
from processes import Peers, TimedOut
from record import ACKED, EVENT, EVENT_DONE, POST_DONE, POSTED, RESULT, SENT


@pytest.fixture(scope="module")
def running() -> Iterator[Peers]:
    with Peers() as peers:
        yield peers


@pytest.fixture
def peers(running: Peers) -> Peers:
    running.ask("reset", **USUAL)
    return running


def take(peers: Peers, pack: str = "Slack") -> httpx.Response:
    return httpx.post(f"{peers.flyte}/v1/packs/{pack}/actions/take")


def send_event(peers: Peers, number: int, pack: str = "Slack") -> None:
    event = {"event": "MessageSent", "payload": {"channelId": "C1", "message": f"number {number}"}}
    assert httpx.post(f"{peers.flyte}/v1/packs/{pack}/events", json=event).status_code == 202


def post(peers: Peers, channel: str, number: int) -> httpx.Response:
    return httpx.post(f"{peers.slack}chat.postMessage", json={"channel": channel, "text": f"number {number}"})


# Flyte


def test_links_lead_from_the_address_to_the_actions(peers: Peers) -> None:
    """A pack finds its way by links alone; only the registration of the pack that is measured is noted."""

    def link(answer: httpx.Response, rel: str) -> str:
        return next(str(each["href"]) for each in answer.json()["links"] if each["rel"].endswith(rel))

    entry = httpx.get(peers.flyte)
    packs = link(httpx.get(link(entry, "info/v1")), "pack/listPacks")
    for name in ("Bare", "Slack"):
        begun_at = time.time()
        pack = httpx.post(packs, json={"name": name})
        assert pack.status_code == 201
        assert httpx.post(link(pack, "action/takeAction")).status_code == 204
    assert link(pack, "/event") == f"{peers.flyte}/v1/packs/Slack/events"
    registered = peers.ask("status")["registered"]
    assert len(registered) == 1
    assert begun_at <= registered[0] <= time.time()
    assert httpx.get(f"{peers.flyte}/elsewhere").status_code == 404


def test_flyte_hands_out_an_action_once(peers: Peers) -> None:
    """Actions come in the order in which they were made, then nothing; only the pack's polls are counted."""
    for pack in ("Bare", "Slack"):
        peers.ask("act", number=2, channels=2, pack=pack)
        inputs = [take(peers, pack).json()["input"]["channelId"] for _ in range(2)]
        assert inputs == ["C000000", "C000001"]
        assert take(peers, pack).status_code == 204
    assert peers.ask("status")["polls"] == 3


def test_an_event_makes_an_action(peers: Peers) -> None:
    """The pack's event is noted, and the action that answers it is there after its time."""
    peers.ask("set", action_after=0)
    send_event(peers, 7)
    action = take(peers).json()
    assert action["input"]["message"] == "number 7"
    assert httpx.post(action["links"][0]["href"], json={"event": "MessageSent"}).status_code == 202
    seen = peers.ask("record")
    assert seen["events"] == {"C1": [7]}
    assert seen["counts"][RESULT] == 1
    assert seen["twice"] == 0
    times = seen["times"]["7"]
    assert times[EVENT] < times[EVENT_DONE] < times[RESULT]


@pytest.mark.parametrize("settings", [{"action_after": 60}, {"answers": 0}])
def test_an_action_does_not_come_before_its_time(peers: Peers, settings: dict[str, float]) -> None:
    """Nor where no event is answered."""
    peers.ask("set", **settings)
    send_event(peers, 7)
    assert take(peers).status_code == 204


def test_an_event_that_arrives_again_is_counted_and_not_answered(peers: Peers) -> None:
    """One action comes of it; another pack's events are none of this."""
    peers.ask("set", action_after=0)
    send_event(peers, 7)
    send_event(peers, 7)
    send_event(peers, 8, "Bare")
    assert [take(peers).status_code for _ in range(2)] == [200, 204]
    seen = peers.ask("record")
    assert seen["twice"] == 1
    assert seen["events"] == {"C1": [7]}


def test_flyte_takes_no_more_events_than_it_is_told_to(peers: Peers) -> None:
    """The second event of two has to wait."""
    peers.ask("set", events_per_second=20)
    send_event(peers, 1)
    send_event(peers, 2)
    times = peers.ask("record")["times"]
    assert times["2"][EVENT_DONE] - times["1"][EVENT] >= 0.049


def test_flyte_answers_takes_and_results_late_when_told_to(peers: Peers) -> None:
    """Both wait for as long."""
    peers.ask("act", number=1, channels=1)
    peers.ask("set", flyte_answers_after=0.05)
    for path in ("take", "1f/result"):
        begun_at = time.monotonic()
        assert httpx.post(f"{peers.flyte}/v1/packs/Slack/actions/{path}").status_code in (200, 202)
        assert time.monotonic() - begun_at >= 0.049
    assert peers.ask("record")["times"][str(0x1F)][RESULT]


def test_flyte_comes_back_at_its_address(peers: Peers) -> None:
    """Away means that nobody listens."""
    peers.ask("down")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{peers.flyte}/v1")
    peers.ask("up")
    assert httpx.get(f"{peers.flyte}/v1").status_code == 200


# Slack


def test_slack_takes_a_burst_and_no_more(peers: Peers) -> None:
    """Posts beyond the burst are answered 429 with Retry-After; another channel is not concerned."""
    peers.ask("set", limit=1, burst=3, per_second=0.001)
    answers = [post(peers, channel, number) for number, channel in enumerate(["C1", "C1", "C1", "C1", "C2"])]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 200]
    assert answers[3].headers["Retry-After"] == "1"
    seen = peers.ask("record")
    assert seen["posts"] == {"C1": [0, 1, 2], "C2": [4]}
    assert seen["limited"] == 1
    assert all(times[POSTED] <= times[POST_DONE] for times in seen["times"].values())


def test_a_message_that_is_posted_again_is_counted(peers: Peers) -> None:
    """It is a message of its own to Slack, and not to the benchmark."""
    stamps = {post(peers, "C1", 7).json()["ts"] for _ in range(2)}
    assert len(stamps) == 2
    seen = peers.ask("record")
    assert seen["twice"] == 1
    assert seen["posts"] == {"C1": [7]}
    assert seen["calls"] == {"chat.postMessage": 2}


def test_slack_knows_everybody_and_every_channel(peers: Peers) -> None:
    """With arguments in a form as well as in JSON; only the pack itself is a bot."""
    user = httpx.post(f"{peers.slack}users.info", data={"user": "U7"}).json()["user"]
    assert (user["id"], user["is_bot"]) == ("U7", False)
    me = httpx.post(f"{peers.slack}auth.test").json()["user_id"]
    assert httpx.post(f"{peers.slack}users.info", json={"user": me}).json()["user"]["is_bot"]
    channel = httpx.get(f"{peers.slack}conversations.info", params={"channel": "C7"}).json()["channel"]
    assert channel["id"] == "C7"


class Sockets:
    """Socket Mode connections as the pack opens them."""

    def __init__(self, peers: Peers, session: aiohttp.ClientSession) -> None:
        self._peers = peers
        self._session = session

    async def open(self) -> aiohttp.ClientWebSocketResponse:
        url = httpx.post(f"{self._peers.slack}apps.connections.open").json()["url"]
        socket = await self._session.ws_connect(url)
        assert (await socket.receive_json(timeout=5))["type"] == "hello"
        return socket


@pytest.fixture
async def sockets(peers: Peers) -> AsyncIterator[Sockets]:
    async with aiohttp.ClientSession() as session:
        yield Sockets(peers, session)
    await asyncio.to_thread(peers.wait, lambda seen: not seen["sockets"], "closed", 5)


Frame = dict[str, Any]


async def received(socket: aiohttp.ClientWebSocketResponse, number: int) -> list[Frame]:
    return [await socket.receive_json(timeout=5) for _ in range(number)]


async def acknowledge(socket: aiohttp.ClientWebSocketResponse, *frames: Frame) -> None:
    for frame in frames:
        await socket.send_str(json.dumps({"envelope_id": frame["envelope_id"]}))


async def nothing_comes(socket: aiohttp.ClientWebSocketResponse) -> None:
    with pytest.raises(TimeoutError):
        await socket.receive(timeout=0.1)


async def test_people_write_over_all_sockets_in_turn(peers: Peers, sockets: Sockets) -> None:
    """As many channels and users as asked for, each in turn; an acknowledgement is noted once."""
    opened = [await sockets.open() for _ in range(2)]
    assert len(peers.ask("status")["hellos"]) == 2
    first = peers.ask("say", number=4, channels=2, users=3, prefix="X")["first"]
    frames = [await received(socket, 2) for socket in opened]
    events = sorted((frame["payload"]["event"] for each in frames for frame in each), key=lambda e: e["ts"])
    assert [event["channel"] for event in events] == ["X000000", "X000001"] * 2
    assert [event["user"] for event in events] == ["UX000000", "UX000001", "UX000002", "UX000000"]
    assert [int(event["text"].split()[-1]) for event in events] == [first + place for place in range(4)]
    for socket, those in zip(opened, frames, strict=True):
        await acknowledge(socket, *those)
    await acknowledge(opened[0], frames[0][0])
    seen = peers.wait(lambda seen: seen["twice"] == 1, "all acknowledged", 5, 0.01)
    assert (seen["counts"][SENT], seen["counts"][ACKED]) == (4, 4)


async def test_no_more_is_written_than_may_wait_for_an_acknowledgement(
    peers: Peers, sockets: Sockets
) -> None:
    """Another message comes for each that is acknowledged."""
    socket = await sockets.open()
    peers.ask("say", number=3, channels=1, at_once=2)
    frames = await received(socket, 2)
    await nothing_comes(socket)
    await acknowledge(socket, frames[0])
    await received(socket, 1)


async def test_a_reset_ends_what_was_going_on(peers: Peers, sockets: Sockets) -> None:
    """Nothing more is written, no action waits any more; how the peers behave stays."""
    socket = await sockets.open()
    peers.ask("act", number=1, channels=1)
    peers.ask("say", number=2, channels=1, at_once=1)
    frames = await received(socket, 1)
    peers.ask("reset", limit=1, burst=1, per_second=0.001)
    await acknowledge(socket, *frames)
    await nothing_comes(socket)
    assert take(peers).status_code == 204
    assert [post(peers, "C1", number).status_code for number in (1, 2)] == [200, 429]
    peers.ask("reset")
    assert [post(peers, "C1", number).status_code for number in (1, 2)] == [200, 429]


# The runner


def test_no_two_messages_have_the_same_number(peers: Peers) -> None:
    """Whether people write them or Flyte does."""
    first = peers.ask("act", number=2, channels=1)["first"]
    assert peers.ask("say", number=3, channels=1)["first"] == first + 2
    assert peers.ask("act", number=1, channels=1)["first"] == first + 5


def test_waiting_ends(peers: Peers) -> None:
    """Either what is waited for has happened, or it is said what was seen."""
    assert peers.wait(lambda seen: not seen["polls"], "nothing", 1)["polls"] == 0
    with pytest.raises(TimedOut, match="a poll; seen"):
        peers.wait(lambda seen: bool(seen["polls"]), "a poll", 0.01, 0.01)


def test_what_the_pack_is_compared_with_is_not_taken_for_it(peers: Peers) -> None:
    """The bare loop empties its own backlog; neither it nor the bare POSTs are noted."""
    bench = Bench(peers, quick=True, minutes=1, database=None, say=print)
    assert bench.bare_post(3) > 0
    assert bench.bare_loop(3) > 0
    assert [take(peers, pack).status_code for pack in ("Bare", "Slack")] == [204, 204]
    seen = peers.ask("record")
    assert (seen["polls"], seen["times"]) == (1, {})
