"""Posting, changing, scheduling: `chat.*` as the official client sees it."""

import time
from typing import Any

import pytest
from sandbox_parts import Peer, Person, actions, button, client, error_of, plain, refusal_of
from slack_sdk.web.async_client import AsyncWebClient
from support import eventually_true

from flyte_slack.sandbox.server import Sandbox

pytest_plugins = ["sandbox_fixtures"]

METADATA = {"event_type": "flyte_action", "event_payload": {"action_id": "a1"}}
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hi"}}


async def general(slack: AsyncWebClient) -> str:
    """Return the id of #general."""
    return str((await slack.conversations_list())["channels"][0]["id"])


async def test_markdown_is_a_block_of_its_own(slack: AsyncWebClient) -> None:
    """markdown_text excludes text and blocks, and is at most 12,000 characters."""
    posted = await slack.chat_postMessage(channel="general", markdown_text="**bold**")
    assert [block["type"] for block in posted["message"]["blocks"]] == ["markdown"]
    for more in ({"text": "x"}, {"blocks": [SECTION]}):
        both = slack.api_call("chat.postMessage", json={"channel": "general", "markdown_text": "x", **more})
        assert await error_of(both) == "markdown_text_conflict"
    assert await error_of(slack.chat_postMessage(channel="general", markdown_text="x" * 12_001)) == (
        "msg_too_long"
    )


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"type": "sectoin"}, "unsupported type: sectoin [json-pointer:/blocks/0/type]"),
        ({"type": "section"}, "missing required field: text [json-pointer:/blocks/0]"),
        ({"type": "input", "label": plain("x")}, "missing required field: element [json-pointer:/blocks/0]"),
        (actions(), "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
        (actions({"type": "buton"}), "unsupported type: buton [json-pointer:/blocks/0/elements/0/type]"),
        (
            actions(button("a", style="green")),
            "failed to match all allowed schemas [json-pointer:/blocks/0/elements/0/style]",
        ),
        (
            {"type": "header", "text": plain("x" * 151)},
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        ({"type": "image", "alt_text": "x"}, "missing required field: image_url [json-pointer:/blocks/0]"),
    ],
)
async def test_bad_blocks_are_explained(slack: AsyncWebClient, block: dict[str, Any], problem: str) -> None:
    """invalid_blocks says what is wrong, and where, in errors and in the messages."""
    refusal = await refusal_of(slack.chat_postMessage(channel="general", text="x", blocks=[block]))
    assert refusal["error"] == "invalid_blocks"
    assert refusal["errors"] == [problem]
    assert refusal["response_metadata"]["messages"] == [f"[ERROR] {problem}"]


async def test_two_blocks_cannot_share_an_id(slack: AsyncWebClient) -> None:
    """All that is wrong is listed at once."""
    twice = [{**SECTION, "block_id": "b"}] * 3
    refusal = await refusal_of(slack.chat_postMessage(channel="general", text="x", blocks=twice))
    assert len(refusal["errors"]) == 2


async def test_controls_without_an_id_get_one(slack: AsyncWebClient) -> None:
    """Each block and each control can be told apart."""
    nameless = {key: value for key, value in button("x").items() if key != "action_id"}
    block = {"type": "actions", "elements": [nameless, {**nameless}]}
    posted = await slack.chat_postMessage(channel="general", text="x", blocks=[block])
    [stored] = posted["message"]["blocks"]
    assert stored["block_id"]
    assert len({element["action_id"] for element in stored["elements"]}) == 2


async def test_events_keep_the_payload_of_metadata_back(slack: AsyncWebClient, peer: Peer) -> None:
    """Events name a message's metadata by its type only, also where the message is changed."""
    posted = await slack.chat_postMessage(channel="general", text="x", metadata=METADATA)
    await slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="y")
    new, changed = await peer.events(2)
    for message in (new, changed["message"], changed["previous_message"]):
        assert message["metadata"] == {"event_type": "flyte_action", "event_payload": {}}
    read = await slack.conversations_history(channel=posted["channel"], include_all_metadata=True)
    assert read["messages"][0]["metadata"] == METADATA


async def test_an_update_says_what_stays(slack: AsyncWebClient) -> None:
    """Empty lists take blocks and attachments away; attachments that are not given stay."""
    channel = await general(slack)
    content: dict[str, Any] = {"blocks": [SECTION], "attachments": [{"text": "more"}]}
    ts = (await slack.chat_postMessage(channel=channel, text="x", **content))["ts"]
    first = (await slack.chat_update(channel=channel, ts=ts, text="y", blocks=[SECTION]))["message"]
    assert (first["text"], len(first["blocks"]), len(first["attachments"])) == ("y", 1, 1)
    second = (await slack.chat_update(channel=channel, ts=ts, text="z", blocks=[], attachments=[]))["message"]
    assert second.keys().isdisjoint({"blocks", "attachments"})


