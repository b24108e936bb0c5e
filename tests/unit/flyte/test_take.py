"""Taking and completing actions, on the wire (promises 4, 8)."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx
from flyte_answers import NO_DOCUMENTS

from flyte_slack.errors import (
    FlyteError,
    FlyteNotFound,
    FlyteProtocolError,
    FlyteUnauthorized,
    FlyteUnavailable,
)
from flyte_slack.flyte import Action, FlyteClient, PackLinks, calls
from flyte_slack.flyte.patience import within

HOST = "https://flyte.example.com"
LINKS = PackLinks("Slack", events="v1/packs/Slack/events", take="v1/packs/Slack/actions/take")
TAKE = f"{HOST}/v1/packs/Slack/actions/take"
RESULT = "/v1/packs/Slack/actions/6b03fbb7686c8244b1d5d100/result"


@pytest.fixture
def flyte() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False, using="httpx") as router:
        yield router


def action(base: str = HOST, input_: Any = None) -> dict[str, Any]:
    link = {"href": base + RESULT, "rel": f"{base}/swagger#/actionResult"}
    return {"command": "sendMessage", "input": input_, "links": [link]}


async def take(timeout: float = 10) -> Action | None:
    async with FlyteClient(HOST, timeout=timeout) as client:
        return await client.take(LINKS)


@pytest.mark.parametrize("input_", [{"channelId": "C1"}, None, "text", 3.5, True, ["a"], {}])
async def test_action_with_any_input(flyte: respx.MockRouter, input_: object) -> None:
    """An action's input is any JSON value, and its result link a reference without a host."""
    flyte.post(TAKE).respond(json=action(input_=input_))
    assert await take() == Action("sendMessage", input_, RESULT.lstrip("/"))
    request = flyte.calls.last.request
    assert request.content == b""
    assert request.url.query == b"", "no per-command filter"


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(204), httpx.Response(200), httpx.Response(200, text="null\n"), httpx.Response(500)],
)
async def test_no_action(flyte: respx.MockRouter, answer: httpx.Response) -> None:
    """Nothing waits; an empty 500 is a race lost to another taker and counts as that."""
    flyte.post(TAKE).mock(answer)
    assert await take() is None


async def test_500_with_a_body_is_no_lost_race(flyte: respx.MockRouter) -> None:
    """Only an empty 500 is a lost race: a proxy's error page is a server that is down."""
    flyte.post(TAKE).respond(500, text="<html>Internal Server Error</html>")
    with pytest.raises(FlyteUnavailable):
        await take()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, FlyteNotFound),
        (401, FlyteUnauthorized),
        (403, FlyteUnauthorized),
        (405, FlyteUnauthorized),
        (502, FlyteUnavailable),
        (503, FlyteUnavailable),
        (429, FlyteUnavailable),
        (302, FlyteProtocolError),
    ],
)
async def test_refusals(flyte: respx.MockRouter, status: int, kind: type[FlyteError]) -> None:
    """A 404 is not "no action", and an outage is not either."""
    flyte.post(TAKE).respond(status)
    with pytest.raises(kind) as caught:
        await take()
    assert caught.value.status == status


@pytest.mark.parametrize("body", ["<html>", "[]", '{"input": {}}', '{"command": "c", "links": []}'])
async def test_answer_that_is_no_action(flyte: respx.MockRouter, body: str) -> None:
    """An answer that is no action of Flyte's is an error, not an action and not none."""
    flyte.post(TAKE).respond(200, text=body)
    with pytest.raises(FlyteProtocolError):
        await take()


@pytest.mark.parametrize("body", NO_DOCUMENTS)
async def test_action_that_json_gives_up_on(flyte: respx.MockRouter, body: bytes) -> None:
    """An answer nested too deep to be read is an error of Flyte's, and no other."""
    flyte.post(TAKE).respond(200, content=body)
    with pytest.raises(FlyteProtocolError):
        await take()


