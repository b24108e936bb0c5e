"""The Flyte client against exchanges recorded from the real server (tests/data/flyte-api.jsonl)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from flyte_slack.errors import FlyteError, FlyteNotFound, FlyteRejected, FlyteUnauthorized, FlyteUnavailable
from flyte_slack.flyte import FixedToken, FlyteClient, PackLinks, PackRegistration

SERVER = "http://127.0.0.1:8080"
RECORDED: dict[str, dict[str, Any]] = {
    exchange["id"]: exchange
    for exchange in map(
        json.loads, (Path(__file__).parents[1] / "data" / "flyte-api.jsonl").read_text("utf-8").splitlines()
    )
    if "id" in exchange
}


class Replay:
    """Answers each request with what was recorded for its line; the last one played counts."""

    def __init__(self, router: respx.MockRouter) -> None:
        self.router = router

    def play(self, *ids: str, base: str = SERVER) -> None:
        """Answer at a base as recorded."""
        for id_ in ids:
            exchange = RECORDED[id_]
            method, path = exchange["request"]["line"].split(" ", 1)
            response = self._response(exchange["response"])
            self.router.route(method=method, url=base + path).mock(side_effect=response)

    def sent(self, id_: str) -> httpx.Request:
        """Return the last request, after comparing it with the recorded one."""
        request: httpx.Request = self.router.calls.last.request
        recorded = RECORDED[id_]["request"]
        assert f"{request.method} {request.url.raw_path.decode()}" == recorded["line"]
        return request

    @staticmethod
    def _response(recorded: dict[str, Any]) -> Any:
        """Return what was answered, or the error of a connection that was closed instead."""
        if recorded["status"] is None:
            return httpx.RemoteProtocolError("Server disconnected without sending a response.")
        body = recorded.get("body")
        headers = {name: value for name, value in recorded["headers"].items() if name != "Content-Length"}
        content = (
            b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        )
        return httpx.Response(recorded["status"], headers=headers, content=content)


@pytest.fixture
def replay() -> Iterator[Replay]:
    with respx.mock(assert_all_called=False, using="httpx") as router:
        yield Replay(router)


def registration(id_: str = "016-pack-post") -> PackRegistration:
    """Return what was registered in an exchange."""
    return PackRegistration.model_validate(RECORDED[id_]["request"]["body"])


def pack_links(name: str = "Slack") -> PackLinks:
    return PackLinks(name, events=f"v1/packs/{name}/events", take=f"v1/packs/{name}/actions/take")


def body(id_: str) -> Any:
    return RECORDED[id_]["request"]["body"]


def result_reference(id_: str) -> str:
    return str(RECORDED[id_]["request"]["line"].split(" ", 1)[1]).lstrip("/")


async def test_registration(replay: Replay) -> None:
    """From the root over /v1 the pack is registered with the very body that the server accepted."""
    replay.play("001-root", "002-v1", "016-pack-post")
    async with FlyteClient(SERVER) as client:
        assert await client.register(registration()) == pack_links()
    assert json.loads(replay.sent("016-pack-post").content) == body("016-pack-post")
    assert [call.request.url.path for call in replay.router.calls] == ["/", "/v1", "/v1/packs"]


async def test_labels(replay: Replay) -> None:
    """A labelled pack has an id, and links, of its own."""
    replay.play("001-root", "002-v1", "018-pack-post-labels")
    async with FlyteClient(SERVER) as client:
        links = await client.register(registration("018-pack-post-labels"))
    assert links == pack_links("Slack.env.prod")
    assert json.loads(replay.sent("018-pack-post-labels").content) == body("018-pack-post-labels")


async def test_root_that_is_not_there(replay: Replay) -> None:
    """Where only /v1 answers it is the index."""
    replay.play("002-v1", "016-pack-post")
    replay.router.get(f"{SERVER}/").mock(side_effect=replay._response(RECORDED["005-not-found"]["response"]))
    async with FlyteClient(SERVER) as client:
        assert await client.register(registration()) == pack_links()


async def test_v1_has_no_trailing_slash(replay: Replay) -> None:
    """The server knows /v1 without a slash only; FLYTE_API with one is asked right."""
    replay.play("001-root", "002-v1", "004-v1-trailing-slash", "016-pack-post")
    async with FlyteClient(f"{SERVER}/v1/") as client:
        await client.register(registration())
    assert "/v1/" not in [call.request.url.path for call in replay.router.calls]


@pytest.mark.parametrize(
    "id_",
    ["029-pack-post-rel-gger___action_takeAction", "034-pack-post-rel-support", "023-pack-post-invalid-json"],
)
async def test_refused_registration(replay: Replay, id_: str) -> None:
    """What the server answers 400 is refused for good."""
    replay.play("001-root", "002-v1", id_)
    async with FlyteClient(SERVER) as client:
        with pytest.raises(FlyteRejected) as caught:
            await client.register(registration())
    assert not caught.value.retryable


@pytest.mark.parametrize("id_", ["083-event-post", "090-event-post-undeclared", "204-event-fwd"])
async def test_event(replay: Replay, id_: str) -> None:
    """An event is posted as the server accepted it."""
    replay.play(id_)
    async with FlyteClient(SERVER) as client:
        await client.post_event(pack_links(), body(id_))
    assert json.loads(replay.sent(id_).content) == body(id_)


@pytest.mark.parametrize(
    ("id_", "pack", "kind"),
    [
        ("085-event-post-invalid-json", "Slack", FlyteRejected),
        ("097-event-post-createdAt-bad", "Slack", FlyteRejected),
        ("088-event-post-unknown-pack", "Nope", FlyteNotFound),
        ("219-event-deleted-pack", "Slack", FlyteNotFound),
    ],
)
async def test_refused_event(replay: Replay, id_: str, pack: str, kind: type[FlyteError]) -> None:
    """400 is for good; 404 is a pack that Flyte does not know."""
    replay.play(id_)
    async with FlyteClient(SERVER) as client:
        with pytest.raises(FlyteError) as caught:
            await client.post_event(pack_links(pack), {})
    assert type(caught.value) is kind


@pytest.mark.parametrize("id_", ["123-take-no-action", "126-take-no-action-2", "410-lastseen-poll"])
async def test_take_of_nothing(replay: Replay, id_: str) -> None:
    """204 is no action."""
    replay.play(id_)
    pack = RECORDED[id_]["request"]["line"].split("/")[3]
    async with FlyteClient(SERVER) as client:
        assert await client.take(pack_links(pack)) is None


async def test_race_for_an_action(replay: Replay) -> None:
    """The loser of a race gets an empty 500: no action."""
    replay.router.post(f"{SERVER}/v1/packs/Slack/actions/take").respond(500, headers={"Content-Length": "0"})
    async with FlyteClient(SERVER) as client:
        assert await client.take(pack_links()) is None


async def test_take_and_complete(replay: Replay) -> None:
    """An action is taken, its escaped input read, and its result posted to its link."""
    replay.play("128-take-action", "133-complete")
    async with FlyteClient(SERVER) as client:
        action = await client.take(pack_links())
        assert action is not None
        assert (action.command, action.input) == (
            "sendMessage",
            {"channelId": "C1", "message": "hello & <b>"},
        )
        await client.complete(action.result, body("133-complete"))
    assert json.loads(replay.sent("133-complete").content) == body("133-complete")


@pytest.mark.parametrize("id_", ["124-take-unknown-pack", "218-take-deleted-pack"])
async def test_take_of_an_unknown_pack(replay: Replay, id_: str) -> None:
    """A 404 on take is not "no action"."""
    replay.play(id_)
    async with FlyteClient(SERVER) as client:
        with pytest.raises(FlyteNotFound):
            await client.take(pack_links(RECORDED[id_]["request"]["line"].split("/")[3]))


@pytest.mark.parametrize(
    ("id_", "kind", "lost"),
    [
        ("134-complete-twice", FlyteUnavailable, False),
        ("156-complete-not-taken", FlyteUnavailable, False),
        ("130-complete-unknown-action", FlyteNotFound, False),
        ("131-complete-unknown-pack", FlyteNotFound, False),
        ("220-complete-deleted-pack", FlyteNotFound, False),
        ("132-complete-invalid-json", FlyteRejected, False),
        ("152-complete-by-other-pack", FlyteUnavailable, True),
    ],
)
async def test_refused_result(replay: Replay, id_: str, kind: type[FlyteError], lost: bool) -> None:
    """What became of a result that was not taken is told as the server tells it."""
    replay.play(id_)
    async with FlyteClient(SERVER) as client:
        with pytest.raises(FlyteError) as caught:
            await client.complete(result_reference(id_), {})
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.reply_lost) == (RECORDED[id_]["response"]["status"], lost)


@pytest.mark.parametrize(
    "id_",
    [
        "A04-pack-post-no-token",
        "A07-pack-post-garbage",
        "A13-pack-post-expired",
        "A20-pack-post-claims-missing",
    ],
)
async def test_unauthorized(replay: Replay, id_: str) -> None:
    """Every kind of 401 is told as the token's, with its variables, and never with the token."""
    base = f"http://{RECORDED[id_]['request']['headers']['Host']}"
    replay.play("001-root", "002-v1", id_, base=base)
    has_token = "Authorization" in RECORDED[id_]["request"]["headers"]
    async with FlyteClient(base, token=FixedToken("secret-token" if has_token else None)) as client:
        with pytest.raises(FlyteUnauthorized, match="FLYTE_JWT") as caught:
            await client.register(registration())
    assert caught.value.status == 401
    assert ("Authorization" in replay.router.calls.last.request.headers) is has_token
    assert "secret-token" not in str(caught.value)


