"""People and scripts at the sandbox's own interface, and what the app is told of them."""

from typing import Any

import pytest
from sandbox_parts import Peer, Person
from slack_sdk.web.async_client import AsyncWebClient

from flyte_slack.sandbox.server import Sandbox

pytest_plugins = ["sandbox_fixtures"]

NEVER = "1700000000.000001"


async def test_an_edit(alice: Person, peer: Peer) -> None:
    """The app gets the message before and after; the same text again is no edit."""
    ts = await alice.says("teh")
    await peer.event()
    await alice.does("edits", channel="general", ts=ts, text="teh")
    await alice.does("edits", channel="general", ts=ts, text="the")
    event = await peer.event()
    assert (event["subtype"], event["hidden"], event["channel_type"]) == ("message_changed", True, "channel")
    assert (event["previous_message"]["text"], event["message"]["text"]) == ("teh", "the")
    assert event["message"]["edited"]["user"] == "U0ALICE"
    [seen] = await alice.sees()
    assert (seen["ts"], seen["text"], seen["edited"]) == (ts, "the", True)


async def test_a_deletion(alice: Person, peer: Peer) -> None:
    """A message is gone, with its last text in the event; a root with replies leaves a tombstone."""
    ts = await alice.says("gone")
    await alice.does("deletions", channel="general", ts=ts)
    _, event = await peer.events(2)
    assert (event["subtype"], event["deleted_ts"]) == ("message_deleted", ts)
    assert event["previous_message"]["text"] == "gone"
    root = await alice.says("root")
    await alice.says("reply", thread_ts=root)
    await alice.does("deletions", channel="general", ts=root)
    _, _, event = await peer.events(3)
    assert (event["subtype"], event["message"]["subtype"]) == ("message_changed", "tombstone")
    assert event["previous_message"]["text"] == "root"
    assert [seen["text"] for seen in await alice.sees()] == ["reply"]


async def test_whose_messages_one_changes(alice: Person, bob: Person, slack: AsyncWebClient) -> None:
    """Only one's own; the bot's can be deleted, as an administrator would."""
    ts = await alice.says("mine")
    assert (await bob.refused("edits", channel="general", ts=ts, text="x"))[0] == 400
    assert (await bob.refused("deletions", channel="general", ts=ts))[0] == 400
    posted = await slack.chat_postMessage(channel="general", text="bot")
    await bob.does("deletions", channel="general", ts=posted["ts"])
    assert [seen["text"] for seen in await alice.sees()] == ["mine"]


async def test_reactions(alice: Person, bob: Person, peer: Peer) -> None:
    """Added, seen by name, taken back; twice the same is once."""
    ts = await alice.says("look")
    for _ in range(2):
        await bob.does("reactions", channel="general", ts=ts, reaction=":eyes:")
    assert (await alice.sees())[0]["reactions"] == [{"name": "eyes", "users": ["bob"], "count": 1}]
    await bob.does("reactions", channel="general", ts=ts, reaction="eyes", remove=True)
    assert (await alice.sees())[0]["reactions"] == []
    _, added, removed = await peer.events(3)
    assert (added["type"], added["user"], added["item"]["ts"]) == ("reaction_added", "U0BOB", ts)
    assert (removed["type"], removed["item_user"]) == ("reaction_removed", "U0ALICE")


async def test_direct_messages(alice: Person, peer: Peer, slack: AsyncWebClient) -> None:
    """@flyte is one's own direct message with the bot, whose answer is seen there."""
    await alice.says("psst", channel="@flyte")
    event = await peer.event()
    assert (event["channel_type"], event["text"]) == ("im", "psst")
    await slack.chat_postMessage(channel="U0ALICE", text="yes?")
    for reference in ("@flyte", "@alice", event["channel"]):
        assert [seen["text"] for seen in await alice.sees(reference)] == ["psst", "yes?"]