async def test_updates_that_cannot_be(slack: AsyncWebClient, alice: Person) -> None:
    """A change is at most 4,000 characters, says something, and is of a message of the bot's own."""
    channel = await general(slack)
    ts = (await slack.chat_postMessage(channel=channel, text="x"))["ts"]
    hers = await alice.says("mine")
    expected = {
        "msg_too_long": slack.chat_update(channel=channel, ts=ts, text="x" * 4_001),
        "no_text": slack.chat_update(channel=channel, ts=ts, text=""),
        "cant_update_message": slack.chat_update(channel=channel, ts=hers, text="x"),
        "cant_delete_message": slack.chat_delete(channel=channel, ts=hers),
        "message_not_found": slack.chat_update(channel=channel, ts="1700000000.000001", text="x"),
        "channel_not_found": slack.chat_update(channel="C404", ts=ts, text="x"),
    }
    for error, call in expected.items():
        assert await error_of(call) == error


async def test_an_ephemeral_message_is_shown_to_one(
    slack: AsyncWebClient, alice: Person, sandbox: Sandbox, peer: Peer
) -> None:
    """It is in no history and no event, and the person sees it."""
    channel = await general(slack)
    answer = await slack.chat_postEphemeral(channel=channel, user="U0ALICE", text="psst")
    assert (await slack.conversations_history(channel=channel))["messages"] == []
    [seen] = await alice.sees()
    assert (seen["ts"], seen["ephemeral_to"]) == (answer["message_ts"], "alice")
    await slack.chat_postMessage(channel=channel, text="for all")
    assert (await peer.event())["text"] == "for all"
    stranger = sandbox.workspace.add_channel("few", ["U0BOBBY", sandbox.workspace.bot.id])
    nobody = slack.chat_postEphemeral(channel=stranger.id, user="U0ALICE", text="x")
    assert await error_of(nobody) == "user_not_in_channel"


async def test_permalinks(slack: AsyncWebClient) -> None:
    """A reply's address names its thread."""
    channel = await general(slack)
    root = (await slack.chat_postMessage(channel=channel, text="root"))["ts"]
    reply = (await slack.chat_postMessage(channel=channel, text="reply", thread_ts=root))["ts"]
    answers = [await slack.chat_getPermalink(channel=channel, message_ts=ts) for ts in (root, reply)]
    links = [answer["permalink"] for answer in answers]
    place = f"https://flyte-sandbox.slack.com/archives/{channel}/p"
    assert links[0] == place + root.replace(".", "")
    assert links[1] == f"{place}{reply.replace('.', '')}?thread_ts={root}&cid={channel}"
    absent = slack.chat_getPermalink(channel=channel, message_ts="1700000000.000001")
    assert await error_of(absent) == "message_not_found"


async def test_a_scheduled_message_is_posted_when_it_is_due(slack: AsyncWebClient, alice: Person) -> None:
    """It is listed until then, and in the channel from then on."""
    due = int(time.time()) + 2
    answer = await slack.chat_scheduleMessage(channel="general", post_at=due, text="later")
    assert answer["post_at"] == due
    [pending] = (await slack.chat_scheduledMessages_list())["scheduled_messages"]
    assert (pending["id"], pending["text"]) == (answer["scheduled_message_id"], "later")
    assert pending["channel_id"] == answer["channel"]
    await eventually_true(alice.sees)
    [posted] = await alice.sees()
    assert (posted["text"], posted["user"]) == ("later", "flyte")
    assert (await slack.chat_scheduledMessages_list())["scheduled_messages"] == []
    assert float(posted["ts"]) >= due
    gone = slack.chat_deleteScheduledMessage(channel=answer["channel"], scheduled_message_id=pending["id"])
    assert await error_of(gone) == "invalid_scheduled_message_id"


async def test_a_scheduled_message_can_be_taken_back(slack: AsyncWebClient) -> None:
    """Once; and only in its channel."""
    due = int(time.time()) + 1_000
    answer = await slack.chat_scheduleMessage(channel="general", post_at=due, text="later")
    channel, scheduled = answer["channel"], answer["scheduled_message_id"]
    other = (await slack.conversations_list())["channels"][1]["id"]
    elsewhere = slack.chat_deleteScheduledMessage(channel=other, scheduled_message_id=scheduled)
    assert await error_of(elsewhere) == "invalid_scheduled_message_id"
    await slack.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=scheduled)
    assert (await slack.chat_scheduledMessages_list(channel=channel))["scheduled_messages"] == []
    again = slack.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=scheduled)
    assert await error_of(again) == "invalid_scheduled_message_id"


async def test_times_that_cannot_be(slack: AsyncWebClient) -> None:
    """The past, more than 120 days ahead, and what is no time."""
    now = int(time.time())
    for post_at, error in (
        (now - 5, "time_in_past"),
        (now + 121 * 86_400, "time_too_far"),
        ("soon", "invalid_time"),
    ):
        message = {"channel": "general", "post_at": post_at, "text": "x"}
        assert await error_of(slack.api_call("chat.scheduleMessage", json=message)) == error
    due = now + 10_000
    for _ in range(30):
        await slack.chat_scheduleMessage(channel="general", post_at=due, text="x")
    crowded = slack.chat_scheduleMessage(channel="general", post_at=due, text="x")
    assert await error_of(crowded) == "restricted_too_many"


async def test_an_app_token_posts_nothing(sandbox: Sandbox) -> None:
    """The methods are the bot token's."""
    call = client(sandbox, sandbox.app_token).chat_postMessage(channel="general", text="x")
    assert await error_of(call) == "not_allowed_token_type"
