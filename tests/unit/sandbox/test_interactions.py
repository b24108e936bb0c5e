"""Controls of messages, slash commands, shortcuts and response URLs, as payloads over the WebSocket."""

from typing import Any

import pytest
from sandbox_parts import Peer, Person, actions, button, entry, plain
from slack_sdk.web.async_client import AsyncWebClient

from flyte_slack.sandbox.server import Sandbox

pytest_plugins = ["sandbox_fixtures"]


def option(value: str) -> dict[str, Any]:
    """Return an option whose label is its value in capitals."""
    return {"text": plain(value.upper()), "value": value}


OPTIONS = [option("a"), option("b")]


async def posted(slack: AsyncWebClient, peer: Peer, *blocks: dict[str, Any], **more: Any) -> str:
    """Post a message with these blocks, let its event pass, and return its ts."""
    answer = await slack.chat_postMessage(channel="general", text="Deploy?", blocks=list(blocks), **more)
    await peer.event()
    return str(answer["ts"])


async def test_a_button(slack: AsyncWebClient, peer: Peer, alice: Person, sandbox: Sandbox) -> None:
    """A block_actions payload has who, where, the message, the button and what to answer with."""
    ts = await posted(slack, peer, actions(button("approve", "web"), button("reject", "web")))
    await alice.does("clicks", channel="general", ts=ts, action_id="approve")
    payload = await peer.taken("interactive")
    channel = sandbox.workspace.channel("general").id
    assert payload["type"] == "block_actions"
    assert payload["user"] == {"id": "U0ALICE", "username": "alice", "name": "alice", "team_id": "T0SANDBOX"}
    assert payload["team"] == {"id": "T0SANDBOX", "domain": "flyte-sandbox"}
    assert payload["channel"] == {"id": channel, "name": "general"}
    assert payload["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": channel,
        "is_ephemeral": False,
    }
    assert (payload["message"]["ts"], payload["message"]["text"]) == (ts, "Deploy?")
    assert payload["api_app_id"] == "A0SANDBOX"
    assert payload["response_url"].startswith(f"{sandbox.url}/slack/respond/")
    assert payload["trigger_id"]
    [action] = payload["actions"]
    assert action["action_ts"]
    assert {key: action[key] for key in ("type", "action_id", "block_id", "value", "text")} == {
        "type": "button",
        "action_id": "approve",
        "block_id": "controls",
        "value": "web",
        "text": plain("Approve"),
    }


async def test_envelopes_of_interactions(slack: AsyncWebClient, peer: Peer, alice: Person) -> None:
    """They take a response and carry no retry fields, and each click is a payload of its own."""
    ts = await posted(slack, peer, actions(button("approve")))
    seen = []
    for _ in range(2):
        await alice.does("clicks", channel="general", ts=ts, action_id="approve")
        envelope = await peer.frame()
        assert set(envelope) == {"envelope_id", "payload", "type", "accepts_response_payload"}
        assert envelope["accepts_response_payload"]
        seen.append(envelope["payload"]["trigger_id"])
    assert len(set(seen)) == 2


async def test_buttons_that_share_an_action(slack: AsyncWebClient, peer: Peer, alice: Person) -> None:
    """The value tells them apart; without one it is the first."""
    ts = await posted(slack, peer, actions(button("pick", "web"), button("pick", "api")))
    for value, expected in (("api", "api"), (None, "web")):
        await alice.does("clicks", channel="general", ts=ts, action_id="pick", value=value)
        assert (await peer.taken("interactive"))["actions"][0]["value"] == expected
    wrong: dict[str, Any] = {"channel": "general", "ts": ts, "action_id": "pick", "value": "db"}
    assert (await alice.refused("clicks", **wrong))[0] == 404


