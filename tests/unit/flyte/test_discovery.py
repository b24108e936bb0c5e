"""From FLYTE_API over its links to a registered pack, on the wire (promise 9; contract, sections 1 and 2)."""

import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import respx
from flyte_answers import HOST, LINKS, PACK, called, links, registered, serve

from flyte_slack.errors import FlyteProtocolError, LinkNotFound
from flyte_slack.flyte import FixedToken, FlyteClient


@pytest.fixture
def flyte() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False, using="httpx") as router:
        yield router


@pytest.fixture
async def client() -> AsyncIterator[FlyteClient]:
    async with FlyteClient(HOST, token=FixedToken("jwt-1")) as client:
        yield client


@pytest.mark.parametrize(
    ("base", "own"),
    [
        (HOST, HOST),
        (f"{HOST}/", HOST),
        (f"{HOST}/v1", HOST),
        (f"{HOST}/v1/", HOST),
        (f"{HOST}/flyte", f"{HOST}/flyte"),
        (f"{HOST}/flyte/", f"{HOST}/flyte"),
        (f"{HOST}/flyte/v1", f"{HOST}/flyte"),
        (f"{HOST}/a/b/v1/", f"{HOST}/a/b"),
    ],
)
@pytest.mark.parametrize("server", [None, "http://10.0.0.7:8080"])
async def test_base_in_every_form(flyte: respx.MockRouter, base: str, own: str, server: str | None) -> None:
    """FLYTE_API with and without slash, prefix and /v1 leads to the same calls, whatever the links say."""
    serve(flyte, own, server)
    async with FlyteClient(base) as client:
        pack = await client.register(PACK)
        await client.post_event(pack, {"event": "MessageSent", "payload": {}})
        assert await client.take(pack) is None
    assert called(flyte) == [
        f"GET {own}/",
        f"GET {own}/v1",
        f"POST {own}/v1/packs",
        f"POST {own}/v1/packs/Slack/events",
        f"POST {own}/v1/packs/Slack/actions/take",
    ]


async def test_paths_are_the_servers(flyte: respx.MockRouter, client: FlyteClient) -> None:
    """No endpoint is hard-coded: where the links say something else, that is called."""
    flyte.get(f"{HOST}/").respond(json=links(HOST, "/", info__v1="/versions/one"))
    flyte.get(f"{HOST}/versions/one").respond(json=links(HOST, pack__listPacks="/p?x=1"))
    flyte.post(f"{HOST}/p?x=1").respond(201, json={"id": "S", **links(HOST, takeAction="/t", event="/e")})
    flyte.post(f"{HOST}/t").respond(json={"command": "c", "input": 1, **links(HOST, actionResult="/r/1")})
    flyte.post(f"{HOST}/e").respond(202)
    flyte.post(f"{HOST}/r/1").respond(202)
    pack = await client.register(PACK)
    await client.post_event(pack, {})
    action = await client.take(pack)
    assert action is not None
    await client.complete(action.result, {})
    assert [call.request.url.path for call in flyte.calls] == ["/", "/versions/one", "/p", "/e", "/t", "/r/1"]


@pytest.mark.parametrize(
    "root",
    [
        httpx.Response(404),
        httpx.Response(200, text="<html>welcome</html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"links": []}),
        httpx.Response(200, json={"hello": "world"}),
        httpx.Response(403),
        httpx.Response(301, headers={"Location": "https://login.example.com"}),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/flyte"])
async def test_fall_back_is_v1(flyte: respx.MockRouter, root: httpx.Response, prefix: str) -> None:
    """Where a proxy lets only /v1 through, /v1 is the index, and its self link tells the base."""
    serve(flyte, HOST + prefix, "http://10.0.0.7:8080")
    for path in (prefix or "/", f"{prefix}/"):
        flyte.get(HOST + path).mock(root)
    async with FlyteClient(HOST + prefix) as client:
        pack = await client.register(PACK)
        await client.post_event(pack, {})
    assert called(flyte)[-1] == f"POST {HOST}{prefix}/v1/packs/Slack/events"


async def test_prefix_that_is_known_without_a_slash_only(flyte: respx.MockRouter) -> None:
    """A proxy that knows the prefix without its slash only is understood."""
    flyte.get(f"{HOST}/flyte/").respond(404)
    flyte.get(f"{HOST}/flyte").respond(json=links(f"{HOST}/flyte", "/", pack__listPacks="/v1/packs"))
    async with FlyteClient(f"{HOST}/flyte") as client:
        assert [link.href for link in await client.index()][-1] == f"{HOST}/flyte/v1/packs"


async def test_nothing_of_flyte_is_told(flyte: respx.MockRouter, client: FlyteClient) -> None:
    """A FLYTE_API that is something else is told from its root's answer."""
    flyte.route().respond(200, text="<html>")
    with pytest.raises(FlyteProtocolError, match="not JSON"):
        await client.register(PACK)


async def test_missing_link_is_named(flyte: respx.MockRouter, client: FlyteClient) -> None:
    """An answer without the link says which one."""
    serve(flyte, HOST)
    flyte.post(f"{HOST}/v1/packs").respond(201, json={"id": "Slack", **links(HOST, event="/e")})
    with pytest.raises(LinkNotFound, match="takeAction"):
        await client.register(PACK)


async def test_body_of_the_registration(flyte: respx.MockRouter, client: FlyteClient) -> None:
    """What is registered is JSON with name, commands, events and help links, labels where there are some."""
    serve(flyte, HOST)
    await client.register(PACK)
    await client.register(PACK.model_copy(update={"labels": {"env": "prod"}}))
    first, second = (call.request for call in flyte.calls if call.request.method == "POST")
    help_ = [{"href": "https://example.com", "rel": "help"}]
    assert first.headers["Content-Type"] == "application/json"
    assert json.loads(first.content) == {
        "name": "Slack",
        "links": help_,
        "commands": [{"name": "sendMessage", "events": ["MessageSent"], "links": help_}],
        "events": [{"name": "MessageSent", "links": help_}],
    }
    assert json.loads(second.content)["labels"] == {"env": "prod"}


async def test_registration_gives_the_links(flyte: respx.MockRouter, client: FlyteClient) -> None:
    """The answer, JSON under `text/plain`, gives the pack's id and links; its own links do not confuse."""
    serve(flyte, HOST)
    assert await client.register(PACK) == LINKS


async def test_spaces_in_the_pack_name(flyte: respx.MockRouter, client: FlyteClient) -> None:
    """Links are not URL-encoded by the server; they are when they are called."""
    serve(flyte, HOST)
    flyte.post(f"{HOST}/v1/packs").mock(registered(HOST, "My Pack"))
    flyte.post(url__regex=r".*/My%20Pack/events").respond(202)
    flyte.post(url__regex=r".*/My%20Pack/actions/take").respond(204)
    pack = await client.register(PACK)
    assert pack.pack_id == "My Pack"
    await client.post_event(pack, {})
    await client.take(pack)
    assert [call.request.url.raw_path for call in list(flyte.calls)[-2:]] == [
        b"/v1/packs/My%20Pack/events",
        b"/v1/packs/My%20Pack/actions/take",
    ]
