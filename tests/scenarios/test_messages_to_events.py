"""A message in Slack becomes a `MessageSent` in Flyte (contract, section 3)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from harness import World, world

from flyte_slack.sandbox.flows import Event
from flyte_slack.sandbox.workspace import Channel

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALICE = {
    "id": "U0ALICE",
    "name": "alice",
    "displayName": "Alice",
    "email": "alice@example.com",
    "title": "Developer",
    "firstName": "Alice",
    "lastName": "Liddell",
    "isBot": "false",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One running pack for all tests of this file; each has a channel of its own."""
    async with world(tmp_path_factory.mktemp("messages")) as running:
        await running.pack.start()
        yield running


async def only_event(system: World, channel: Channel) -> Event:
    """Return the one event of a channel, after everything in line was delivered."""
    await system.marked(channel)
    events = [event for event in system.flyte.seen if event.payload["channelId"] == channel.id]
    assert len(events) == 2, [event.payload["message"] for event in events]
    return events[0]


def payloads_by_text(system: World, channel: Channel) -> dict[str, Any]:
    """Return the payloads of a channel's events by their message."""
    payloads = [event.payload for event in system.flyte.seen if event.payload["channelId"] == channel.id]
    return {payload["message"]: payload for payload in payloads}


def link(channel: Channel, message: dict[str, Any], thread: str = "") -> str:
    """Return the address of a message."""
    reply = f"?thread_ts={thread}&cid={channel.id}" if thread else ""
    return f"https://flyte-sandbox.slack.com/archives/{channel.id}/p{message['ts'].replace('.', '')}{reply}"


def expected(channel: Channel, message: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the payload of a message of Alice's, but for what differs."""
    return {
        "origin": "channel",
        "channelId": channel.id,
        "channelName": channel.name,
        "channelType": channel.kind,
        "message": message["text"],
        "timestamp": message["ts"],
        "threadTimestamp": message["ts"],
        "teamId": "T0SANDBOX",
        "user": ALICE,
        "files": [],
        "plainText": message["text"],
        "mentions": [],
        "mentionsBot": "false",
        "permalink": link(channel, message),
        "parts": [message["ts"]],
        **changes,
    }


@pytest.mark.parametrize("kind", ["channel", "group"])
async def test_message_payload(system: World, kind: str) -> None:
    """A message becomes one MessageSent with every key of the contract, at the time of the message."""
    channel = system.channel(f"payload-{kind}", kind=kind)
    message = system.say(channel, "hello")
    event = await only_event(system, channel)
    assert event.name == "MessageSent"
    assert event.payload == expected(channel, message)
    seconds, micros = message["ts"].split(".")
    at = datetime.fromtimestamp(int(seconds), UTC) + timedelta(microseconds=int(micros))
    assert event.created_at == at


async def test_direct_message(system: World) -> None:
    """A direct message has type im and no channel name."""
    channel = system.workspace.open_direct("U0ALICE")
    message = system.say(channel, "psst")
    event = await only_event(system, channel)
    assert event.payload == expected(channel, message, channelType="im", channelName="")


async def test_group_direct_message(system: World) -> None:
    """A direct message between several has type mpim."""
    channel = system.workspace.open_direct("U0ALICE", "U0BOBBY")
    message = system.say(channel, "the three of us")
    event = await only_event(system, channel)
    assert event.payload == expected(channel, message, channelType="mpim")


async def test_thread_reply(system: World) -> None:
    """A reply tells its thread, its root tells itself."""
    channel = system.channel("threads")
    root = system.say(channel, "root")
    reply = system.say(channel, "reply", thread_ts=root["ts"])
    await system.marked(channel)
    payloads = payloads_by_text(system, channel)
    assert payloads["root"] == expected(channel, root)
    assert payloads["reply"] == expected(
        channel, reply, threadTimestamp=root["ts"], permalink=link(channel, reply, root["ts"])
    )


async def test_shared_file(system: World) -> None:
    """A shared file comes with its message, its size as a string, and nothing but the contract's keys."""
    channel = system.channel("files")
    permalink = "https://flyte-sandbox.slack.com/files/U0ALICE/F0S43PZDF/log.txt"
    file = {"id": "F0S43PZDF", "name": "log.txt", "mimetype": "text/plain", "permalink": permalink}
    sent = {"user": "U0ALICE", "text": "see", "subtype": "file_share"}
    shared = [{**file, "size": 4096, "is_public": True, "url_private": "https://files"}, {"id": "F0GONE"}]
    message = system.workspace.post(channel, {**sent, "files": shared, "upload": True})
    event = await only_event(system, channel)
    unknown = {"id": "F0GONE", "name": "", "mimetype": "", "size": "", "permalink": ""}
    assert event.payload == expected(channel, message, files=[{**file, "size": "4096"}, unknown])


async def test_me_message(system: World) -> None:
    """A /me message is forwarded."""
    channel = system.channel("me")
    sent = {"user": "U0ALICE", "text": "waves", "subtype": "me_message"}
    message = system.workspace.post(channel, sent)
    assert (await only_event(system, channel)).payload == expected(channel, message)


async def test_thread_broadcast(system: World) -> None:
    """A reply that is also shown in the channel is forwarded once, with its thread."""
    channel = system.channel("broadcast")
    root = system.say(channel, "root")
    sent = {"user": "U0ALICE", "text": "for all"}
    message = system.workspace.post(channel, sent, thread_ts=root["ts"], broadcast=True)
    await system.marked(channel)
    assert payloads_by_text(system, channel)["for all"] == expected(
        channel, message, threadTimestamp=root["ts"], permalink=link(channel, message, root["ts"])
    )
    assert len(system.flyte.texts(channel)) == 3


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("see <https://example.com|this> <!here>", "see this @here"),
        *(
            (text, text)
            for text in (
                "two\nlines\tand a tab",
                "Grüße, 世界 \U0001f44d \u2028 \u0000",
                "{{ Event.Payload }} {% now %}",
                "",
            )
        ),
    ],
)
async def test_text_is_untouched(system: World, text: str, read: str) -> None:
    """Slack's text reaches Flyte as it is, and beside it what a person reads."""
    channel = system.channel(f"text-{abs(hash(text))}")
    message = system.workspace.post(channel, {"user": "U0ALICE", "text": text})
    assert (await only_event(system, channel)).payload == expected(channel, message, plainText=read)


