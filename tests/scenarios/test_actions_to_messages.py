"""An action `sendMessage` becomes a message in Slack and one result in Flyte (contract, section 4)."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from faults import holding
from harness import EVENTS, POST, World, eventually, world

from flyte_slack.sandbox.flows import Event
from flyte_slack.sandbox.workspace import Channel

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT = {
    "id": "U0FLYTE",
    "name": "flyte",
    "displayName": "flyte",
    "email": "",
    "title": "",
    "firstName": "Flyte",
    "lastName": "",
    "isBot": "true",
}
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "a *block*"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One running pack for all tests of this file; each posts to a channel of its own."""
    async with world(tmp_path_factory.mktemp("send-message")) as running:
        await running.pack.start()
        yield running


@pytest.fixture
def channel(system: World, request: pytest.FixtureRequest) -> Channel:
    """Return a channel that no other test uses."""
    number = len(system.workspace.channels)
    return system.channel(f"{request.function.__name__.replace('_', '-')}-{number}")


async def send(system: World, **input_: Any) -> Event:
    """Send a message and return the one result."""
    (result,) = await system.done(system.flyte.command(**input_))
    return result


def assert_failure(result: Event, code: str, kind: str, **echoed: str) -> str:
    """Hold a result against the contract's MessageSendFailure, and return its sentence."""
    assert result.name == "MessageSendFailure"
    payload = dict(result.payload)
    sentence = payload.pop("error")
    assert payload == {
        "channelId": "",
        "message": "",
        "threadTimestamp": "",
        **echoed,
        "code": code,
        "kind": kind,
    }
    assert isinstance(sentence, str)
    assert len(sentence) > 15
    return sentence


async def test_result_payload(system: World, channel: Channel) -> None:
    """The result is one MessageSent, origin command, by the bot, with Slack's timestamp and time."""
    result = await send(system, channelId=channel.id, message="a &lt; b")
    (post,) = system.posts(channel)
    assert result.name == "MessageSent"
    assert result.payload == {
        "origin": "command",
        "channelId": channel.id,
        "channelName": channel.name,
        "channelType": "channel",
        "message": "a &lt; b",
        "timestamp": post["ts"],
        "threadTimestamp": post["ts"],
        "teamId": "T0SANDBOX",
        "user": BOT,
        "files": [],
        "plainText": "a < b",
        "mentions": [],
        "mentionsBot": "false",
        "permalink": result.payload["permalink"],
        "parts": [post["ts"]],
    }
    assert result.payload["permalink"].endswith(f"/archives/{channel.id}/p{post['ts'].replace('.', '')}")
    seconds, micros = post["ts"].split(".")
    assert result.created_at == datetime.fromtimestamp(int(seconds), UTC) + timedelta(
        microseconds=int(micros)
    )
    await system.marked(channel)
    assert len(system.flyte.texts(channel)) == 1, "the pack's own message was forwarded"


async def test_action_ends_in_success(system: World, channel: Channel) -> None:
    """Flyte shows the action as SUCCESS, a failure to send included."""
    good = system.flyte.command(channelId=channel.id, message="x")
    bad = system.flyte.command(channelId="C0NOWHERE", message="x")
    await system.done(good, bad)
    assert good.state == bad.state == "SUCCESS"


@pytest.mark.parametrize("reference", ["#by-name-1", "by-name-1"])
async def test_channel_by_name(system: World, reference: str) -> None:
    """A public channel can be named; the result has its id."""
    channel = system.channel("by-name-1")
    result = await send(system, channelId=reference, message="x")
    assert result.name == "MessageSent"
    assert result.payload["channelId"] == channel.id
    assert result.payload["channelName"] == "by-name-1"


async def test_user_as_channel(system: World) -> None:
    """A user id opens the direct message; the result tells its channel."""
    result = await send(system, channelId="U0CAROL", message="psst")
    direct = system.workspace.open_direct("U0CAROL")
    assert result.payload["channelId"] == direct.id
    assert result.payload["channelType"] == "im"
    assert result.payload["channelName"] == ""


async def test_private_channel(system: World) -> None:
    """A private channel the bot is in has type group."""
    private = system.channel("private-send", kind="group")
    result = await send(system, channelId=private.id, message="x")
    assert (result.payload["channelType"], result.payload["channelName"]) == ("group", "private-send")


@pytest.mark.parametrize("broadcast", [True, "true", "True", False, "False", "", None])
async def test_thread(system: World, channel: Channel, broadcast: object) -> None:
    """A reply goes into its thread, and with replyBroadcast into the channel too."""
    root = system.say(channel, "root")
    result = await send(
        system, channelId=channel.id, message="re", threadTimestamp=root["ts"], replyBroadcast=broadcast
    )
    assert result.payload["threadTimestamp"] == root["ts"]
    assert result.payload["timestamp"] != root["ts"]
    stored = channel.messages[-1]
    assert stored["thread_ts"] == root["ts"]
    assert (stored.get("subtype") == "thread_broadcast") == (str(broadcast).lower() == "true")


