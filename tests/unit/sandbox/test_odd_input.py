"""Whatever stands in the place of a field is answered or refused, and breaks nothing."""

import copy
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from sandbox_parts import actions, button, entry, plain

from flyte_slack.sandbox.server import Sandbox

pytest_plugins = ["sandbox_fixtures"]

OPTIONS = [{"text": plain("A"), "value": "a"}]
SELECT = {"type": "static_select", "action_id": "select", "options": OPTIONS, "initial_option": OPTIONS[0]}
GROUPS = {"type": "static_select", "action_id": "groups"}
BLOCKS = [
    {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "hi"}, "accessory": SELECT},
    actions(
        button("button", "v", style="primary"),
        {"type": "checkboxes", "action_id": "boxes", "options": OPTIONS, "initial_options": OPTIONS},
        {**GROUPS, "option_groups": [{"label": plain("g"), "options": OPTIONS}]},
    ),
    entry("input", {"type": "plain_text_input", "action_id": "text", "min_length": 1, "max_length": 5}),
]
LEGACY = {"name": "size", "type": "select", "options": [{"text": "Big", "value": "big"}]}
MESSAGE = {
    "channel": "general",
    "text": "x",
    "blocks": BLOCKS,
    "attachments": [{"callback_id": "c", "actions": [LEGACY], "blocks": [actions(button("within"))]}],
    "metadata": {"event_type": "e", "event_payload": {"a": "b"}},
    "thread_ts": "1700000000.000001",
}
VIEW = {"type": "modal", "title": plain("T"), "submit": plain("S"), "blocks": BLOCKS, "external_id": ""}
CONTROLS = ("select", "button", "boxes", "groups", "text", "size", "within")

ODD: list[Any] = [None, 7, 1.5, True, "", "odd", "\ud800", [], {}, [7], [None], {"type": "odd"}]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of everything within a value."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


def with_odd(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """Return a copy of a value with something odd at that path."""
    changed = place = copy.deepcopy(value)
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = copy.deepcopy(odd)
    return changed


@pytest.fixture
async def unlimited() -> Any:
    """Give a session at a sandbox that limits no posts."""
    async with (
        Sandbox(port=0, burst=1_000_000) as sandbox,
        aiohttp.ClientSession(base_url=sandbox.url) as session,
    ):
        session.headers["Authorization"] = f"Bearer {sandbox.bot_token}"
        yield sandbox, session


async def answer(session: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call something that must not break."""
    async with session.post(path, json=body) as response:
        assert response.status < 500, (path, body)
        answered: dict[str, Any] = await response.json()
        return answered


@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_odd_messages(unlimited: tuple[Sandbox, aiohttp.ClientSession], odd: Any) -> None:
    """A message is refused or posted, and what is posted can be clicked on and read."""
    _, session = unlimited
    for path in places(MESSAGE):
        posted = await answer(session, "/slack/api/chat.postMessage", with_odd(MESSAGE, path, odd))
        if posted["ok"]:
            for control in CONTROLS:
                click = {"channel": posted["channel"], "user": "alice", "ts": posted["ts"]}
                await answer(session, "/api/clicks", {**click, "action_id": control, "value": "a"})
    async with session.get("/api/messages?channel=general") as response:
        assert response.status == 200


@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_odd_views(unlimited: tuple[Sandbox, aiohttp.ClientSession], odd: Any) -> None:
    """A view is refused or opened, and what is open can be used and submitted."""
    sandbox, session = unlimited
    for path in places(VIEW):
        trigger = sandbox.app.capabilities.trigger("U0ALICE")
        body = {"trigger_id": trigger, "view": with_odd(VIEW, path, odd)}
        opened = await answer(session, "/slack/api/views.open", body)
        if opened["ok"]:
            modal = f"/api/modals/{opened['view']['id']}"
            for control in ("select", "boxes", "text"):
                await answer(
                    session, f"{modal}/clicks", {"user": "alice", "action_id": control, "value": "a"}
                )
            await answer(session, modal, {"user": "alice", "inputs": {"text": "a"}})


@pytest.mark.parametrize("odd", ODD, ids=repr)
async def test_odd_requests(unlimited: tuple[Sandbox, aiohttp.ClientSession], odd: Any) -> None:
    """What scripts send is refused or done."""
    _, session = unlimited
    ts = (await answer(session, "/slack/api/chat.postMessage", MESSAGE | {"thread_ts": None}))["ts"]
    place = {"channel": "general", "user": "alice", "ts": ts}
    requests: dict[str, dict[str, Any]] = {
        "messages": {**place, "text": "x", "thread_ts": ts, "broadcast": True},
        "edits": {**place, "text": "x"},
        "reactions": {**place, "reaction": "eyes", "remove": False},
        "clicks": {**place, "action_id": "text", "value": "a", "inputs": {"select": "a"}},
        "slash-commands": {**place, "command": "/x", "text": "y"},
        "shortcuts": {**place, "callback_id": "c"},
        "channels": {"user": "alice", "name": "new", "private": False},
        "channels/ops": {"user": "alice", "topic": "t", "purpose": "p", "archived": False},
        "members": {"channel": "ops", "user": "bob", "inviter": "alice", "remove": False},
        "people": {"name": "dave"},
        "home": {"user": "alice", "tab": "home"},
        "files": {**place, "filename": "a", "content": "", "content_base64": "eA==", "text": "t"},
    }
    for path, body in requests.items():
        for where in places(body):
            await answer(session, f"/api/{path}", with_odd(body, where, odd))
