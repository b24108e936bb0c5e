"""The sandbox's Flyte API against exchanges recorded from the real server (tests/data/flyte-api.jsonl)."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession, ServerDisconnectedError, web
from aiohttp.test_utils import TestClient, TestServer

from flyte_slack.sandbox.flows import parse_flow
from flyte_slack.sandbox.flyte_api import FlyteApi

RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "flyte-api.jsonl").read_text("utf-8").splitlines()
]

NOT_REPLAYED = {
    "225-concurrent-take": "the race is the database's; here one taker always comes first",
    "A20-pack-post-claims-missing": "the sandbox's token has no claims",
}

WITH_TOKEN = {"A04-pack-post-no-token", "A07-pack-post-garbage", "A13-pack-post-expired"}

ECHO_LATE = {
    "name": "late",
    "steps": [
        {
            "event": {"name": "Late", "packName": "Slack"},
            "command": {"name": "anything", "packName": "LatePack", "input": {"x": "y"}},
        }
    ],
}


def _message(text: str, channel: str = "C1") -> dict[str, Any]:
    return {"event": "MessageSent", "payload": {"message": text, "channelId": channel}}


FORM = "multipart/form-data; boundary=----flyteboundary"
PUT_ANEW = """------flyteboundary\r
Content-Disposition: form-data; name="value"; filename="f"\r
Content-Type: application/json\r
\r
{"a": {"b": "c2"}, "n": 1}\r
------flyteboundary--\r
"""

UNRECORDED: dict[str, list[tuple[str, str, Any]]] = {
    "079-packs-list-2": [
        ("DELETE", "/v1/packs/RelTest", None),
        ("POST", "/v1/packs", {"name": "Dollar", "labels": {"$x": "y"}}),
        ("POST", "/v1/packs", {"name": "a/b"}),
    ],
    "162-take-commandName-other": [("POST", "/v1/packs/Slack/events", _message("echo cn"))],
    "174-take-unlabelled-by-labelled": [("POST", "/v1/packs/Slack/events", _message("echo any"))],
    "230-take-fifo-0": [
        ("POST", "/v1/packs/Slack/events", _message(f"echo fifo{number}", "C")) for number in range(3)
    ],
    "381-ds-get": [("PUT", "/v1/datastore/k", PUT_ANEW)],
    "402-late-take": [
        ("POST", "/v1/flows", ECHO_LATE),
        ("POST", "/v1/packs/Slack/events", {"event": "Late"}),
        ("POST", "/v1/packs", {"name": "LatePack"}),
    ],
    "406-noid-take-1": [
        ("POST", "/v1/packs", {"name": "T"}),
        ("POST", "/v1/packs/T/events", {"event": "NoId"}),
    ],
}
"""What happened on the server between two recorded exchanges, as far as the second one shows it."""

ID = re.compile(r"\b[0-9a-f]{24}\b")
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z")


async def _call(client: Any, method: str, path: str, body: Any = None, **headers: str) -> Any:
    data = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
    return await client.request(
        method, path, data=data, headers=headers, skip_auto_headers=["Content-Type"], allow_redirects=False
    )


def _plain(document: Any, ids: dict[str, str]) -> Any:
    """Write a document's times as one word and its ids as the recording has them."""
    text = json.dumps(document, sort_keys=True)
    return json.loads(TIME.sub("TIME", ID.sub(lambda match: ids.get(match[0], match[0]), text)))


def _ids(document: Any) -> list[str]:
    return ID.findall(json.dumps(document, sort_keys=True))