async def test_what_is_typed_becomes_slacks_notation(alice: Person) -> None:
    """Names that are known become mentions, addresses links; code and unknown names stay."""
    expected = {
        "@bob: look": "<@U0BOB>: look",
        "@bobby.": "<@U0BOBBY>.",
        "@here and @on-call": "<!here> and <!subteam^S0ONCALL>",
        "mail bob@example.com, @nobody": "mail bob@example.com, @nobody",
        "see https://example.com/a?b=1&c=2.": "see <https://example.com/a?b=1&amp;c=2>.",
        "`@bob https://example.com`": "`@bob https://example.com`",
        "<@U0BOB> <b>": "&lt;<@U0BOB>&gt; &lt;b&gt;",
    }
    for text in expected:
        await alice.says(text)
    assert [seen["text"] for seen in await alice.sees()] == list(expected.values())


async def test_a_channel_is_named(alice: Person, sandbox: Sandbox) -> None:
    """#name becomes the channel."""
    await alice.says("over in #ops")
    ops = sandbox.workspace.channel("ops").id
    assert (await alice.sees())[0]["text"] == f"over in <#{ops}|ops>"


async def test_channels_and_members(alice: Person, peer: Peer, sandbox: Sandbox) -> None:
    """Creating, inviting the bot, renaming, describing, archiving: each with its event."""
    channel = (await alice.does("channels", name="release"))["id"]
    assert (await peer.event())["type"] == "channel_created"
    await alice.does("members", channel="release", user="flyte", inviter="alice")
    joined, line = await peer.events(2)
    assert (joined["type"], joined["user"], joined["inviter"]) == (
        "member_joined_channel",
        "U0FLYTE",
        "U0ALICE",
    )
    assert line["subtype"] == "channel_join"
    await alice.does("channels/release", name="shipping")
    assert (await peer.events(2))[0]["channel"]["name"] == "shipping"
    await alice.does("channels/shipping", topic="now", archived=True)
    events = [event.get("subtype") or event["type"] for event in await peer.events(3)]
    assert events == ["channel_topic", "channel_archive", "channel_archive"]
    assert sandbox.workspace.channels[channel].topic == "now"
    assert (await alice.refused("messages", channel="shipping", text="x"))[0] == 400
    await alice.does("channels/shipping", archived=False)
    await peer.events(2)
    await alice.does("members", channel="shipping", user="flyte", remove=True)
    line, left = await peer.events(2)
    assert (line["subtype"], left["type"], left["user"]) == (
        "channel_leave",
        "member_left_channel",
        "U0FLYTE",
    )


async def test_a_person_joins(alice: Person, peer: Peer) -> None:
    """team_join has the whole user."""
    dave = (await alice.does("people", name="dave"))["id"]
    event = await peer.event()
    assert (event["type"], event["user"]["id"], event["user"]["name"]) == ("team_join", dave, "dave")
    assert (await alice.refused("people", name="dave"))[0] == 400
    _, listed = await alice.call("GET", "people")
    assert [person["name"] for person in listed["people"]] == ["alice", "bobby", "carol", "bob", "dave"]


async def test_the_app_home(alice: Person, peer: Peer, slack: AsyncWebClient) -> None:
    """Opening it is an event with the tab, and with what the app has published."""
    await alice.does("home", tab="messages")
    event = await peer.event()
    assert (event["type"], event["tab"], event["user"]) == ("app_home_opened", "messages", "U0ALICE")
    assert event["channel"].startswith("D")
    view = {"type": "home", "blocks": [{"type": "divider"}]}
    await slack.views_publish(user_id="U0ALICE", view=view)
    await alice.does("home")
    event = await peer.event()
    assert (event["tab"], event["view"]["blocks"][0]["type"]) == ("home", "divider")
    assert (await alice.call("GET", "home?user=alice"))[1]["view"]["type"] == "home"


