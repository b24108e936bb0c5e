"""``conversations.*`` that read: what the bot can know of the channels, and what was said there.

A bot knows of every public channel, and of the private ones and direct messages it is in; it reads
only those it is a member of (docs.slack.dev on each method).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ...workspace import Channel, Message, NotInWorkspaceError, Workspace
from ..arguments import PAGE_LIMIT, Arguments, cursor_for
from ..errors import MethodError
from .base import Answer, Methods, Table

TYPES = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}


class Conversations(Methods):
    """The methods that read conversations."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.table: Table = {
            "conversations.history": self.history,
            "conversations.info": self.info,
            "conversations.list": self.list_visible,
            "conversations.members": self.members,
            "conversations.open": self.open,
            "conversations.replies": self.replies,
            "users.conversations": self.list_joined,
        }

    def list_visible(self, arguments: Arguments) -> Answer:
        """List public channels, and those private ones and direct messages that the bot is in."""
        found = [channel for channel in self._of_type(arguments) if self.is_visible(channel)]
        return arguments.page("channels", [conversation(self.workspace, channel) for channel in found])

    def list_joined(self, arguments: Arguments) -> Answer:
        """List the conversations that the bot, or another user, is a member of."""
        user = arguments.text("user") or self.workspace.bot.id
        if user not in self.workspace.users:
            raise MethodError("user_not_found")
        found = []
        for channel in self._of_type(arguments):
            if user in channel.members and self.is_visible(channel):
                found.append(conversation(self.workspace, channel))
                found[-1].pop("is_member", None)
                found[-1].pop("num_members", None)
        return arguments.page("channels", found)

    def _of_type(self, arguments: Arguments) -> list[Channel]:
        names = arguments.listed("types") or ["public_channel"]
        if unknown := [name for name in names if name not in TYPES]:
            raise MethodError("invalid_types", f"[ERROR] unknown types: {', '.join(unknown)}")
        kinds = {TYPES[name] for name in names}
        skip_archived = arguments.flag("exclude_archived")
        channels = self.workspace.channels.values()
        return [c for c in channels if c.kind in kinds and not (skip_archived and c.is_archived)]

    def info(self, arguments: Arguments) -> Answer:
        """Describe one conversation."""
        channel = self.channel(arguments)
        described = conversation(self.workspace, channel)
        if not arguments.flag("include_num_members"):
            described.pop("num_members", None)
        return {"channel": described}

    def members(self, arguments: Arguments) -> Answer:
        """List the user ids of a conversation's members."""
        return arguments.page("members", self.channel(arguments).members)

    def open(self, arguments: Arguments) -> Answer:
        """Open the direct message with one or more users."""
        if arguments.text("channel"):
            channel = self.channel(arguments)
        else:
            people = arguments.listed("users")
            if not people:
                raise MethodError("users_list_not_supplied")
            try:
                channel = self.workspace.open_direct(*people)
            except NotInWorkspaceError:
                raise MethodError("user_not_found") from None
        return {
            "channel": conversation(self.workspace, channel)
            if arguments.flag("return_im")
            else {"id": channel.id}
        }

    def history(self, arguments: Arguments) -> Answer:
        """Read a channel's messages, newest first, without the replies that stay in their threads."""
        channel = self.joined_channel(arguments)
        shown = [m for m in channel.messages if not _is_reply(m) or m.get("subtype") == "thread_broadcast"]
        return self._messages(arguments, list(reversed(shown)), arguments.page_size())

    def replies(self, arguments: Arguments) -> Answer:
        """Read a thread: its root, whatever the time range, then the replies, oldest first."""
        channel = self.joined_channel(arguments)
        asked = self.workspace.find(channel, arguments.required("ts"))
        root = self.workspace.find(channel, str(asked.get("thread_ts", asked["ts"]))) if asked else None
        if root is None:
            raise MethodError("thread_not_found")
        replies = [m for m in channel.messages if m is not root and m.get("thread_ts") == root["ts"]]
        return self._messages(arguments, replies, arguments.page_size(PAGE_LIMIT), root)

    def _messages(
        self, arguments: Arguments, candidates: Sequence[Message], size: int, root: Message | None = None
    ) -> Answer:
        oldest, latest = arguments.moment("oldest"), arguments.moment("latest")
        inclusive = arguments.flag("inclusive")

        def within(message: Message) -> bool:
            ts = Decimal(message["ts"])
            if inclusive and ts in (oldest, latest):
                return True
            return (oldest is None or ts > oldest) and (latest is None or ts < latest)

        found = [message for message in candidates if within(message)]
        if after := arguments.cursor("next_ts"):
            start = next((n for n, m in enumerate(found) if m["ts"] == after), len(found))
            found = found[start:]
        page, rest = found[:size], found[size:]
        hidden = () if arguments.flag("include_all_metadata") else ("metadata",)
        shown = [root, *page] if root else page
        answer: Answer = {
            "messages": [{k: v for k, v in message.items() if k not in hidden} for message in shown],
            "has_more": bool(rest),
        }
        if rest:
            answer["response_metadata"] = {"next_cursor": cursor_for("next_ts", rest[0]["ts"])}
        return answer


def conversation(workspace: Workspace, channel: Channel) -> Answer:
    """Describe a conversation as the bot sees it."""
    if channel.kind == "im":
        other = next(member for member in channel.members if member != workspace.bot.id)
        direct = {"id": channel.id, "created": channel.created, "is_im": True, "user": other}
        return {**direct, "is_archived": False, "is_user_deleted": False}
    set_by = {"creator": channel.creator, "last_set": channel.created}
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": False,
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "is_archived": channel.is_archived,
        "is_general": channel.name == "general",
        "is_member": workspace.bot_is_in(channel.id),
        "created": channel.created,
        "creator": channel.creator,
        "context_team_id": workspace.team_id,
        "topic": {"value": channel.topic, **set_by},
        "purpose": {"value": channel.purpose, **set_by},
        "num_members": len(channel.members),
    }


def _is_reply(message: Message) -> bool:
    return bool(message.get("thread_ts", message["ts"]) != message["ts"])
