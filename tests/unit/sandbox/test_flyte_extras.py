"""What the embedded Flyte API has beside packs, flows and actions: datastore, audit, dead packs."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer

from flyte_slack.sandbox.dead_packs import DeadPacks
from flyte_slack.sandbox.flows import parse_flow
from flyte_slack.sandbox.flyte_api import FlyteApi

Client = TestClient[web.Request, web.Application]

STEP = """
name: %s
steps:
- id: one
  event: {packName: P, name: E}
  command: {packName: %s, name: %s, packLabels: {env: prod}, input: "{{ datastore('k').a }}"}
"""


@pytest.fixture
def flyte() -> FlyteApi:
    return FlyteApi(
        [parse_flow(STEP % ("a", "X", "run"), "yaml"), parse_flow(STEP % ("b", "Y", "stop"), "yaml")]
    )


@pytest.fixture
async def client(flyte: FlyteApi) -> AsyncIterator[Client]:
    async with TestClient(TestServer(flyte.app())) as running:
        yield running


def form(value: bytes, content_type: str, description: str = "") -> FormData:
    data = FormData()
    data.add_field("value", value, filename="f", content_type=content_type)
    data.add_field("description", description)
    return data


async def test_datastore(client: Client) -> None:
    """Items are put as forms, and got, listed and deleted."""
    assert (await client.get("/v1/datastore/k")).status == 404
    put = await client.put("/v1/datastore/k", data=form(b'{"a": "b"}', "application/json", "some key"))
    assert put.status == 201
    assert (await client.put("/v1/datastore/k", data=form(b"hi", "text/plain"))).status == 204
    got = await client.get("/v1/datastore/k")
    assert (got.status, got.content_type, await got.text()) == (200, "text/plain", "hi")
    listed = await (await client.get("/v1/datastore")).json()
    assert [item["key"] for item in listed["datastore"]] == ["k"]
    assert (await client.delete("/v1/datastore/k")).status == 204
    assert (await client.delete("/v1/datastore/k")).status == 404


@pytest.mark.parametrize("body", [b"{}", form(b"", "text/plain"), FormData({"description": "x"})])
async def test_what_cannot_be_put(client: Client, body: Any) -> None:
    """A plain body, an empty file and a form without one are refused."""
    assert (await client.put("/v1/datastore/k", data=body)).status == 400


async def play(client: Client, count: int = 1) -> None:
    """Send events that both flows wait for."""
    await client.post("/v1/packs", data='{"name": "P"}')
    await client.put("/v1/datastore/k", data=form(b'{"a": "b"}', "application/json"))
    for _ in range(count):
        assert (await client.post("/v1/packs/P/events", data='{"event": "E"}')).status == 202


async def audits(client: Client, query: str = "") -> list[str]:
    """The flows of the executions that the audit shows."""
    answer = await (await client.get(f"/v1/audit/flows{query}")).json()
    return [each["name"] for each in answer["flows"]]


async def test_audit_is_filtered_and_paged(flyte: FlyteApi, client: Client) -> None:
    """Executions are asked for by flow, step, action, pack and labels, newest first, page by page."""
    await play(client, 2)
    assert {action.input for action in flyte.actions.values()} == {"b"}
    assert sorted(await audits(client)) == ["a", "a", "b", "b"]
    for query in ("flowName=a", "actionName=run", "actionPackName=X", "stepId=one&actionPackName=X"):
        assert await audits(client, f"?{query}") == ["a", "a"]
    assert await audits(client, "?actionName=run&actionPackName=Y") == []
    assert len(await audits(client, "?actionPackLabels=env:prod")) == 4
    assert await audits(client, "?actionPackLabels=env:test") == []
    everything = await audits(client)
    assert await audits(client, "?start=1&limit=2") == everything[1:3]
    assert await audits(client, "?start=9") == []
    assert await audits(client, "?limit=x") == everything
    assert (await client.get("/v1/audit/flows?limit=0")).status == 500


async def test_audit_shows_what_an_action_is_doing(client: Client) -> None:
    """A taken action is PENDING, with its input, and SUCCESS after its result."""
    await play(client)
    await client.post("/v1/packs", data='{"name": "X", "labels": {"env": "prod"}}')
    taken = await (await client.post("/v1/packs/X.env.prod/actions/take?actionName=run")).json()
    assert (await client.post("/v1/packs/X.env.prod/actions/take?actionName=stop")).status == 204

    async def state() -> tuple[str, Any]:
        answer = await (await client.get("/v1/audit/flows?actionName=run")).json()
        action = answer["flows"][0]["actions"]["one"]
        return action["state"]["value"], action["input"]

    assert await state() == ("PENDING", "b")
    path = taken["links"][0]["href"].partition("/v1/")[2]
    assert (await client.post(f"/v1/{path}", data='{"event": "Done"}')).status == 202
    assert await state() == ("SUCCESS", "b")


def test_dead_packs_are_configured_as_on_the_server() -> None:
    """The three variables, their defaults, and what cannot be read."""
    assert DeadPacks.from_environment({}) == DeadPacks(False, time(23, 0), timedelta(weeks=1))
    given = {
        "FLYTE_SHOULD_DELETE_DEAD_PACKS": "true",
        "FLYTE_DELETE_DEAD_PACKS_AT_HH_COLON_MM": "04:30",
        "FLYTE_PACK_GRACE_PERIOD_UNTIL_MARKED_DEAD_IN_SECONDS": "60",
    }
    assert DeadPacks.from_environment(given) == DeadPacks(True, time(4, 30), timedelta(minutes=1))
    assert DeadPacks.from_environment(dict.fromkeys(given, "x")) == DeadPacks()


def test_when_dead_packs_are_removed() -> None:
    """Once a day, at that time."""
    dead = DeadPacks(True, time(4, 30))
    assert dead.wait(datetime(2026, 1, 1, 4, 0, tzinfo=UTC)) == timedelta(minutes=30)
    assert dead.wait(datetime(2026, 1, 1, 4, 30, tzinfo=UTC)) == timedelta(days=1)


async def test_silent_packs_are_removed(flyte: FlyteApi, client: Client) -> None:
    """What has not called for that long is no longer there; its status told of it before."""
    for name, silence in (("live", 0), ("warning", 700), ("critical", 90_000)):
        await client.post("/v1/packs", data=f'{{"name": "{name}"}}')
        flyte.packs[name].last_seen -= timedelta(seconds=silence)
    packs = (await (await client.get("/v1/packs")).json())["packs"]
    assert {pack["name"]: pack["status"] for pack in packs} == {n: n for n in ("live", "warning", "critical")}
    assert flyte.remove_silent_packs(timedelta(days=1)) == ["critical"]
    assert set(flyte.packs) == {"live", "warning"}
    assert (await client.post("/v1/packs/critical/actions/take")).status == 404


async def test_history_is_bounded() -> None:
    """Of events, actions and executions the newest are kept."""
    flyte = FlyteApi([parse_flow(STEP % ("a", "X", "run"), "yaml")], history=3)
    async with TestClient(TestServer(flyte.app())) as client:
        await play(client, 5)
        assert (len(flyte.events), len(flyte.actions), len(await audits(client))) == (3, 3, 3)