@pytest.mark.parametrize(
    ("element", "value", "chosen"),
    [
        ({"type": "static_select", "options": OPTIONS}, "b", {"selected_option": option("b")}),
        ({"type": "static_select", "options": OPTIONS}, "A", {"selected_option": option("a")}),
        (
            {"type": "static_select", "option_groups": [{"label": plain("g"), "options": OPTIONS}]},
            "b",
            {"selected_option": option("b")},
        ),
        ({"type": "static_select", "options": OPTIONS}, None, {"selected_option": None}),
        ({"type": "overflow", "options": OPTIONS}, "a", {"selected_option": option("a")}),
        ({"type": "radio_buttons", "options": OPTIONS}, "a", {"selected_option": option("a")}),
        ({"type": "checkboxes", "options": OPTIONS}, ["a", "b"], {"selected_options": OPTIONS}),
        ({"type": "checkboxes", "options": OPTIONS}, [], {"selected_options": []}),
        ({"type": "multi_static_select", "options": OPTIONS}, "a", {"selected_options": [option("a")]}),
        (
            {"type": "external_select"},
            "any",
            {"selected_option": {"text": {**plain("any"), "emoji": True}, "value": "any"}},
        ),
        ({"type": "users_select"}, "bob", {"selected_user": "U0BOB"}),
        ({"type": "multi_users_select"}, ["bob", "alice"], {"selected_users": ["U0BOB", "U0ALICE"]}),
        ({"type": "datepicker"}, "2030-12-31", {"selected_date": "2030-12-31"}),
        ({"type": "timepicker"}, "17:30", {"selected_time": "17:30"}),
        ({"type": "datetimepicker"}, 1_900_000_000, {"selected_date_time": 1_900_000_000}),
    ],
)
async def test_controls_that_are_chosen_from(
    slack: AsyncWebClient,
    peer: Peer,
    alice: Person,
    element: dict[str, Any],
    value: Any,
    chosen: dict[str, Any],
) -> None:
    """The action says what was chosen, and so does the state, from then on."""
    ts = await posted(slack, peer, actions({"action_id": "pick", **element}, button("go")))
    await alice.does("clicks", channel="general", ts=ts, action_id="pick", value=value)
    payload = await peer.taken("interactive")
    [action] = payload["actions"]
    assert action["type"] == element["type"]
    assert chosen.items() <= action.items()
    await alice.does("clicks", channel="general", ts=ts, action_id="go")
    later = await peer.taken("interactive")
    expected = (
        {} if element["type"] == "overflow" else {"controls": {"pick": {"type": element["type"], **chosen}}}
    )
    assert payload["state"]["values"] == later["state"]["values"] == expected


@pytest.mark.parametrize("kind", ["channels_select", "conversations_select"])
async def test_selects_of_channels(
    slack: AsyncWebClient, peer: Peer, alice: Person, sandbox: Sandbox, kind: str
) -> None:
    """A channel is meant by its name, and told by its id."""
    ops = sandbox.workspace.channel("ops").id
    field = f"selected_{kind.removesuffix('s_select')}"
    for several in (False, True):
        element = {"type": f"multi_{kind}" if several else kind, "action_id": "pick"}
        ts = await posted(slack, peer, actions(element))
        await alice.does("clicks", channel="general", ts=ts, action_id="pick", value="#ops")
        [action] = (await peer.taken("interactive"))["actions"]
        assert action[f"{field}s" if several else field] == ([ops] if several else ops)


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({"type": "static_select", "options": OPTIONS}, "c"),
        ({"type": "static_select", "options": OPTIONS}, ["a"]),
        ({"type": "overflow", "options": OPTIONS}, None),
        ({"type": "datepicker"}, "31.12.2030"),
        ({"type": "timepicker"}, "25:00"),
        ({"type": "datetimepicker"}, "soon"),
    ],
)
async def test_choices_that_are_not_offered(
    slack: AsyncWebClient, peer: Peer, alice: Person, element: dict[str, Any], value: Any
) -> None:
    """They are refused with a sentence, and the app hears of nothing."""
    ts = await posted(slack, peer, actions({"action_id": "pick", **element}, button("go")))
    status, _ = await alice.refused("clicks", channel="general", ts=ts, action_id="pick", value=value)
    assert status == 400
    await alice.does("clicks", channel="general", ts=ts, action_id="go")
    assert (await peer.taken("interactive"))["actions"][0]["action_id"] == "go"


async def test_inputs_in_a_message(slack: AsyncWebClient, peer: Peer, alice: Person, bob: Person) -> None:
    """What each person fills in comes with her own clicks, under the blocks' ids."""
    first = entry("one", {"type": "plain_text_input", "action_id": "why"})
    second = entry("two", {"type": "plain_text_input", "action_id": "why", "initial_value": "so"})
    ts = await posted(slack, peer, first, second, actions(button("go")))
    click: dict[str, Any] = {"channel": "general", "ts": ts, "action_id": "go"}
    await alice.does("clicks", **click, inputs={"why": "late", "two_why": "later"})
    await bob.does("clicks", **click)
    hers, his = [(await peer.taken("interactive"))["state"]["values"] for _ in range(2)]
    assert [hers[block]["why"]["value"] for block in ("one", "two")] == ["late", "later"]
    assert [his[block]["why"]["value"] for block in ("one", "two")] == [None, "so"]
    assert (await alice.refused("clicks", **click, inputs={"who": "x"}))[0] == 400


async def test_an_input_that_dispatches(slack: AsyncWebClient, peer: Peer, alice: Person) -> None:
    """Its text is the action's value."""
    field = {"type": "plain_text_input", "action_id": "why"}
    ts = await posted(slack, peer, entry("one", field, dispatch_action=True))
    await alice.does("clicks", channel="general", ts=ts, action_id="why", value="late")
    [action] = (await peer.taken("interactive"))["actions"]
    assert (action["type"], action["value"], action["block_id"]) == ("plain_text_input", "late", "one")