async def test_empty_thread_means_none(system: World, channel: Channel) -> None:
    """An empty threadTimestamp is no thread."""
    result = await send(system, channelId=channel.id, message="x", threadTimestamp="")
    assert result.payload["threadTimestamp"] == result.payload["timestamp"]
    assert "thread_ts" not in channel.messages[-1]


async def test_numbers_for_texts(system: World, channel: Channel) -> None:
    """A number is accepted for a text and for a timestamp, as YAML and templates make them."""
    result = await send(system, channelId=channel.id, message=1, threadTimestamp=1503435956.000247)
    assert result.payload["message"] == "1"
    assert result.payload["threadTimestamp"] == "1503435956.000247"
    half = await send(system, channelId=channel.id, message=2.5)
    assert half.payload["message"] == "2.5"


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("field", ["blocks", "attachments"])
async def test_blocks_and_attachments(system: World, channel: Channel, field: str, as_text: bool) -> None:
    """Blocks and attachments come as a list or as a string with JSON, and need no message."""
    content = [SECTION] if field == "blocks" else [{"text": "an attachment", "color": "#36a64f"}]
    result = await send(system, channelId=channel.id, **{field: json.dumps(content) if as_text else content})
    assert result.name == "MessageSent"
    (stored,) = channel.messages[-1][field]
    assert content[0].items() <= stored.items()


async def test_author_and_unfurling(system: World, channel: Channel) -> None:
    """Author overrides and unfurl flags reach Slack; the result still names the bot."""
    result = await send(
        system,
        channelId=channel.id,
        message="x",
        username="Deploy",
        iconEmoji=":rocket:",
        iconUrl="https://example.com/i.png",
        unfurlLinks="False",
        unfurlMedia=True,
    )
    (post,) = system.posts(channel)
    assert (post["username"], post["icon_emoji"]) == ("Deploy", ":rocket:")
    assert post["icon_url"] == "https://example.com/i.png"
    assert str(post["unfurl_links"]).lower() == "false"
    assert str(post["unfurl_media"]).lower() == "true"
    assert result.payload["user"] == BOT


async def test_unknown_field_is_refused(system: World, channel: Channel) -> None:
    """A field that sendMessage does not know is refused: a reply must not go into the channel."""
    result = await send(system, channelId=channel.id, message="x", thread_ts="1602251441.001700")
    sentence = assert_failure(result, "invalid_input", "input", channelId=channel.id, message="x")
    assert "did you mean threadTimestamp?" in sentence
    assert system.posts(channel) == []


async def test_longest_message(system: World, channel: Channel) -> None:
    """40,000 characters are sent whole; one more is refused and nothing is posted."""
    longest, longer = "é" * 40_000, "é" * 40_001
    assert (await send(system, channelId=channel.id, message=longest)).payload["message"] == longest
    refused = await send(system, channelId=channel.id, message=longer)
    assert_failure(refused, "message_too_long", "input", channelId=channel.id, message=longer)
    assert len(system.posts(channel)) == 1


async def test_not_in_channel(system: World) -> None:
    """A channel the bot is not in is a matter of configuration, and the sentence tells the remedy."""
    closed = system.channel("closed", kind="group", bot=False)
    result = await send(system, channelId=closed.id, message="hi", threadTimestamp="1503435956.000247")
    echoed = {"channelId": closed.id, "message": "hi", "threadTimestamp": "1503435956.000247"}
    assert "/invite @flyte" in assert_failure(result, "not_in_channel", "configuration", **echoed)
    at = datetime.now(UTC)
    assert abs(at - result.created_at) < timedelta(minutes=5)


async def test_channel_not_found(system: World) -> None:
    """A channel that isn't there is a matter of configuration."""
    result = await send(system, channelId="C0NOWHERE", message="hi")
    sentence = assert_failure(
        result, "channel_not_found", "configuration", channelId="C0NOWHERE", message="hi"
    )
    assert "C0NOWHERE" in sentence


async def test_archived_channel(system: World, channel: Channel) -> None:
    """An archived channel is a matter of configuration."""
    channel.is_archived = True
    result = await send(system, channelId=channel.id, message="hi")
    assert_failure(result, "is_archived", "configuration", channelId=channel.id, message="hi")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("invalid_auth", "configuration"),
        ("token_revoked", "configuration"),
        ("missing_scope", "configuration"),
        ("restricted_action_read_only_channel", "configuration"),
        ("ekm_access_denied", "configuration"),
        ("invalid_blocks", "input"),
        ("msg_too_long", "input"),
        ("metadata_too_large", "input"),
        ("a_code_that_came_yesterday", "rejected"),
    ],
)
async def test_kinds_of_failure(system: World, channel: Channel, code: str, kind: str) -> None:
    """Each refusal of Slack's ends in one failure with its code and kind, and is not tried again."""
    rule = system.faults.slack_error(r"chat\.postMessage", code)
    result = await send(system, channelId=channel.id, message="hi")
    assert_failure(result, code, kind, channelId=channel.id, message="hi")
    assert rule.hits == 1
    rule.remove()
    assert (await send(system, channelId=channel.id, message="hi")).name == "MessageSent"


