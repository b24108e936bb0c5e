"""The Flyte client's calls, asserted on what goes over the wire (promises 4, 8, 9)."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import respx
from flyte_answers import HOST, LINKS, NO_DOCUMENTS, NO_URLS, PACK, links, serve

from flyte_slack.errors import (
    FlyteError,
    FlyteNotFound,
    FlyteProtocolError,
    FlyteRefused,
    FlyteRejected,
    FlyteUnauthorized,
    FlyteUnavailable,
)
from flyte_slack.flyte import FixedToken, FlyteClient


@pytest.fixture
def flyte() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False, using="httpx") as router:
        yield router


@pytest.fixture
async def client() -> AsyncIterator[FlyteClient]:
    async with FlyteClient(HOST, token=FixedToken("jwt-1")) as client:
        yield client


async def test_token_goes_to_flyte_api_only(flyte: respx.MockRouter, client: FlyteClient) -> None:
    """Links that name other hosts get neither a call nor the token."""
    serve(flyte, HOST, "http://evil.example.com")
    flyte.post(f"{HOST}/v1/packs").respond(
        201, json={"id": "S", **links("http://worse.example.com", takeAction="/t", event="/e")}
    )
    flyte.post(f"{HOST}/t").respond(204)
    pack = await client.register(PACK)
    await client.take(pack)
    assert {str(call.request.url.host) for call in flyte.calls} == {"flyte.example.com"}
    assert {call.request.headers["Authorization"] for call in flyte.calls} == {"Bearer jwt-1"}


async def test_no_token_is_no_header(flyte: respx.MockRouter) -> None:
    """An open API is asked without a token."""
    serve(flyte, HOST)
    async with FlyteClient(HOST) as client:
        await client.register(PACK)
    assert not any("Authorization" in call.request.headers for call in flyte.calls)


async def test_token_is_asked_for_at_each_call(flyte: respx.MockRouter) -> None:
    """A rotated token is used from the next call on."""
    flyte.post(f"{HOST}/v1/packs/Slack/events").respond(202)
    tokens = iter(["one", "two"])

    class Rotating:
        def current(self) -> str | None:
            return next(tokens)

    async with FlyteClient(HOST, token=Rotating()) as client:
        await client.post_event(LINKS, {})
        await client.post_event(LINKS, {})
    assert [call.request.headers["Authorization"] for call in flyte.calls] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(flyte: respx.MockRouter, client: FlyteClient, status: int) -> None:
    """A redirect, to a login page for instance, is an error that names where it leads."""
    flyte.post(f"{HOST}/v1/packs/Slack/events").respond(
        status, headers={"Location": "https://login.example.com"}
    )
    with pytest.raises(FlyteProtocolError, match=r"login\.example\.com"):
        await client.post_event(LINKS, {})
    assert len(flyte.calls) == 1


async def test_event_body(flyte: respx.MockRouter, client: FlyteClient) -> None:
    """An event goes out as JSON, as it is."""
    flyte.post(f"{HOST}/v1/packs/Slack/events").respond(202)
    event = {"event": "MessageSent", "payload": {"message": "ü😀 <b>"}, "createdAt": "2017-08-22T21:05:56Z"}
    await client.post_event(LINKS, event)
    request = flyte.calls.last.request
    assert json.loads(request.content) == event
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("status", "kind", "retryable", "slow"),
    [
        (400, FlyteRejected, False, False),
        (401, FlyteUnauthorized, True, True),
        (403, FlyteUnauthorized, True, True),
        (404, FlyteNotFound, False, False),
        (405, FlyteUnauthorized, True, True),
        (408, FlyteUnavailable, True, False),
        (407, FlyteUnauthorized, True, True),
        (409, FlyteRefused, True, True),
        (413, FlyteRefused, True, True),
        (422, FlyteRefused, True, True),
        (425, FlyteUnavailable, True, False),
        (451, FlyteRefused, True, True),
        (429, FlyteUnavailable, True, False),
        (500, FlyteUnavailable, True, False),
        (502, FlyteUnavailable, True, False),
        (503, FlyteUnavailable, True, False),
        (504, FlyteUnavailable, True, False),
    ],
)
async def test_error_by_status(
    flyte: respx.MockRouter,
    client: FlyteClient,
    status: int,
    kind: type[FlyteError],
    retryable: bool,
    slow: bool,
) -> None:
    """Each status has its error, which carries method, URL and status, and says whether to try again."""
    flyte.post(f"{HOST}/v1/packs/Slack/events").respond(status)
    with pytest.raises(FlyteError) as caught:
        await client.post_event(LINKS, {})
    error = caught.value
    assert type(error) is kind
    assert (error.method, error.url, error.status) == ("POST", f"{HOST}/v1/packs/Slack/events", status)
    assert (error.retryable, error.slow, error.reply_lost) == (retryable, slow, status in {502, 504})
    assert str(status) in str(error)


@pytest.mark.parametrize("status", [200, 201, 203, 204, 206, 304])
async def test_only_202_is_accepted(flyte: respx.MockRouter, client: FlyteClient, status: int) -> None:
    """A proxy's login page answers 200, and has delivered nothing: an event or result counts with 202."""
    flyte.route().respond(status, html="<html>Please log in</html>")
    for post in (client.post_event(LINKS, {}), client.complete("v1/r", {})):
        with pytest.raises(FlyteProtocolError) as caught:
            await post
        assert (caught.value.status, caught.value.reply_lost, caught.value.slow) == (status, False, True)


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_only_201_is_registered(flyte: respx.MockRouter, client: FlyteClient, status: int) -> None:
    """A registration counts with 201."""
    serve(flyte, HOST)
    flyte.post(f"{HOST}/v1/packs").respond(status, json={"id": "Slack"})
    with pytest.raises(FlyteProtocolError):
        await client.register(PACK)