async def test_an_accessory_and_an_attachments_blocks(
    slack: AsyncWebClient, peer: Peer, alice: Person
) -> None:
    """Controls are found beside a section, and within an attachment, whose id the container names."""
    text = {"type": "mrkdwn", "text": "x"}
    section = {"type": "section", "text": text, "accessory": button("beside")}
    attachment = {"color": "#f00", "blocks": [actions(button("within"), block_id="inner")]}
    ts = await posted(slack, peer, section, attachments=[attachment])
    await alice.does("clicks", channel="general", ts=ts, action_id="beside")
    assert (await peer.taken("interactive"))["container"]["type"] == "message"
    await alice.does("clicks", channel="general", ts=ts, action_id="within")
    container = (await peer.taken("interactive"))["container"]
    assert (container["type"], container["attachment_id"]) == ("message_attachment", 1)


async def test_buttons_of_legacy_attachments(slack: AsyncWebClient, peer: Peer, alice: Person) -> None:
    """interactive_message has the callback id, the action by its name, and the original message."""
    controls = [
        {"name": "approve", "type": "button", "text": "Approve", "value": "yes"},
        {"name": "size", "type": "select", "options": [{"text": "Big", "value": "big"}]},
    ]
    attachment = {"text": "Deploy?", "callback_id": "deploy", "actions": controls}
    ts = await posted(slack, peer, attachments=[attachment])
    await alice.does("clicks", channel="general", ts=ts, action_id="approve")
    payload = await peer.taken("interactive")
    assert (payload["type"], payload["callback_id"]) == ("interactive_message", "deploy")
    assert payload["actions"] == [{"name": "approve", "type": "button", "value": "yes"}]
    assert (payload["message_ts"], payload["original_message"]["ts"]) == (ts, ts)
    assert payload["attachment_id"] == "1"
    await alice.does("clicks", channel="general", ts=ts, action_id="size", value="big")
    [action] = (await peer.taken("interactive"))["actions"]
    assert action == {"name": "size", "type": "select", "selected_options": [{"value": "big"}]}


async def test_a_control_in_a_thread(slack: AsyncWebClient, peer: Peer, alice: Person) -> None:
    """The container names the thread."""
    root = await alice.says("root")
    await peer.event()
    ts = await posted(slack, peer, actions(button("go")), thread_ts=root)
    await alice.does("clicks", channel="general", ts=ts, action_id="go")
    assert (await peer.taken("interactive"))["container"]["thread_ts"] == root


async def test_a_slash_command(alice: Person, peer: Peer, sandbox: Sandbox) -> None:
    """Its fields are Slack's, and it is offered from then on."""
    await alice.does("slash-commands", channel="private-ops", command="/deploy", text="web now")
    payload = await peer.taken("slash_commands")
    channel = sandbox.workspace.channel("private-ops").id
    assert (payload["command"], payload["text"]) == ("/deploy", "web now")
    assert (payload["channel_id"], payload["channel_name"]) == (channel, "privategroup")
    assert (payload["user_id"], payload["user_name"]) == ("U0ALICE", "alice")
    assert (payload["team_id"], payload["team_domain"]) == ("T0SANDBOX", "flyte-sandbox")
    assert payload["is_enterprise_install"] == "false"
    assert payload["trigger_id"]
    assert payload["response_url"]
    await alice.does("slash-commands", channel="@flyte", command="/deploy")
    payload = await peer.taken("slash_commands")
    assert (payload["channel_name"], payload["text"]) == ("directmessage", "")
    assert "/deploy" in (await alice.call("GET", "channels"))[1]["commands"]


async def test_commands_of_flows_are_offered(alice: Person, sandbox: Sandbox) -> None:
    """What a flow's criteria compare a slash command with can be completed while it is typed."""
    flow = {
        "name": "deploy",
        "steps": [
            {
                "event": {"packName": "Slack", "name": "SlashCommandUsed"},
                "criteria": "{{ Event.Payload.command == '/ship-it' }}",
                "command": {"packName": "Slack", "name": "sendMessage", "input": {}},
            }
        ],
    }
    async with alice.session.post("/flyte/v1/flows", json=flow) as response:
        assert response.status == 201
    assert (await alice.call("GET", "channels"))[1]["commands"] == ["/ship-it"]


async def test_shortcuts(alice: Person, peer: Peer, slack: AsyncWebClient) -> None:
    """A global one has a person, one on a message also that message and where to answer."""
    await alice.does("shortcuts", callback_id="report")
    payload = await peer.taken("interactive")
    assert (payload["type"], payload["callback_id"]) == ("shortcut", "report")
    assert payload["trigger_id"]
    assert payload.keys().isdisjoint({"channel", "message", "response_url"})
    ts = await alice.says("broken")
    await peer.event()
    await alice.does("shortcuts", callback_id="triage", channel="general", ts=ts)
    payload = await peer.taken("interactive")
    assert (payload["type"], payload["callback_id"], payload["message_ts"]) == (
        "message_action",
        "triage",
        ts,
    )
    assert (payload["message"]["text"], payload["channel"]["name"]) == ("broken", "general")
    assert payload["response_url"]