async def test_a_persons_file(alice: Person, peer: Peer) -> None:
    """It comes as file_share, is listed, and is read back; it never becomes a page."""
    page = "<script>alert(1)</script>"
    answer = await alice.does("files", channel="general", filename="a.html", content=page, text="see")
    event = await peer.event()
    assert (event["subtype"], event["text"], event["files"][0]["name"]) == ("file_share", "see", "a.html")
    shared = await peer.event()
    assert (shared["type"], shared["file_id"], shared["user_id"]) == (
        "file_shared",
        answer["file"],
        "U0ALICE",
    )
    assert (await alice.sees())[0]["files"][0]["url"] == f"/api/files/{answer['file']}"
    _, listed = await alice.call("GET", "files?channel=general")
    assert [file["id"] for file in listed["files"]] == [answer["file"]]
    async with alice.session.get(f"/api/files/{answer['file']}") as response:
        assert await response.text() == page
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("status", "path", "body"),
    [
        (404, "reactions", {"channel": "nowhere", "ts": NEVER, "reaction": "eyes"}),
        (404, "reactions", {"channel": "general", "ts": NEVER, "reaction": "eyes"}),
        (404, "edits", {"channel": "general", "ts": NEVER, "text": "x"}),
        (404, "deletions", {"channel": "general", "ts": NEVER}),
        (404, "clicks", {"channel": "general", "ts": NEVER, "action_id": "a"}),
        (404, "clicks", {"channel": "general", "user": "nobody", "ts": NEVER, "action_id": "a"}),
        (404, "messages", {"channel": "general", "text": "x", "thread_ts": NEVER}),
        (404, "slash-commands", {"channel": "nowhere", "command": "/deploy"}),
        (404, "slash-commands", {"channel": "general", "user": "nobody", "command": "/deploy"}),
        (404, "shortcuts", {"callback_id": "c", "channel": "general", "ts": NEVER}),
        (404, "modals/V404", {"inputs": {}}),
        (404, "modals/V404/clicks", {"action_id": "a"}),
        (404, "members", {"channel": "general", "user": "nobody"}),
        (404, "messages", {"channel": "@nobody", "text": "x"}),
        (400, "reactions", {"channel": "general", "ts": 7, "reaction": "eyes"}),
        (400, "reactions", {"channel": "general", "ts": NEVER}),
        (400, "slash-commands", {"channel": "general", "command": "deploy"}),
        (400, "slash-commands", {"channel": "general", "command": "/de ploy"}),
        (400, "slash-commands", {"channel": "general", "user": "flyte", "command": "/deploy"}),
        (400, "slash-commands", {"channel": "general", "command": "/deploy", "text": 7}),
        (400, "modals/V404", {"inputs": []}),
        (400, "channels", {"name": "general"}),
        (400, "channels", {"name": "No Good"}),
        (400, "channels/@alice", {"topic": "x"}),
        (400, "members", {"channel": "general", "remove": "yes"}),
        (400, "files", {"channel": "general", "filename": "a"}),
        (400, "files", {"channel": "general", "filename": "a", "content_base64": "?"}),
        (400, "home", {"tab": "about"}),
        (400, "messages", {"channel": "@bob", "text": "not hers"}),
    ],
)
async def test_what_cannot_be_done_is_explained(
    alice: Person, peer: Peer, status: int, path: str, body: dict[str, Any]
) -> None:
    """A sentence, 404 for what is not there and 400 for what cannot be; the app hears of nothing."""
    assert (await alice.refused(path, **body))[0] == status
    await alice.says("next")
    assert (await peer.event())["text"] == "next"


async def test_the_bot_is_mentioned(alice: Person, peer: Peer) -> None:
    """Beside the message there is an app_mention, where the bot is a member."""
    ts = await alice.says("@flyte help")
    await alice.says("@flyte help", channel="announcements")
    await alice.says("@bob help")
    message, mention, other = await peer.events(3)
    assert [message["type"], mention["type"], other["type"]] == ["message", "app_mention", "message"]
    assert message["ts"] == mention["ts"] == ts
    assert (mention["text"], mention["user"]) == ("<@U0FLYTE> help", "U0ALICE")
    assert other["text"] == "<@U0BOB> help"


async def test_a_reply_can_be_shown_in_the_channel(alice: Person, peer: Peer) -> None:
    """With broadcast it is a thread_broadcast, whose event has the root."""
    root = await alice.says("root")
    await alice.says("news", thread_ts=root, broadcast=True)
    _, event = await peer.events(2)
    assert (event["subtype"], event["root"]["ts"]) == ("thread_broadcast", root)
    assert [message["subtype"] for message in await alice.sees()] == ["", "thread_broadcast"]