async def _replay(client: Any, exchange: dict[str, Any], ids: dict[str, str]) -> str | None:
    """Repeat one exchange; return what differs. `ids` are the recorded ids by the sandbox's."""
    request, expected = exchange["request"], exchange["response"]
    here = {recorded: ours for ours, recorded in ids.items()}
    method, path = ID.sub(lambda match: here.get(match[0], match[0]), request["line"]).split(" ", 1)
    try:
        response = await _call(client, method, path, request.get("body"), **request["headers"])
    except ServerDisconnectedError:
        return None if expected["status"] is None else "hung up"
    raw = await response.read()
    if response.status != expected["status"]:
        return f"status {response.status}, recorded {expected['status']}"

    headers = {name.lower(): value for name, value in expected["headers"].items()}
    for name in ("content-type", "location", "www-authenticate"):
        if response.headers.get(name) != headers.get(name):
            return f"{name} {response.headers.get(name)!r}, recorded {headers.get(name)!r}"
    if "body" not in expected:
        return f"a body: {raw!r}" if raw else None

    is_yaml = response.content_type == "application/x-yaml"
    document, recorded = (
        [yaml.safe_load(text) for text in (raw, expected["body"])]
        if is_yaml
        else [raw.decode() if isinstance(expected["body"], str) else json.loads(raw), expected["body"]]
    )
    ids |= dict(zip(_ids(document), _ids(recorded), strict=False))
    if _plain(document, ids) != _plain(recorded, {}):
        return f"body {_plain(document, ids)}, recorded {_plain(recorded, {})}"
    if not is_yaml and not TIME.search(raw.decode()) and len(raw) != int(headers["content-length"]):
        return f"{len(raw)} bytes, recorded {headers['content-length']}: {raw!r}"
    if not is_yaml and isinstance(document, dict):
        for ours, theirs in zip(_links(document), _links(recorded), strict=True):
            if _plain(ours, ids) != _plain(theirs, {}):
                return f"order of links: {ours}, recorded {theirs}"
    return None


def _links(document: Any) -> list[Any]:
    """Every list of links, in order; lists are compared as such, so that the order counts."""
    if isinstance(document, list):
        return [links for member in document for links in _links(member)]
    if isinstance(document, dict):
        deeper = [links for name in sorted(document) for links in _links(document[name])]
        return [document["links"], *deeper] if "links" in document else deeper
    return []


@pytest.fixture
def api() -> FlyteApi:
    return FlyteApi()


@pytest.fixture
async def client(api: FlyteApi) -> AsyncIterator[Any]:
    async with TestClient(TestServer(api.app())) as client:
        yield client


async def test_recorded_exchanges(client: Any) -> None:
    """Asked what the real server was asked, in the same order, the sandbox answers the same."""
    ids: dict[str, str] = {}
    differences = {}
    for exchange in RECORDED:
        name = exchange.get("id", exchange.get("name"))
        if name in NOT_REPLAYED or name in WITH_TOKEN:
            continue
        for method, path, body in UNRECORDED.get(name, []):
            headers = {"Content-Type": FORM} if body == PUT_ANEW else {}
            assert (await _call(client, method, path, body, **headers)).status < 300, name
        if difference := await _replay(client, exchange, ids):
            differences[name] = difference
    assert differences == {}


async def test_recorded_refusals_of_tokens() -> None:
    """Without the token, or with another, every request under /v1 is refused as on the real server."""
    async with TestClient(TestServer(FlyteApi(token="s3cret").app())) as client:
        exchanges = [each for each in RECORDED if each.get("id") in WITH_TOKEN]
        assert len(exchanges) == len(WITH_TOKEN)
        assert [await _replay(client, each, {}) for each in exchanges] == [None] * len(exchanges)
        for path in ("/v1", "/v1/packs", "/v1/nothing"):
            assert (await _call(client, "GET", path)).status == 401
        assert (await _call(client, "GET", "/v1/packs", Authorization="Bearer s3cret")).status == 200
        assert (await _call(client, "GET", "/")).status == 200
        assert (await _call(client, "GET", "/health")).status == 200


def test_every_recorded_exchange_is_accounted_for() -> None:
    """What is not replayed is named, with the reason."""
    names = {each.get("id", each.get("name")) for each in RECORDED}
    assert names >= NOT_REPLAYED.keys() | WITH_TOKEN | UNRECORDED.keys()
    assert len(names) == len(RECORDED) == 129


