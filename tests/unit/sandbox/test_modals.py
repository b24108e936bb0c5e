"""Modals: opened by the app, seen, filled in, submitted and closed by a person."""

from typing import Any

import pytest
from sandbox_parts import Peer, Person, actions, button, entry, error_of, plain, refusal_of
from slack_sdk.web.async_client import AsyncWebClient

pytest_plugins = ["sandbox_fixtures"]

WHY = entry("reason", {"type": "plain_text_input", "action_id": "why", "max_length": 10})
WHO = entry("person", {"type": "users_select", "action_id": "who"}, optional=True)


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a view."""
    content = {"type": "modal", "callback_id": "reason", "title": plain("Reason"), "submit": plain("Send")}
    return {**content, "private_metadata": "kept", "blocks": list(blocks), **more}


async def trigger(alice: Person, peer: Peer) -> str:
    """Let alice do something, and return the trigger."""
    await alice.does("shortcuts", callback_id="c")
    return str((await peer.taken("interactive"))["trigger_id"])


async def opened(slack: AsyncWebClient, alice: Person, peer: Peer, view: dict[str, Any]) -> dict[str, Any]:
    """Open a view for alice."""
    answer = await slack.views_open(trigger_id=await trigger(alice, peer), view=view)
    shown: dict[str, Any] = answer["view"]
    return shown


async def test_a_modal_is_seen_by_whom_it_was_opened_for(
    slack: AsyncWebClient, alice: Person, bob: Person, peer: Peer
) -> None:
    """With its id, callback id, title and Slack's own view."""
    view = await opened(slack, alice, peer, modal(WHY))
    [seen] = await alice.modals()
    assert (seen["view_id"], seen["callback_id"], seen["title"]) == (view["id"], "reason", "Reason")
    assert seen["view"]["private_metadata"] == "kept"
    assert seen["view"]["hash"] == view["hash"]
    assert await bob.modals() == []


async def test_a_submission(slack: AsyncWebClient, alice: Person, peer: Peer) -> None:
    """The app gets the view with its state; the modal is closed, once."""
    view = await opened(slack, alice, peer, modal(WHY, WHO))
    await alice.does(f"modals/{view['id']}", inputs={"why": "too late", "who": "bob"})
    payload = await peer.taken("interactive")
    assert (payload["type"], payload["user"]["id"]) == ("view_submission", "U0ALICE")
    assert payload["trigger_id"]
    assert payload["response_urls"] == []
    assert (payload["view"]["id"], payload["view"]["callback_id"]) == (view["id"], "reason")
    assert payload["view"]["private_metadata"] == "kept"
    assert payload["view"]["state"]["values"] == {
        "reason": {"why": {"type": "plain_text_input", "value": "too late"}},
        "person": {"who": {"type": "users_select", "selected_user": "U0BOB"}},
    }
    assert await alice.modals() == []
    assert (await alice.refused(f"modals/{view['id']}", inputs={}))[0] == 404


@pytest.mark.parametrize(
    "inputs", [{}, {"why": ""}, {"why": "x" * 11}, {"why": "x", "who": "nobody"}, {"no": "x"}]
)
async def test_what_cannot_be_submitted(
    slack: AsyncWebClient, alice: Person, peer: Peer, inputs: dict[str, Any]
) -> None:
    """Required, too long, unknown: a sentence, and the modal stays open."""
    view = await opened(slack, alice, peer, modal(WHY, WHO))
    status, _ = await alice.refused(f"modals/{view['id']}", inputs=inputs)
    assert status in (400, 404)
    assert len(await alice.modals()) == 1


@pytest.mark.parametrize("told", [True, False])
async def test_closing(slack: AsyncWebClient, alice: Person, bob: Person, peer: Peer, told: bool) -> None:
    """view_closed is sent if the view asks for it, and has no trigger."""
    view = await opened(slack, alice, peer, modal(notify_on_close=told))
    assert (await bob.call("DELETE", f"modals/{view['id']}", {"user": "bob"}))[0] == 404
    assert (await alice.call("DELETE", f"modals/{view['id']}", {"user": "alice"}))[0] == 200
    assert await alice.modals() == []
    await alice.does("shortcuts", callback_id="next")
    payload = await peer.taken("interactive")
    assert payload["type"] == ("view_closed" if told else "shortcut")
    if told:
        assert "trigger_id" not in payload
        assert (payload["view"]["id"], payload["is_cleared"]) == (view["id"], False)