async def test_forwarded_host(replay: Replay) -> None:
    """Behind a proxy that tells the server another address, FLYTE_API's own is called, with one warning."""
    base = "http://proxy:8000/flyte"
    root = json.loads(
        json.dumps(RECORDED["001-root"]["response"]).replace(SERVER, "https://flyte.example.com")
    )
    replay.router.get(f"{base}/").mock(side_effect=replay._response(root))
    replay.play("201-fwd-v1", "203-fwd-pack-post", "205-fwd-take", "206-fwd-complete", base=base)
    replay.router.post(f"{base}/v1/packs/Fwd/events").respond(202)
    with capture_logs() as logged:
        async with FlyteClient(base) as client:
            links = await client.register(registration("203-fwd-pack-post"))
            assert links == pack_links("Fwd")
            action = await client.take(pack_links())
            assert action is not None
            await client.complete(action.result, {})
            await client.post_event(links, {})
    assert {
        f"{call.request.url.scheme}://{call.request.url.netloc.decode()}" for call in replay.router.calls
    } == {"http://proxy:8000"}
    assert [line["log_level"] for line in logged] == ["warning"]
    assert RECORDED["202-fwd-pack"]["response"]["body"]["links"][1]["href"].startswith(
        "https://flyte.example.com"
    )


@pytest.mark.parametrize("id_", ["207-fwd-host-only", "208-fwd-flyte-host"])
async def test_odd_forwarded_hosts(replay: Replay, id_: str) -> None:
    """A list of hosts, or another port, in the server's links leads to FLYTE_API all the same."""
    base = "https://flyte.corp/api"
    server = RECORDED[id_]["response"]["body"]["links"][0]["href"].rstrip("/")
    replay.play(id_, base=base)
    index = json.loads(json.dumps(RECORDED["002-v1"]["response"]).replace(SERVER, server))
    packs = json.loads(json.dumps(RECORDED["016-pack-post"]["response"]).replace(SERVER, server))
    replay.router.get(f"{base}/v1").mock(side_effect=replay._response(index))
    replay.router.post(f"{base}/v1/packs").mock(side_effect=replay._response(packs))
    async with FlyteClient(base) as client:
        assert await client.register(registration()) == pack_links()
