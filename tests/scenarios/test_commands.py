"""Commands through the real process: order, crashes in flight, keys, and what waits for nobody."""

from pathlib import Path
from typing import Any

from faults import When
from harness import POST, World, each, eventually, world

from flyte_slack.sandbox.workspace import Channel

MOMENTS: tuple[When, ...] = ("before", "after")
ALL = "all"


def method(name: str) -> str:
    """Return the path of a method of the Web API."""
    return rf"/slack/api/{name.replace('.', '[.]')}$"


async def sent(w: World, channel: Channel, text: str = "hello", **more: Any) -> dict[str, Any]:
    """Send a message, and return the payload of its result."""
    (result,) = await w.done(w.flyte.command(channelId=channel.id, message=text, **more))
    assert result.name == "MessageSent"
    return dict(result.payload)


async def test_order_in_a_channel(tmp_path: Path) -> None:
    """What is done to a channel is done in the order taken, whichever command it is."""
    async with world(tmp_path, FLYTE_SLACK_COMMANDS=ALL) as w:
        await w.pack.start()
        channel = w.fresh()
        there = {"channelId": channel.id, "timestamp": (await sent(w, channel))["timestamp"]}
        actions = [
            w.flyte.command(channelId=channel.id, message="second"),
            w.flyte.command("updateMessage", **there, message="changed"),
            w.flyte.command("addReaction", **there, reaction="eyes"),
            w.flyte.command("removeReaction", **there, reaction=":eyes:"),
            w.flyte.command("deleteMessage", **there),
            w.flyte.command("updateMessage", **there, message="too late"),
        ]
        results = await w.done(*actions)
        assert [result.name for result in results] == [
            "MessageSent",
            "MessageUpdated",
            "ReactionAdded",
            "ReactionRemoved",
            "MessageDeleted",
            "MessageUpdateFailure",
        ]
        assert results[-1].payload["code"] == "message_not_found"


async def test_crash_in_flight(tmp_path: Path) -> None:
    """A kill while a call is in flight: one result and one effect, whether Slack handled it or not."""
    await each(killed_in_flight, tmp_path, *MOMENTS)


async def killed_in_flight(tmp_path: Path, when: When) -> None:
    """Kill the pack at each of these commands, before or after Slack handles the call."""
    async with world(tmp_path, FLYTE_SLACK_COMMANDS=ALL) as w:
        await w.pack.start()
        channel = w.fresh()
        there = {"channelId": channel.id, "timestamp": (await sent(w, channel))["timestamp"]}
        commands: list[tuple[str, str, dict[str, Any], str]] = [
            ("chat.update", "updateMessage", {**there, "message": "changed"}, "MessageUpdated"),
            ("reactions.add", "addReaction", {**there, "reaction": "eyes"}, "ReactionAdded"),
            ("pins.add", "pinMessage", there, "MessagePinned"),
            ("conversations.create", "createChannel", {"name": "incident-7"}, "ChannelCreated"),
            ("chat.delete", "deleteMessage", there, "MessageDeleted"),
            (
                "chat.postEphemeral",
                "sendEphemeralMessage",
                {"channelId": channel.id, "userId": "U0CAROL", "message": "psst"},
                "EphemeralMessageSendFailure",
            ),
        ]
        for path, command, given, event in commands:
            w.faults.call("POST", method(path), w.pack.kill, when=when, cut=True)
            action = w.flyte.command(command, **given)
            await eventually(lambda: not w.pack.running, f"the pack is killed in {command}")
            await w.pack.start()
            (result,) = await w.done(action, timeout=60)
            assert (command, result.name) == (command, event), result.payload
        assert [one.name for one in w.workspace.channels.values()].count("incident-7") == 1
        assert w.faults.count("POST", method("chat.postEphemeral")) == 1