async def test_unknown_user(system: World) -> None:
    """A user whose profile cannot be read comes with the id alone."""
    channel = system.channel("ghosts")
    message = system.workspace.post(channel, {"user": "U0GHOST", "text": "boo"})
    ghost = {**dict.fromkeys(ALICE, ""), "id": "U0GHOST", "isBot": "false"}
    assert (await only_event(system, channel)).payload == expected(channel, message, user=ghost)


async def test_no_fall_back_between_names(system: World) -> None:
    """An empty name stays empty: no field stands in for another."""
    user = system.workspace.person("plain")
    user.display_name = user.real_name = user.email = user.title = ""
    channel = system.channel("plain-people")
    message = system.say(channel, "hi", who="plain")
    plain = {**dict.fromkeys(ALICE, ""), "id": user.id, "name": "plain", "isBot": "false"}
    assert (await only_event(system, channel)).payload == expected(channel, message, user=plain)


@pytest.mark.parametrize(
    "message",
    [
        {"bot_id": "B0OTHER", "user": "U0OTHER", "text": "another bot, without a subtype"},
        {"bot_id": "B0OTHER", "subtype": "bot_message", "username": "CI", "text": "another bot"},
        {"bot_id": "B0FLYTE", "user": "U0FLYTE", "text": "the pack's own"},
        {"user": "U0FLYTE", "text": "the pack's own, without its bot id"},
        {"user": "U0ALICE", "subtype": "channel_join", "text": "<@U0ALICE> has joined the channel"},
        {"user": "U0ALICE", "subtype": "channel_topic", "topic": "x", "text": "set the topic"},
        {"user": "U0ALICE", "subtype": "pinned_item", "text": "pinned"},
        {"user": "U0ALICE", "subtype": "brand_new_subtype", "text": "?"},
        {"user": "U0ALICE", "hidden": True, "text": "hidden"},
    ],
    ids=lambda message: message.get("subtype") or message["text"][:12],
)
async def test_not_forwarded(system: World, message: dict[str, Any]) -> None:
    """What no person wrote is acknowledged and not forwarded."""
    channel = system.channel(f"quiet-{abs(hash(str(message)))}")
    system.workspace.post(channel, message)
    await system.marked(channel)
    assert len(system.flyte.texts(channel)) == 1


async def test_changes_are_not_forwarded(system: World) -> None:
    """Edits, deletions and reactions are not forwarded, nor does an edit repeat the message."""
    channel = system.channel("changes")
    message = system.say(channel, "first")
    system.workspace.edit(channel, message, {"text": "second"}, "U0ALICE")
    system.workspace.react(channel, message, "eyes", "U0BOBBY")
    system.workspace.delete(channel, message)
    system.socket_mode.deliver({"type": "reaction_added", "user": "U0BOBBY", "reaction": "eyes"})
    event = await only_event(system, channel)
    assert event.payload["message"] == "first"
    assert not system.socket_mode.unacknowledged


async def test_unknown_payloads_are_acknowledged(system: World) -> None:
    """Events that the pack has no use for are acknowledged, so that Slack does not send them again."""
    before = len(system.socket_mode.acknowledged)
    for event in ({"type": "app_mention", "text": "hi"}, {"type": "team_join"}, {"type": "something_new"}):
        system.socket_mode.deliver(event)
    await system.acknowledged(before + 3)


async def test_only_the_chosen_channels(tmp_path: Path) -> None:
    """FLYTE_SLACK_CHANNELS forwards the channels it lists, by id or by #name, and no other."""
    async with world(tmp_path) as chosen:
        by_name, by_id, other = (chosen.channel(name) for name in ("by-name", "by-id", "other"))
        await chosen.pack.start(FLYTE_SLACK_CHANNELS=f"#by-name, {by_id.id}")
        for channel in (other, by_name, by_id):
            chosen.say(channel, "hello")
        await chosen.acknowledged(3)
        chosen.say(other, "again")
        await chosen.marked(by_name, by_id)
        assert chosen.flyte.texts(other) == []
        assert len(chosen.flyte.seen) == 4