@pytest.mark.parametrize(
    "href",
    [
        "http://[bad",
        "http://127.0.0.1\u2100/x",
        "/v1/a\0b/result",
        "/v1/\ud800/result",
        "/v1/a\nb/result",
        "/" + "x" * 1_000_000,
        "",
        "/",
    ],
    ids=["bad host", "odd host", "NUL", "surrogate", "line break", "1 MB", "empty", "root"],
)
async def test_action_whose_result_link_is_no_url(flyte: respx.MockRouter, href: str) -> None:
    """An action whose result can go nowhere, or whose link no database holds, is an error of Flyte's."""
    action = {"command": "c", "input": {}, "links": [{"href": href, "rel": "actionResult"}]}
    flyte.post(TAKE).respond(content=json.dumps(action))
    with pytest.raises(FlyteProtocolError, match="actionResult"):
        await take()


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each call may last."""
    seen: list[float] = []

    def noted(seconds: float) -> contextlib.AbstractAsyncContextManager[None]:
        seen.append(seconds)
        return within(seconds)

    monkeypatch.setattr(calls, "within", noted)
    return seen


@pytest.mark.parametrize(("timeout", "least"), [(10, 75), (0.5, 75), (120, 120)])
async def test_take_waits_longer_than_a_hanging_server(
    flyte: respx.MockRouter, limits: list[float], timeout: float, least: float
) -> None:
    """A take may last 75 s at least, once connected: one that is given up can lose its action."""
    flyte.post(TAKE).respond(204)
    await take(timeout)
    timeouts = flyte.calls.last.request.extensions["timeout"]
    assert limits[0] - timeouts["connect"] >= least
    assert 0 < timeouts["connect"] <= timeout
    assert timeouts["read"] is timeouts["write"] is None, "what has arrived is read before a time-out counts"


async def test_other_calls_wait_as_set(flyte: respx.MockRouter, limits: list[float]) -> None:
    """FLYTE_API_TIMEOUT is the time of every other call, connecting included."""
    flyte.get().respond(200, json={"links": []})
    flyte.post().respond(202)
    async with FlyteClient(HOST, timeout=3) as client:
        await client.post_event(LINKS, {})
        await client.complete("v1/r", {})
        await client.index()
    assert set(limits) == {3}


@pytest.mark.parametrize(
    ("failure", "lost"), [(httpx.ReadTimeout("75 s"), True), (httpx.ConnectError("no"), False)]
)
async def test_lost_take(flyte: respx.MockRouter, failure: Exception, lost: bool) -> None:
    """A take that was not answered may have cost an action; one that never got there has not."""
    flyte.post(TAKE).mock(side_effect=failure)
    with pytest.raises(FlyteUnavailable) as caught:
        await take()
    assert caught.value.reply_lost is lost


async def test_result_goes_to_the_actions_link(flyte: respx.MockRouter) -> None:
    """The result is posted where the action said."""
    flyte.post(TAKE).respond(json=action())
    flyte.post(HOST + RESULT).respond(202)
    async with FlyteClient(HOST) as client:
        taken = await client.take(LINKS)
        assert taken is not None
        await client.complete(taken.result, {"event": "MessageSent", "payload": {}})
    assert flyte.calls.last.request.content == b'{"event": "MessageSent", "payload": {}}'


async def test_result_reference_outlives_a_restart_with_another_base(flyte: respx.MockRouter) -> None:
    """An action that was taken before FLYTE_API changed is completed through the new one."""
    inner = "http://10.0.0.7:8080"
    root = {
        "links": [
            {"href": f"{inner}/", "rel": "self"},
            {"href": f"{inner}/v1/packs", "rel": "x/pack/listPacks"},
        ]
    }
    flyte.get("https://old.example.com/flyte/").respond(json=root)
    flyte.post("https://old.example.com/flyte/v1/packs/Slack/actions/take").respond(json=action(inner))
    flyte.post(f"http://new:9000{RESULT}").respond(202)
    async with FlyteClient("https://old.example.com/flyte") as before:
        await before.index()
        taken = await before.take(LINKS)
    assert taken is not None
    async with FlyteClient("http://new:9000/v1") as after:  # nothing learned yet
        await after.complete(taken.result, {})
    assert str(flyte.calls.last.request.url) == f"http://new:9000{RESULT}"


async def test_500_on_a_result_is_told(flyte: respx.MockRouter) -> None:
    """A result that Flyte answers 500 is not taken for delivered by the client."""
    flyte.post(HOST + RESULT).respond(500)
    async with FlyteClient(HOST) as client:
        with pytest.raises(FlyteUnavailable) as caught:
            await client.complete(RESULT, {})
    assert caught.value.status == 500