async def test_modal_waits_for_nobody(tmp_path: Path) -> None:
    """A modal is opened at once, though posts wait for their pace, a name for its list, a call for Slack."""
    async with world(tmp_path, FLYTE_SLACK_COMMANDS=ALL) as w:
        await w.pack.start()
        channels = [w.fresh() for _ in range(10)]
        listing = w.faults.hang("GET", method("conversations.list"))
        stuck = w.faults.hang("POST", method("chat.update"))
        posts = [w.flyte.command(channelId=c.id, message=str(n)) for n in range(30) for c in channels]
        w.flyte.command(channelId="#nowhere", message="x")
        w.flyte.command("updateMessage", channelId="C0X", timestamp="1.000001", message="x")
        await eventually(lambda: stuck.hits and listing.hits, "others hang")
        view = {"title": "Why", "blocks": []}
        modal = w.flyte.command("openModal", triggerId="1.2.3", view=view)
        (result,) = await w.done(modal)
        assert result.name == "ModalOpenFailure", "there is no such trigger"
        assert w.faults.count("POST", method("views.open")) == 1
        waiting = [post for post in posts if not post.completed]
        assert len(waiting) > 200


async def test_keys_outlive_the_process(tmp_path: Path) -> None:
    """A key's thread and message are known after a restart; actions with the same new key make one thread."""
    async with world(tmp_path, FLYTE_SLACK_COMMANDS=ALL) as w:
        await w.pack.start()
        channel = w.fresh()
        same = [w.flyte.command(channelId=channel.id, message=str(n), threadKey="t") for n in range(5)]
        results = await w.done(*same)
        root = results[0].payload["timestamp"]
        assert {result.payload["threadTimestamp"] for result in results} == {root}
        first = await sent(w, channel, "0 %", updateKey="u")
        w.pack.kill()
        await w.pack.start()
        assert (await sent(w, channel, "later", threadKey="t"))["threadTimestamp"] == root
        (updated,) = await w.done(w.flyte.command(channelId=channel.id, message="50 %", updateKey="u"))
        assert updated.name == "MessageUpdated"
        assert updated.payload["timestamp"] == first["timestamp"]


async def test_updates_that_wait_are_merged(tmp_path: Path) -> None:
    """Of updates that wait the newest is sent; each action ends in its own MessageUpdated."""
    async with world(tmp_path, FLYTE_SLACK_COMMANDS=ALL) as w:
        await w.pack.start()
        channel = w.fresh()
        await sent(w, channel, "0", updateKey="u")
        held = w.faults.hang("POST", method("chat.update"))
        actions = [w.flyte.command(channelId=channel.id, message="1", updateKey="u")]
        await eventually(lambda: held.hits, "an update is on its way")
        actions += [
            w.flyte.command(channelId=channel.id, message=str(n), updateKey="u") for n in range(2, 52)
        ]
        await w.taken(*actions)
        held.remove()
        results = await w.done(*actions)
        assert {result.name for result in results} == {"MessageUpdated"}
        assert results[-1].payload["message"] == "51"
        assert w.faults.count("POST", method("chat.update")) < 10


async def test_parts_after_a_crash(tmp_path: Path) -> None:
    """A kill between the parts of a long text: each part is posted once."""
    text = "\n\n".join(f"paragraph {number} " + "word " * 300 for number in range(30))
    async with world(tmp_path, FLYTE_SLACK_COMMANDS=ALL) as w:
        await w.pack.start()
        channel = w.fresh()
        w.faults.call("POST", POST, w.pack.kill, when="after", cut=True, skip=1)
        action = w.flyte.command(channelId=channel.id, message=text, longText="split")
        await eventually(lambda: not w.pack.running, "the pack is killed")
        await w.pack.start()
        (result,) = await w.done(action, timeout=90)
        assert result.name == "MessageSent", result.payload
        posted = [post["text"] for post in w.posts(channel)]
        assert len(set(posted)) == len(posted)
        assert "".join("".join(posted).split()) == "".join(text.split())
        assert result.payload["parts"] == [post["ts"] for post in w.posts(channel)]