@pytest.mark.parametrize(
    ("input_", "named"),
    [
        ({}, "channelId"),
        ({"message": "x"}, "channelId"),
        ({"channelId": "", "message": "x"}, "channelId"),
        ({"channelId": None, "message": "x"}, "channelId"),
        ({"channelId": ["C1"], "message": "x"}, "channelId"),
        ({"channelId": "C1"}, "message"),
        ({"channelId": "C1", "message": ""}, "message"),
        ({"channelId": "C1", "message": {"text": "x"}}, "message"),
        ({"channelId": "C1", "message": "x", "replyBroadcast": "maybe"}, "replyBroadcast"),
        ({"channelId": "C1", "message": "x", "unfurlLinks": 2}, "unfurlLinks"),
        ({"channelId": "C1", "blocks": "[{"}, "blocks"),
        ({"channelId": "C1", "blocks": "[3]"}, "blocks"),
        ({"channelId": "C1", "attachments": 5}, "attachments"),
    ],
    ids=str,
)
async def test_invalid_input(system: World, input_: dict[str, Any], named: str) -> None:
    """Input that cannot be read fails with invalid_input, names the field, and posts nothing."""
    posts = len(system.posts())
    result = await send(system, **input_)
    texts = {name: value for name, value in input_.items() if isinstance(value, str)}
    echoed = {name: texts[name] for name in ("channelId", "message", "threadTimestamp") if name in texts}
    assert named in assert_failure(result, "invalid_input", "input", **echoed)
    assert len(system.posts()) == posts


@pytest.mark.parametrize("input_", [None, [], ["x"], "text", 3, 2.5, True], ids=repr)
async def test_input_that_is_no_object(system: World, input_: object) -> None:
    """Input that is not an object ends in FATAL, and the pack goes on."""
    action = system.flyte.api.actions[system.flyte.api.create_action("Slack", "sendMessage", input_)]
    (result,) = await system.done(action)
    assert result.name == "FATAL"
    assert set(result.payload) == {"error", "command"}
    assert result.payload["command"] == "sendMessage"
    assert isinstance(result.payload["error"], str)
    assert action.state == "FATAL"


async def test_unknown_command(system: World) -> None:
    """A command that the pack doesn't have ends in FATAL."""
    (result,) = await system.done(system.flyte.command("makeCoffee", size="large"))
    assert result.name == "FATAL"
    assert result.payload["command"] == "makeCoffee"
    assert "makeCoffee" in result.payload["error"]


async def test_order_in_a_channel(system: World, channel: Channel) -> None:
    """Messages to one channel are posted in the order of their actions."""
    texts = [f"{number}" for number in range(6)]
    await system.done(*(system.flyte.command(channelId=channel.id, message=text) for text in texts))
    assert [post["text"] for post in system.posts(channel)] == texts


async def test_order_whatever_the_channel_is_called(system: World, channel: Channel) -> None:
    """Messages to one channel are in order too where it is named in two ways."""
    slow = system.faults.hang("POST", POST, where=holding('"first"'))
    named = [channel.id, f"#{channel.name}", channel.name]
    actions = [
        system.flyte.command(channelId=reference, message=text)
        for reference, text in zip(named, ("first", "second", "third"), strict=True)
    ]
    other = system.flyte.command(channelId=system.channel("aside").id, message="aside")
    await system.done(other)
    slow.remove()
    await system.done(*actions)
    assert [post["text"] for post in system.posts(channel)] == ["first", "second", "third"]


async def test_slow_channel_delays_no_other(system: World, channel: Channel) -> None:
    """A post that Slack doesn't answer holds up its own channel only."""
    slow = system.faults.hang("POST", POST, where=holding(channel.id))
    waiting = [system.flyte.command(channelId=channel.id, message=text) for text in ("1", "2")]
    others = [
        system.flyte.command(channelId=system.channel(f"quick-{number}").id, message="x")
        for number in range(10)
    ]
    await system.done(*others)
    assert not any(action.completed for action in waiting)
    slow.remove()
    await system.done(*waiting)
    assert [post["text"] for post in system.posts(channel)] == ["1", "2"]


async def test_results_and_messages_do_not_wait_for_each_other(system: World, channel: Channel) -> None:
    """A message that Flyte does not take holds up no result."""
    rule = system.faults.answer("POST", EVENTS, 500, where=holding("stuck"))
    system.say(channel, "stuck")
    await eventually(lambda: rule.hits)
    assert (await send(system, channelId=channel.id, message="x")).name == "MessageSent"
    assert system.flyte.texts(channel) == []
    rule.remove()
    await system.marked(channel)
    assert system.flyte.texts(channel)[0] == "stuck"


async def test_nothing_was_posted_or_answered_twice(system: World) -> None:
    """After all of the above: every action has one result, every MessageSent one post."""
    assert all(len(system.flyte.results_of(action)) == 1 for action in system.flyte.api.actions.values())
    sent = [result.payload["timestamp"] for result in system.flyte.results if result.name == "MessageSent"]
    assert sorted(sent) == sorted(post["ts"] for post in system.posts())