@pytest.mark.parametrize(("answer", "lets_in"), [(400, True), (403, False), (401, False), (202, False)])
async def test_whether_events_are_let_in(
    flyte: respx.MockRouter, client: FlyteClient, answer: int, lets_in: bool
) -> None:
    """What is no JSON tells, without any event, whether the token may post one."""
    flyte.post(f"{HOST}/v1/packs/Slack/events").respond(answer)
    with contextlib.nullcontext() if lets_in else pytest.raises(FlyteError):
        await client.try_events(LINKS)
    assert flyte.calls.last.request.content == b"{"


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("", None)]
)
async def test_retry_after(
    flyte: respx.MockRouter, client: FlyteClient, header: str, seconds: float | None
) -> None:
    """`Retry-After` in seconds is carried by the error."""
    flyte.post(f"{HOST}/v1/packs/Slack/events").respond(503, headers={"Retry-After": header})
    with pytest.raises(FlyteUnavailable) as caught:
        await client.post_event(LINKS, {})
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("failure", "lost"),
    [
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("no answer"), False),
        (httpx.PoolTimeout("no connection free"), False),
        (httpx.ReadTimeout("slow"), True),
        (httpx.ReadError("reset"), True),
        (httpx.WriteError("broken pipe"), True),
        (httpx.WriteTimeout("slow"), True),
        (httpx.RemoteProtocolError("closed without a reply"), True),
    ],
)
async def test_lost_reply_is_told_from_no_connection(
    flyte: respx.MockRouter, client: FlyteClient, failure: httpx.TransportError, lost: bool
) -> None:
    """Where the request may have been processed the error says so."""
    flyte.post(f"{HOST}/v1/packs/Slack/events").mock(side_effect=failure)
    with pytest.raises(FlyteUnavailable) as caught:
        await client.post_event(LINKS, {})
    assert (caught.value.reply_lost, caught.value.status) == (lost, None)
    assert len(flyte.calls) == 1, "nothing is repeated behind the caller's back"


async def test_login_in_the_url_is_not_told(flyte: respx.MockRouter) -> None:
    """An error's text holds no password."""
    flyte.route().respond(503)
    async with FlyteClient("https://user:hunter2@flyte.example.com") as client:
        with pytest.raises(FlyteUnavailable) as caught:
            await client.post_event(LINKS, {})
    assert "hunter2" not in str(caught.value) + caught.value.url


@pytest.mark.parametrize("href", NO_URLS)
async def test_link_of_the_index_that_is_no_url(
    flyte: respx.MockRouter, client: FlyteClient, href: str
) -> None:
    """A link that is no URL ends in an error of Flyte's, and never in another."""
    index = {"links": [{"href": href, "rel": "pack/listPacks"}]}
    flyte.get(f"{HOST}/").respond(json=index)
    with pytest.raises(FlyteError):
        await client.register(PACK)


@pytest.mark.parametrize("href", NO_URLS)
async def test_link_of_the_root_that_is_no_url(
    flyte: respx.MockRouter, client: FlyteClient, href: str
) -> None:
    """A link to the API's version that is no URL ends in an error of Flyte's, and never in another."""
    flyte.get(f"{HOST}/").respond(json={"links": [{"href": href, "rel": "x/info/v1"}]})
    flyte.get(f"{HOST}/v1").respond(404)
    with pytest.raises(FlyteError):
        await client.index()


async def test_self_that_is_no_url_teaches_nothing(flyte: respx.MockRouter, client: FlyteClient) -> None:
    """A `self` that is no URL is passed over: the other links are followed as they are."""
    serve(flyte, HOST)
    root = links(HOST, info__v1="/v1")
    root["links"].insert(0, {"href": "http://[bad", "rel": "self"})
    flyte.get(f"{HOST}/").respond(json=root)
    assert await client.register(PACK) == LINKS


@pytest.mark.parametrize("body", NO_DOCUMENTS)
async def test_answer_that_json_gives_up_on(
    flyte: respx.MockRouter, client: FlyteClient, body: bytes
) -> None:
    """JSON that is nested too deep to be read, or a number too long, ends in an error of Flyte's."""
    flyte.route().respond(200, content=body)
    with pytest.raises(FlyteProtocolError):
        await client.index()
