"""The Flyte client against the sandbox's Flyte API over real HTTP, at the root and under a prefix."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from aiohttp import web
from support import serving

from flyte_slack.errors import FlyteNotFound, FlyteRejected, FlyteUnauthorized, FlyteUnavailable
from flyte_slack.flyte import FixedToken, FlyteClient, PackRegistration
from flyte_slack.flyte.models import CommandRegistration, EventRegistration, Link
from flyte_slack.sandbox.flyte_api import FlyteApi

HELP = [Link(href="https://example.com", rel="help")]
PACK = PackRegistration(
    name="Slack",
    links=HELP,
    commands=[CommandRegistration(name="sendMessage", events=["MessageSent"], links=HELP)],
    events=[EventRegistration(name="MessageSent", links=HELP)],
)
EVENT = {"event": "MessageSent", "payload": {"message": "hi"}, "createdAt": "2017-08-22T21:05:56.000247Z"}


@dataclass
class Served:
    """A sandbox Flyte API and where it is."""

    api: FlyteApi
    url: str

    def client(self, suffix: str = "", token: str | None = None) -> FlyteClient:
        return FlyteClient(self.url + suffix, token=FixedToken(token))

    async def delete_pack(self, pack_id: str = "Slack") -> None:
        """Do what Flyte's daily job does with packs it takes for dead."""
        del self.api.packs[pack_id]


def mounted(api: FlyteApi, prefix: str) -> web.Application:
    if not prefix:
        return api.app()
    outer = web.Application()
    outer.add_subapp(prefix, api.app())
    return outer


@pytest.fixture(params=["", "/flyte", "/a/b"])
async def flyte(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    api = FlyteApi()
    async with serving(mounted(api, request.param)) as url:
        yield Served(api, url + request.param)


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_every_form_of_the_base(flyte: Served, suffix: str) -> None:
    """FLYTE_API with and without slash and /v1 finds the API."""
    async with flyte.client(suffix) as client:
        links = await client.register(PACK)
        await client.post_event(links, EVENT)
    assert list(flyte.api.packs) == ["Slack"]
    assert [event.name for event in flyte.api.events] == ["MessageSent"]


async def test_life_of_an_action(flyte: Served) -> None:
    """An action is taken once, completed once, and a second result is answered 500."""
    async with flyte.client() as client:
        links = await client.register(PACK)
        assert await client.take(links) is None
        id_ = flyte.api.create_action("Slack", "sendMessage", {"channelId": "C1", "n": 1})
        action = await client.take(links)
        assert action is not None
        assert (action.command, action.input) == ("sendMessage", {"channelId": "C1", "n": 1})
        assert id_ in action.result
        assert await client.take(links) is None
        await client.complete(action.result, EVENT)
        assert flyte.api.actions[id_].state == "SUCCESS"
        with pytest.raises(FlyteUnavailable) as caught:
            await client.complete(action.result, EVENT)
    assert (caught.value.status, caught.value.reply_lost) == (500, False)


async def test_deleted_pack(flyte: Served) -> None:
    """A pack that Flyte removed is not found, in whatever it does, until it registers again."""
    async with flyte.client() as client:
        links = await client.register(PACK)
        flyte.api.create_action("Slack", "sendMessage", {"n": 1})
        action = await client.take(links)
        assert action is not None
        flyte.api.create_action("Slack", "sendMessage", {"n": 2})
        await flyte.delete_pack()
        for call in (
            client.take(links),
            client.post_event(links, EVENT),
            client.complete(action.result, EVENT),
        ):
            with pytest.raises(FlyteNotFound):
                await call
        assert await client.register(PACK) == links
        await client.complete(action.result, EVENT)
        await client.post_event(links, EVENT)
        later = await client.take(links)
        assert later is not None
        assert later.input == {"n": 2}


async def test_registering_again_replaces(flyte: Served) -> None:
    """Another registration of the same pack replaces the first."""
    async with flyte.client() as client:
        first = await client.register(PACK)
        assert await client.register(PACK.model_copy(update={"commands": []})) == first
    assert list(flyte.api.packs) == ["Slack"]
    assert flyte.api.packs["Slack"].definition.commands == []


async def test_labels_and_blanks(flyte: Served) -> None:
    """A pack whose id has blanks and labels is reached by its unencoded links."""
    pack = PACK.model_copy(update={"name": "My Slack", "labels": {"env": "prod", "area": "eu west"}})
    async with flyte.client() as client:
        links = await client.register(pack)
        await client.post_event(links, EVENT)
        assert await client.take(links) is None
    assert links.pack_id == "My Slack.area.eu west.env.prod"
    assert len(flyte.api.events) == 1


async def test_refused_event(flyte: Served) -> None:
    """What the API refuses as malformed is refused for good."""
    async with flyte.client() as client:
        links = await client.register(PACK)
        with pytest.raises(FlyteRejected) as caught:
            await client.post_event(links, EVENT | {"createdAt": "yesterday"})
    assert (caught.value.status, caught.value.retryable) == (400, False)


async def test_result_by_a_pack_that_may_not(flyte: Served) -> None:
    """A connection that is closed without a word is a lost reply."""
    async with flyte.client() as client:
        mine = await client.register(PACK.model_copy(update={"labels": {"env": "prod"}}))
        other = await client.register(PACK.model_copy(update={"name": "Other"}))
        flyte.api.create_action("Slack", "sendMessage", {}, {"env": "prod"})
        action = await client.take(mine)
        assert action is not None
        with pytest.raises(FlyteUnavailable) as caught:
            await client.complete(action.result.replace(mine.pack_id, other.pack_id), EVENT)
    assert caught.value.reply_lost


@pytest.mark.parametrize("prefix", ["", "/flyte"])
async def test_token(prefix: str) -> None:
    """With the token everything is open; without it, or with another, it is not."""
    async with serving(mounted(FlyteApi(token="right"), prefix)) as url:
        served = Served(FlyteApi(), url + prefix)
        for token in (None, "wrong"):
            async with served.client(token=token) as client:
                with pytest.raises(FlyteUnauthorized):
                    await client.register(PACK)
        async with served.client(token="right") as client:
            links = await client.register(PACK)
            await client.post_event(links, EVENT)
            assert await client.take(links) is None


async def test_api_that_is_not_there() -> None:
    """An API that does not listen is unavailable, and nothing was processed."""
    async with serving(FlyteApi().app()) as url:
        pass
    async with FlyteClient(url) as client:
        with pytest.raises(FlyteUnavailable) as caught:
            await client.register(PACK)
    assert (caught.value.status, caught.value.reply_lost) == (None, False)
