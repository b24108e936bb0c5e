"""The ``conversations.*`` methods of the Web API: what the bot can know and read of the channels.

A bot knows of every public channel, and of the private ones and direct messages it is in; it reads
only those it is a member of (docs.slack.dev on each method).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from .slack_arguments import PAGE_LIMIT, Arguments, MethodError, cursor_for
from .workspace import Channel, Message, NotInWorkspaceError, Workspace

Answer = dict[str, Any]

TYPES = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}


class Conversations:
    """The ``conversations.*`` methods by their name, in ``table``."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.table: dict[str, Callable[[Arguments], Answer]] = {
            "conversations.history": self.history,
            "conversations.info": self.info,
            "conversations.join": self.join,
            "conversations.list": self.list,
            "conversations.members": self.members,
            "conversations.open": self.open,
            "conversations.replies": self.replies,
        }

    def list(self, arguments: Arguments) -> Answer:
        """List public channels, and those private ones and direct messages that the bot is in."""
        names = (arguments.text("types") or "public_channel").replace(" ", "").split(",")
        if unknown := [name for name in names if name not in TYPES]:
            raise MethodError("invalid_types", f"[ERROR] unknown types: {', '.join(unknown)}")
        kinds = {TYPES[name] for name in names}
        skip_archived = arguments.flag("exclude_archived")
        found = [
            self._conversation(channel)
            for channel in self.workspace.channels.values()
            if channel.kind in kinds
            and self._visible(channel)
            and not (skip_archived and channel.is_archived)
        ]
        return arguments.page("channels", found)

    def info(self, arguments: Arguments) -> Answer:
        """Describe one conversation."""
        channel = self.visible_channel(arguments)
        described = self._conversation(channel)
        if not arguments.flag("include_num_members"):
            described.pop("num_members", None)
        return {"channel": described}

    def members(self, arguments: Arguments) -> Answer:
        """List the user ids of a conversation's members."""
        return arguments.page("members", self.visible_channel(arguments).members)

    def open(self, arguments: Arguments) -> Answer:
        """Open the direct message with one or more users."""
        if arguments.text("channel"):
            channel = self.visible_channel(arguments)
        else:
            people = arguments.required("users").replace(" ", "").split(",")
            try:
                channel = self.workspace.open_direct(*people)
            except NotInWorkspaceError:
                raise MethodError("user_not_found") from None
        return {"channel": self._conversation(channel) if arguments.flag("return_im") else {"id": channel.id}}

    def join(self, arguments: Arguments) -> Answer:
        """Make the bot a member of a public channel."""
        channel = self.visible_channel(arguments)
        if channel.kind != "channel":
            raise MethodError("method_not_supported_for_channel_type")
        if channel.is_archived:
            raise MethodError("is_archived")
        joined = self.workspace.bot_is_in(channel.id)
        self.workspace.join(channel, self.workspace.bot.id)
        answer: Answer = {"channel": self._conversation(channel)}
        return answer | ({"warning": "already_in_channel"} if joined else {})

    def history(self, arguments: Arguments) -> Answer:
        """Read a channel's messages, newest first, without the replies that stay in their threads."""
        channel = self.readable_channel(arguments)
        shown = [m for m in channel.messages if not _is_reply(m) or m.get("subtype") == "thread_broadcast"]
        return self._messages(arguments, list(reversed(shown)), arguments.page_size())

    def replies(self, arguments: Arguments) -> Answer:
        """Read a thread: its root, whatever the time range, then the replies, oldest first."""
        channel = self.readable_channel(arguments)
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

    def _visible(self, channel: Channel) -> bool:
        return channel.kind == "channel" or self.workspace.bot_is_in(channel.id)

    def channel(self, arguments: Arguments) -> Channel:
        """Return the channel whose id is in ``channel``."""
        try:
            return self.workspace.channels[arguments.required("channel")]
        except KeyError:
            raise MethodError("channel_not_found") from None

    def visible_channel(self, arguments: Arguments) -> Channel:
        """Return the channel if the bot may know that it exists."""
        channel = self.channel(arguments)
        if not self._visible(channel):
            raise MethodError("channel_not_found")
        return channel

    def readable_channel(self, arguments: Arguments) -> Channel:
        """Return the channel if the bot is a member of it."""
        channel = self.visible_channel(arguments)
        if not self.workspace.bot_is_in(channel.id):
            raise MethodError("not_in_channel")
        return channel

    def _conversation(self, channel: Channel) -> Answer:
        if channel.kind == "im":
            other = next(member for member in channel.members if member != self.workspace.bot.id)
            direct = {"id": channel.id, "created": channel.created, "is_im": True, "user": other}
            return {**direct, "is_archived": False, "is_user_deleted": False}
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
            "is_member": self.workspace.bot_is_in(channel.id),
            "created": channel.created,
            "creator": "U0ALICE",
            "context_team_id": self.workspace.team_id,
            "topic": {"value": channel.topic, "creator": "U0ALICE", "last_set": channel.created},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "num_members": len(channel.members),
        }


def _is_reply(message: Message) -> bool:
    return bool(message.get("thread_ts", message["ts"]) != message["ts"])
