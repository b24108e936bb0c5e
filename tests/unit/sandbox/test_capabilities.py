"""What an app may do with a response URL and with a trigger, and for how long."""

import time
from typing import Any

import aiohttp
import pytest
from sandbox_parts import Peer, Person, actions, button, error_of, plain
from slack_sdk.web.async_client import AsyncWebClient

from flyte_slack.sandbox.server import Sandbox

pytest_plugins = ["sandbox_fixtures"]

VIEW = {"type": "modal", "title": plain("Reason"), "blocks": []}


async def asked(slack: AsyncWebClient, peer: Peer) -> str:
    """Post a message with a button, let its event pass, and return its ts."""
    blocks = [actions(button("go"))]
    answer = await slack.chat_postMessage(channel="general", text="Deploy?", blocks=blocks)
    await peer.event()
    return str(answer["ts"])


async def responded(session: aiohttp.ClientSession, url: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    """Answer at a response URL."""
    async with session.post(url, json=fields) as response:
        return response.status, await response.json()


async def test_answers_at_a_response_url(
    slack: AsyncWebClient, peer: Peer, alice: Person, bob: Person, session: aiohttp.ClientSession
) -> None:
    """To the person alone, to all, in the place of the message, and away with it; five times in all."""
    ts = await asked(slack, peer)
    await alice.does("clicks", channel="general", ts=ts, action_id="go")
    url = (await peer.taken("interactive"))["response_url"]
    assert await responded(session, url, text="for you") == (200, {"ok": True})
    await responded(session, url, text="for all", response_type="in_channel")
    await responded(session, url, text="done", replace_original=True)
    seen = {message["text"]: message for message in await alice.sees()}
    assert list(seen) == ["done", "for you", "for all"]
    assert seen["for you"]["ephemeral_to"] == "alice"
    assert (seen["done"]["ts"], seen["done"]["blocks"], seen["done"]["edited"]) == (ts, [], True)
    await responded(session, url, delete_original=True)
    assert [message["text"] for message in await alice.sees()] == ["for you", "for all"]
    status, answer = await responded(session, url, text="")
    assert (status, answer["error"]) == (400, "no_text")
    assert await responded(session, url, text="x") == (404, {"ok": False, "error": "used_url"})
    unknown = url[: url.rindex("/")] + "/unknown"
    assert (await responded(session, unknown, text="x"))[0] == 404


async def test_ephemeral_messages_have_controls(
    slack: AsyncWebClient, peer: Peer, alice: Person, bob: Person, session: aiohttp.ClientSession
) -> None:
    """Only for whom they are; the payload lacks the message, and the answer replaces or removes it."""
    channel = (await slack.conversations_list())["channels"][0]["id"]
    blocks = [actions(button("go"))]
    answer = await slack.chat_postEphemeral(channel=channel, user="U0ALICE", text="psst", blocks=blocks)
    click: dict[str, Any] = {"channel": "general", "ts": answer["message_ts"], "action_id": "go"}
    assert (await bob.refused("clicks", **click))[0] == 404
    await alice.does("clicks", **click)
    payload = await peer.taken("interactive")
    assert payload["container"]["is_ephemeral"]
    assert "message" not in payload
    await responded(session, payload["response_url"], text="thanks", replace_original=True)
    assert [message["text"] for message in await alice.sees()] == ["thanks"]
    await responded(session, payload["response_url"], delete_original=True)
    assert await alice.sees() == []


async def test_a_response_url_ends_after_half_an_hour(
    alice: Person,
    peer: Peer,
    session: aiohttp.ClientSession,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then it is expired_url."""
    await alice.does("slash-commands", channel="general", command="/deploy")
    url = (await peer.taken("slash_commands"))["response_url"]
    later = time.time() + 1_801
    monkeypatch.setattr(sandbox.workspace, "now", lambda: later)
    assert await responded(session, url, text="x") == (404, {"ok": False, "error": "expired_url"})


async def test_a_trigger_is_good_once_and_for_three_seconds(
    alice: Person, peer: Peer, slack: AsyncWebClient, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack tells used, expired and invented ones apart."""
    triggers = []
    for _ in range(2):
        await alice.does("shortcuts", callback_id="c")
        triggers.append((await peer.taken("interactive"))["trigger_id"])
    await slack.views_open(trigger_id=triggers[0], view=VIEW)
    assert await error_of(slack.views_open(trigger_id=triggers[0], view=VIEW)) == "exchanged_trigger_id"
    later = time.time() + 3.1
    monkeypatch.setattr(sandbox.workspace, "now", lambda: later)
    assert await error_of(slack.views_open(trigger_id=triggers[1], view=VIEW)) == "expired_trigger_id"
    assert await error_of(slack.views_open(trigger_id="1.2.3", view=VIEW)) == "invalid_trigger_id"


async def test_an_interaction_is_sent_once(
    slack: AsyncWebClient, peer: Peer, alice: Person, sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    """What a lost connection took does not come again over another one."""
    await alice.does("shortcuts", callback_id="lost")
    await peer.frame()
    other = await Peer.open(sandbox, session)
    await peer.socket.close()
    while sandbox.socket_mode.connections > 1:
        await alice.modals()
    await alice.does("shortcuts", callback_id="next")
    assert (await other.taken("interactive"))["callback_id"] == "next"