async def test_mounted_under_a_prefix(api: FlyteApi) -> None:
    """Mounted in another application, every link carries the prefix and can be followed."""
    parent = web.Application()
    parent.add_subapp("/flyte", api.app())
    async with TestClient(TestServer(parent)) as client:
        base = str(client.make_url("/flyte"))
        for path in ("/flyte", "/flyte/"):
            root = await (await _call(client, "GET", path)).json()
            assert root["links"][0] == {"href": f"{base}/", "rel": "self"}
            assert root["links"][2] == {"href": f"{base}/v1", "rel": f"{base}/swagger#!/info/v1"}
        registered = await _call(client, "POST", "/flyte/v1/packs", {"name": "Slack"})
        assert registered.headers["Location"] == f"{base}/v1/packs/Slack"
        hrefs = {link["rel"]: link["href"] for link in json.loads(await registered.text())["links"]}
        api.create_action("Slack", "sendMessage", {"message": "hello"})
        async with ClientSession() as session:
            taken = await session.post(hrefs[f"{base}/swagger#!/action/takeAction"])
            result = (await taken.json())["links"][0]["href"]
            assert result.startswith(f"{base}/v1/packs/Slack/actions/")
            assert (await session.post(result, json={"event": "MessageSent"})).status == 202
        not_found = await _call(client, "GET", "/flyte/nothing")
        assert (not_found.status, await not_found.text()) == (404, "Not Found")


async def test_a_token_guards_a_mounted_api_too() -> None:
    """A prefix opens no way around the token."""
    parent = web.Application()
    parent.add_subapp("/flyte", FlyteApi(token="s3cret").app())
    async with TestClient(TestServer(parent)) as client:
        assert (await _call(client, "GET", "/flyte/v1/packs")).status == 401
        assert (await _call(client, "GET", "/flyte")).status == 200


async def test_large_events(api: FlyteApi) -> None:
    """A mounted API takes events beyond its parent's limit; over 16 MiB they make no action."""
    flow = {
        "name": "any",
        "steps": [
            {"event": {"name": "E", "packName": "P"}, "command": {"name": "c", "packName": "P", "input": 1}}
        ],
    }
    api.add_flow(parse_flow(json.dumps(flow), "json"))
    parent = web.Application()
    parent.add_subapp("/flyte", api.app())
    async with TestClient(TestServer(parent)) as client:
        await _call(client, "POST", "/flyte/v1/packs", {"name": "P"})
        for megabytes, actions in ((2, 1), (17, 1), (33, 1)):
            event = {"event": "E", "payload": "x" * megabytes * 1024 * 1024}
            assert (await _call(client, "POST", "/flyte/v1/packs/P/events", event)).status == 202
            assert len(api.actions) == actions
        action_id = (await (await _call(client, "POST", "/flyte/v1/packs/P/actions/take")).json())["links"][0]
        path = action_id["href"].removeprefix(str(client.make_url("")).rstrip("/"))
        result = {"event": "Done", "payload": "x" * 17 * 1024 * 1024}
        assert (await _call(client, "POST", path, result)).status == 500
        assert (await _call(client, "POST", path, {"event": "Done"})).status == 202


async def test_what_tests_can_look_at(api: FlyteApi, client: Any) -> None:
    """Accepted events are kept in order, results with their action, and actions with their states."""
    await _call(client, "POST", "/v1/packs", {"name": "Slack", "labels": {"b": "2", "a": "1"}})
    action_id = api.create_action("Slack", "sendMessage", {"message": "hi"}, labels={"a": "1"})
    event = {"event": "MessageSent", "payload": {"n": 1}, "createdAt": "2026-01-02T03:04:05.5+01:00"}
    pack = "/v1/packs/Slack.a.1.b.2"
    assert (await _call(client, "POST", f"{pack}/events", event)).status == 202
    assert (await _call(client, "POST", f"{pack}/actions/take")).status == 200
    assert api.actions[action_id].state == "PENDING"
    path = f"{pack}/actions/{action_id}/result"
    assert (await _call(client, "POST", path, {"event": "MessageSent", "payload": {}})).status == 202

    first, second = api.events
    assert (first.pack.id, first.name, first.payload, first.result_of) == (
        "Slack.a.1.b.2",
        "MessageSent",
        {"n": 1},
        None,
    )
    assert first.created_at == datetime(2026, 1, 2, 2, 4, 5, 500000, UTC)
    assert second.result_of == action_id
    assert api.actions[action_id].state == "SUCCESS"
    assert list(api.packs) == ["Slack.a.1.b.2"]