async def test_controls_in_a_modal(slack: AsyncWebClient, alice: Person, peer: Peer) -> None:
    """The payload has the view instead of a message, with what was filled in so far."""
    select = {"type": "users_select", "action_id": "pick"}
    view = await opened(slack, alice, peer, modal(WHY, actions(select, button("more", "1"))))
    clicks = f"modals/{view['id']}/clicks"
    await alice.does(clicks, action_id="pick", value="bob", inputs={"why": "so"})
    payload = await peer.taken("interactive")
    assert (payload["type"], payload["container"]) == (
        "block_actions",
        {"type": "view", "view_id": view["id"]},
    )
    assert payload.keys().isdisjoint({"channel", "message", "response_url"})
    assert payload["actions"][0]["selected_user"] == "U0BOB"
    await alice.does(clicks, action_id="more")
    values = (await peer.taken("interactive"))["view"]["state"]["values"]
    assert values["controls"]["pick"]["selected_user"] == "U0BOB"
    assert values["reason"]["why"]["value"] == "so"
    assert (await alice.refused(clicks, action_id="nothing"))[0] == 404


async def test_an_update_keeps_what_was_filled_in(slack: AsyncWebClient, alice: Person, peer: Peer) -> None:
    """Where block and element are the same; a stale hash is refused."""
    view = await opened(slack, alice, peer, modal(WHY, actions(button("more"))))
    await alice.does(f"modals/{view['id']}/clicks", action_id="more", inputs={"why": "so"})
    await peer.taken("interactive")
    changed = modal(WHY, WHO, title=plain("Why?"))
    answer = await slack.views_update(view_id=view["id"], view=changed, hash=view["hash"])
    assert answer["view"]["state"]["values"]["reason"]["why"]["value"] == "so"
    assert (await alice.modals())[0]["title"] == "Why?"
    stale = slack.views_update(view_id=view["id"], view=changed, hash=view["hash"])
    assert await error_of(stale) == "hash_conflict"
    assert await error_of(slack.views_update(view_id="V404", view=changed)) == "not_found"


async def test_a_pushed_modal_lies_on_the_first(slack: AsyncWebClient, alice: Person, peer: Peer) -> None:
    """Up to three; closing one shows what it lay on."""
    ids = [(await opened(slack, alice, peer, modal(actions(button("next")))))["id"]]
    for expected in ("", "", "push_limit_reached"):
        await alice.does(f"modals/{ids[-1]}/clicks", action_id="next")
        used = (await peer.taken("interactive"))["trigger_id"]
        pushing = slack.views_push(trigger_id=used, view=modal(actions(button("next"))))
        if expected:
            assert await error_of(pushing) == expected
            continue
        view = (await pushing)["view"]
        assert (view["previous_view_id"], view["root_view_id"]) == (ids[-1], ids[0])
        ids.append(view["id"])
    assert [seen["view_id"] for seen in await alice.modals()] == ids
    await alice.call("DELETE", f"modals/{ids[-1]}", {"user": "alice"})
    assert [seen["view_id"] for seen in await alice.modals()] == ids[:-1]
    outside = slack.views_push(trigger_id=await trigger(alice, peer), view=modal())
    assert await error_of(outside) == "view_not_found"


async def test_an_external_id_is_one_views(slack: AsyncWebClient, alice: Person, peer: Peer) -> None:
    """It stands for the view's id, and no second view can have it."""
    await opened(slack, alice, peer, modal(external_id="mine"))
    answer = await slack.views_update(external_id="mine", view=modal(title=plain("New")))
    assert answer["view"]["title"]["text"] == "New"
    await opened(slack, alice, peer, modal(external_id="other"))
    again = slack.views_open(trigger_id=await trigger(alice, peer), view=modal(external_id="other"))
    assert await error_of(again) == "duplicate_external_id"


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        ({"type": "modal", "blocks": []}, "missing required field: title [json-pointer:/view]"),
        (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (modal(WHY, submit=None), "missing required field: submit [json-pointer:/view]"),
        (modal({"type": "sectoin"}), "unsupported type: sectoin [json-pointer:/view/blocks/0/type]"),
        (modal(private_metadata="x" * 3_001), "must be less than 3001 characters"),
    ],
)
async def test_bad_views_are_explained(
    slack: AsyncWebClient, alice: Person, peer: Peer, view: dict[str, Any], problem: str
) -> None:
    """invalid_arguments says what is wrong; the trigger is still good."""
    used = await trigger(alice, peer)
    refusal = await refusal_of(slack.views_open(trigger_id=used, view=view))
    assert refusal["error"] == "invalid_arguments"
    assert problem in refusal["response_metadata"]["messages"][0]
    await slack.views_open(trigger_id=used, view=modal())
