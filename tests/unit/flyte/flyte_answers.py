"""Answers of a Flyte API, for respx."""

import json
from typing import Any

import httpx
import respx

from flyte_slack.flyte import PackLinks, PackRegistration
from flyte_slack.flyte.models import CommandRegistration, EventRegistration, Link

HOST = "https://flyte.example.com"
HELP = [Link(href="https://example.com", rel="help")]
PACK = PackRegistration(
    name="Slack",
    links=HELP,
    commands=[CommandRegistration(name="sendMessage", events=["MessageSent"], links=HELP)],
    events=[EventRegistration(name="MessageSent", links=HELP)],
)
NO_URLS = ["http://[bad", "http://127.0.0.1\u2100/x", "/a\0b"]
"""Hrefs that cannot be called; the first two cannot even be taken apart."""
NO_DOCUMENTS = [b"[" * 200_000, b'{"links": ' * 200_000, b"9" * 20_000]
"""Answers that the JSON decoder gives up on."""
LINKS = PackLinks("Slack", events="v1/packs/Slack/events", take="v1/packs/Slack/actions/take")


def links(base: str, self_: str = "", **rels: str) -> dict[str, Any]:
    """Return links as the server has them; `__` in a rel stands for `/`."""
    found = [
        {"href": f"{base}{path}", "rel": f"{base}/swagger#!/{rel.replace('__', '/')}"}
        for rel, path in rels.items()
    ]
    return {"links": [*([{"href": base + self_, "rel": "self"}] if self_ else []), *found]}


def registered(base: str, name: str = "Slack") -> httpx.Response:
    pack = f"/v1/packs/{name}"
    body = {
        "id": name,
        "name": name,
        **links(base, pack, takeAction=f"{pack}/actions/take", event=f"{pack}/events"),
    }
    return httpx.Response(201, text=json.dumps(body), headers={"Content-Type": "text/plain; charset=utf-8"})


def serve(flyte: respx.MockRouter, own: str, server: str | None = None) -> None:
    """Answer as a Flyte API that is reached as `own` and takes itself to be at `server`."""
    base = server or own
    root = httpx.Response(200, json=links(base, "/", info__v1="/v1"))
    flyte.get(f"{own}/").mock(root)
    flyte.get(f"{own}/v1").respond(json=links(base, "/v1", pack__listPacks="/v1/packs"))
    flyte.post(f"{own}/v1/packs").mock(registered(base))
    flyte.post(f"{own}/v1/packs/Slack/events").respond(202)
    flyte.post(f"{own}/v1/packs/Slack/actions/take").respond(204)


def called(flyte: respx.MockRouter) -> list[str]:
    return [f"{call.request.method} {call.request.url}" for call in flyte.calls]
