"""What flows see of what a command did, for the events that people cause too (contract, section 9)."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..events.channels import ChannelPayload
from ..events.common import UserObject, channel_keys, person
from ..events.message_deleted import MessageDeletedPayload
from ..events.message_sent import MessageSentPayload, message_sent
from ..events.message_updated import MessageUpdatedPayload
from ..events.plain_text import read_message
from ..events.reactions import ReactionPayload
from ..workspace.profiles import mapping, text
from ..workspace.workspace import Workspace

Answer = Mapping[str, Any]


async def bot(workspace: Workspace, user: str = "") -> UserObject:
    """Return the pack's own bot, as what did it.

    Args:
        workspace: knows it.
        user: its id as an answer of Slack's has it.
    """
    return await person(workspace.directory, user or workspace.identity.user_id, bot=True)


async def was_sent(
    workspace: Workspace, answer: Answer, message: Answer, parts: Sequence[str] = ()
) -> MessageSentPayload:
    """Return the payload of a message that Slack confirmed.

    Args:
        workspace: names users and channels.
        answer: Slack's.
        message: arguments that were sent; what Slack does not say of the message is taken from them.
        parts: timestamps of all messages that it became.
    """
    await workspace.identity.known()
    own = {"text": message.get("text", ""), "thread_ts": message.get("thread_ts")}
    confirmed = {**own, **mapping(answer.get("message"))}
    confirmed["ts"] = answer.get("ts") or confirmed.get("ts")
    return await message_sent(
        "command",
        confirmed,
        workspace,
        channel_id=text(answer.get("channel")) or text(message.get("channel")),
        team_id=workspace.identity.team_id or text(confirmed.get("team")),
        user=await bot(workspace, text(confirmed.get("user"))),
        parts=parts,
    )


async def was_updated(workspace: Workspace, answer: Answer, message: Answer) -> MessageUpdatedPayload:
    """Return the payload of a message that Slack changed.

    Args:
        workspace: names users and channels.
        answer: Slack's.
        message: arguments of `chat.update`.
    """
    await workspace.identity.known()
    changed = {"text": text(answer.get("text")) or message.get("text", ""), **mapping(answer.get("message"))}
    channel, timestamp = text(answer.get("channel")) or text(message["channel"]), text(message["ts"])
    thread = text(changed.get("thread_ts"))
    shown = {**{key: message.get(key) for key in ("blocks", "attachments")}, **changed}
    return MessageUpdatedPayload(
        **await channel_keys(workspace.directory, channel),
        origin="command",
        message=text(changed.get("text")),
        plain_text=(await read_message(shown, workspace.directory)).text,
        previous_message="",
        timestamp=timestamp,
        thread_timestamp=thread or timestamp,
        edited_timestamp=text(mapping(changed.get("edited")).get("ts")),
        permalink=workspace.identity.permalink(channel, timestamp, thread),
        team_id=workspace.identity.team_id,
        user=await bot(workspace),
    )


async def was_deleted(workspace: Workspace, channel: str, timestamp: str) -> MessageDeletedPayload:
    """Return the payload of a message that is gone; Slack does not tell what it said."""
    await workspace.identity.known()
    return MessageDeletedPayload(
        **await channel_keys(workspace.directory, channel),
        origin="command",
        message="",
        timestamp=timestamp,
        thread_timestamp=timestamp,
        team_id=workspace.identity.team_id,
        user=await bot(workspace),
    )


async def was_reacted_to(
    workspace: Workspace, channel: str, timestamp: str, reaction: str
) -> ReactionPayload:
    """Return the payload of a reaction of the bot's; Slack does not tell whose message it is to."""
    await workspace.identity.known()
    return ReactionPayload(
        **await channel_keys(workspace.directory, channel),
        origin="command",
        reaction=reaction,
        timestamp=timestamp,
        item_user=UserObject(),
        event_timestamp="",
        team_id=workspace.identity.team_id,
        user=await bot(workspace),
    )


async def was_done_to(workspace: Workspace, channel: str, known: Answer) -> ChannelPayload:
    """Return the payload of a channel that the bot created or archived.

    Args:
        workspace: names users and channels.
        channel: channel id.
        known: what Slack's answer says of it, if it does.
    """
    await workspace.identity.known()
    keys = await channel_keys(workspace.directory, channel)
    if known:
        keys["channel_name"] = text(known.get("name")) or keys["channel_name"]
        keys["channel_type"] = (
            "group" if known.get("is_private") is True else keys["channel_type"] or "channel"
        )
    return ChannelPayload(
        **keys,
        origin="command",
        event_timestamp="",
        team_id=workspace.identity.team_id,
        user=await bot(workspace),
    )
