"""Classic mode: flows written for the Go pack run unchanged (contract, section 11)."""

from pathlib import Path
from typing import Any

from harness import World, eventually, world

CLASSIC = {"FLYTE_SLACK_CLASSIC": "true"}


async def result(w: World, command: str, **input_: Any) -> tuple[str, Any]:
    """Give a command and return the event that it ends in."""
    before = len(w.flyte.results)
    w.flyte.command(command, **input_)
    await eventually(lambda: len(w.flyte.results) > before)
    event = w.flyte.results[-1]
    return event.name, event.payload


async def test_messages_and_commands(tmp_path: Path) -> None:
    """What is registered, what a message becomes, and what each command ends in."""
    async with world(tmp_path) as w:
        await w.pack.start(**CLASSIC)
        w.say("general", "hello")
        await eventually(lambda: w.flyte.seen)
        seen = w.flyte.seen[0]
        assert seen.name == "ReceivedMessage"
        assert seen.payload.keys() == {
            "channelId", "user", "message", "timestamp", "threadTimestamp", "replyCount", "replies",
        }  # fmt: skip
        assert seen.payload["user"].keys() == {"id", "name", "email", "title", "firstName", "lastName"}
        assert (seen.payload["replyCount"], seen.payload["replies"]) == (0, [])
        channel = seen.payload["channelId"]

        sent = {"message": "<!channel> hi", "channelId": channel, "threadTimestamp": ""}
        assert await result(w, "SendMessage", message="<!channel> hi", channelId=channel) == (
            "MessageSent",
            sent,
        )
        name, payload = await result(w, "SendMessage", message="hi", channelId="C0NOWHERE")
        assert name == "SendMessageFailed"
        assert payload.keys() == {"message", "channelId", "threadTimestamp", "error"}

        name, payload = await result(w, "SendRichMessage", channel=channel, text="rich", icon_emoji=":tada:")
        assert name == "RichMessageSent"
        assert payload | {"threadTimestamp": ""} == {
            "channel": channel,
            "text": "rich",
            "icon_emoji": ":tada:",
            "channelId": channel,
            "threadTimestamp": "",
        }
        assert payload["threadTimestamp"]
        name, payload = await result(w, "SendRichMessage", channel="C0NOWHERE", text="rich")
        assert (name, payload["inputMessage"]) == (
            "SendRichMessageFailed",
            {"channel": "C0NOWHERE", "text": "rich"},
        )

        name, payload = await result(w, "GetChannelInfo", channelName="#general")
        assert name == "GetChannelInfoSuccess"
        assert payload["conversation"]["id"] == channel
        assert payload["channelName"] == "#general"
        name, payload = await result(w, "GetChannelInfo", channelName="nowhere")
        assert (name, payload.keys()) == ("GetChannelInfoFail", {"channelName", "reason"})

        name, payload = await result(w, "SendMessage", message=3, channelId=channel)
        assert (name, payload["command"]) == ("FATAL", "SendMessage")
        assert (await result(w, "sendMessage", message="x", channelId=channel))[0] == "FATAL"


async def test_choices_are_refused(tmp_path: Path) -> None:
    """Classic mode offers what the Go pack does, and nothing can be chosen."""
    async with world(tmp_path) as w:
        w.pack.launch(**CLASSIC, FLYTE_SLACK_EVENTS="MessageSent")
        await eventually(lambda: not w.pack.running)
        assert w.pack.process.returncode == 2
        assert "FLYTE_SLACK_EVENTS: cannot be set in classic mode" in w.pack.stderr