@pytest.mark.parametrize(
    "created_at", ["2026-01-02T03:04:05", "2026-01-02", "", "yesterday", 5, "2026-13-01T00:00:00Z"]
)
async def test_created_at_is_rfc_3339(api: FlyteApi, client: Any, created_at: Any) -> None:
    """A time without offset, or none at all, is refused and the event with it."""
    await _call(client, "POST", "/v1/packs", {"name": "P"})
    event = {"event": "E", "createdAt": created_at}
    assert (await _call(client, "POST", "/v1/packs/P/events", event)).status == 400
    assert api.events == []


@pytest.mark.parametrize(
    "body",
    [
        {"name": 1},
        {"commands": float("nan")},
        {"labels": {"a": 1}},
        {"commands": [{"events": "x"}]},
        {"links": [{"rel": "backup"}]},
        "",
        '"x"',
    ],
)
async def test_refused_registrations(api: FlyteApi, client: Any, body: Any) -> None:
    """A registration of wrong types, or with a link the server keeps for itself, is refused."""
    assert (await _call(client, "POST", "/v1/packs", body)).status == 400
    assert api.packs == {}


@pytest.mark.parametrize("body", ["name: [", "- a", "steps: []", "name: n\nsteps: 5", "null"])
async def test_refused_flows(api: FlyteApi, client: Any, body: str) -> None:
    """What is no flow is refused and leaves nothing behind."""
    answer = await _call(client, "POST", "/v1/flows", body, **{"Content-Type": "application/x-yaml"})
    assert answer.status == 400
    assert api.flows == {}


@pytest.mark.parametrize(("hours", "status"), [(0, "live"), (1, "warning"), (25, "critical")])
async def test_status(api: FlyteApi, client: Any, hours: int, status: str) -> None:
    """A pack's status tells how long ago it called."""
    await _call(client, "POST", "/v1/packs", {"name": "P"})
    api.packs["P"].last_seen = datetime.now(UTC) - timedelta(hours=hours)
    assert (await (await _call(client, "GET", "/v1/packs/P")).json())["status"] == status


async def test_what_only_python_calls_json(client: Any) -> None:
    """NaN, which Python writes into JSON and Go does not read, is refused in an event."""
    await _call(client, "POST", "/v1/packs", {"name": "P"})
    event = {"event": "E", "payload": float("nan")}
    assert (await _call(client, "POST", "/v1/packs/P/events", event)).status == 400


async def test_half_a_surrogate_pair(api: FlyteApi, client: Any) -> None:
    """Half a character in an action, which UTF-8 cannot hold, does not keep the action from being taken."""
    await _call(client, "POST", "/v1/packs", {"name": "P"})
    api.create_action("P", "c", "😀 \ud83d!")
    taken = await _call(client, "POST", "/v1/packs/P/actions/take")
    assert (await taken.json())["input"] == "😀 \ufffd!"


async def test_numbers_go_through_floats(api: FlyteApi, client: Any) -> None:
    """A number in a flow's input arrives as one, rounded as a Go float and without a needless fraction."""
    flow = """
        name: n
        steps:
        - event: {name: E, packName: P}
          command: {name: c, packName: P, input: [0001, 1.5, 9007199254740993, 12345678901234567890, true]}
    """
    await _call(client, "POST", "/v1/flows", flow, **{"Content-Type": "application/x-yaml"})
    await _call(client, "POST", "/v1/packs", {"name": "P"})
    await _call(client, "POST", "/v1/packs/P/events", {"event": "E"})
    taken = await _call(client, "POST", "/v1/packs/P/actions/take")
    assert '"input":[1,1.5,9007199254740992,12345678901234567000,true]' in await taken.text()
