"""A Slack workspace in memory: people, channels, messages and threads, without any input or output.

Shapes follow Slack's own JSON (users, conversations, messages, Events API inner events), because what
reads them expects Slack. Sources: docs.slack.dev on the types ``user``, ``conversation`` and
``message``, and the project's notes of what Slack does.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]
"""One message as Slack stores it: ``type``, ``ts``, ``text``, ``user`` or ``bot_id``, ``thread_ts``, …"""

Event = dict[str, Any]
"""The inner event of the Events API: ``{"type": "message", "channel": "C…", "ts": "…", …}``."""

Listener = Callable[[Event], None]

TOMBSTONE = "tombstone"

PEOPLE = (
    ("U0ALICE", "alice", "Alice Liddell", "Alice", "alice@example.com", "Developer"),
    ("U0BOBBY", "bobby", "Bobby Tables", "Bobby T", "bobby@example.com", "SRE"),
    ("U0CAROL", "carol", "Carol Shaw", "Carol", "carol@example.com", "Team lead"),
)


class NotInWorkspaceError(LookupError):
    """The workspace has no such channel, person, thread or message."""


def escape(text: str) -> str:
    """Text as Slack stores what a person writes: only ``&``, ``<`` and ``>`` become entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(slots=True)
class User:
    """A member of the workspace, person or bot."""

    id: str
    name: str
    real_name: str
    display_name: str = ""
    email: str = ""
    title: str = ""
    bot_id: str = ""

    def as_slack(self, team_id: str) -> dict[str, Any]:
        """Return the ``user`` object of ``users.info``."""
        first, _, last = self.real_name.partition(" ")
        profile = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.display_name,
            "display_name_normalized": self.display_name,
            "first_name": first,
            "last_name": last,
            "title": self.title,
            "team": team_id,
        }
        # Bots have no address, and what they do have is the id of the bot behind them.
        profile |= {"bot_id": self.bot_id} if self.bot_id else {"email": self.email}
        return {
            "id": self.id,
            "team_id": team_id,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": False,
            "tz": "Etc/UTC",
            "is_admin": False,
            "is_bot": bool(self.bot_id),
            "is_app_user": False,
            "updated": 0,
            "profile": profile,
        }


@dataclass(slots=True)
class Channel:
    """A conversation. ``kind`` is Slack's ``channel_type``: ``channel``, ``group``, ``im`` or ``mpim``."""

    id: str
    name: str
    kind: str
    members: list[str]
    topic: str = ""
    is_archived: bool = False
    created: int = 0
    messages: list[Message] = field(default_factory=list)


class Workspace:
    """The state of one workspace and the events that its changes cause.

    ``clock`` gives the seconds from which timestamps are made. Everything that happens is told to the
    listeners at once, in order, as an Events API inner event.
    """

    team_id = "T0SANDBOX"
    team_name = "Flyte sandbox"
    domain = "flyte-sandbox"
    app_id = "A0SANDBOX"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last_ts = 0
        self._last_id = 0
        self._listeners: list[Listener] = []
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.bot = self._add(User("U0FLYTE", "flyte", "Flyte", "flyte", bot_id="B0FLYTE"))
        alice, bobby, carol = (self._add(User(*fields)) for fields in PEOPLE)
        people = [alice.id, bobby.id, carol.id]
        self.add_channel("general", [*people, self.bot.id], topic="Company-wide talk")
        self.add_channel("ops", [*people, self.bot.id], topic="Deployments and incidents")
        self.add_channel("random", [*people, self.bot.id], topic="Everything else")
        self.add_channel("private-ops", [*people, self.bot.id], kind="group", topic="For on-call eyes only")
        self.add_channel("announcements", people, topic="The bot is not a member here")
        for person in people:
            self.open_direct(person)

    # People

    def _add(self, user: User) -> User:
        self.users[user.id] = user
        return user

    def _new_id(self, prefix: str) -> str:
        self._last_id += 1
        return f"{prefix}0{self._last_id:08d}"

    def person(self, name: str) -> User:
        """Return the person of that user name, who joins the workspace if there was none."""
        for user in self.users.values():
            if user.name == name:
                return user
        address = re.sub(r"[^a-z0-9]+", ".", name.lower()).strip(".") or "someone"
        new = User(self._new_id("U"), name, name.title(), name, f"{address}@example.com")
        return self._add(new)

    def members_of(self, channel: Channel) -> list[User]:
        """Return the members of a channel, in the order in which they joined."""
        return [self.users[member] for member in channel.members]

    # Channels

    def add_channel(
        self, name: str, members: Sequence[str], *, kind: str = "channel", topic: str = ""
    ) -> Channel:
        """Create a conversation with these user ids as members."""
        prefix = "D" if kind == "im" else "C"
        channel = Channel(self._new_id(prefix), name, kind, list(members), topic, created=int(self._clock()))
        self.channels[channel.id] = channel
        return channel

    def channel(self, reference: str) -> Channel:
        """Return the channel of that id, ``name`` or ``#name``. Raises :class:`NotInWorkspaceError`."""
        if reference in self.channels:
            return self.channels[reference]
        name = reference.removeprefix("#")
        for channel in self.channels.values():
            if name and channel.name == name:
                return channel
        raise NotInWorkspaceError(f"The workspace has no channel {reference!r}.")

    def open_direct(self, *people: str) -> Channel:
        """Return the direct message of the bot with these user ids, opening it if need be."""
        for person in people:
            if person not in self.users:
                raise NotInWorkspaceError(f"The workspace has no user {person!r}.")
        members = list(dict.fromkeys([*people, self.bot.id]))
        kind = "im" if len(people) == 1 else "mpim"
        for channel in self.channels.values():
            if channel.kind == kind and set(channel.members) == set(members):
                return channel
        name = "" if kind == "im" else "mpdm-" + "--".join(self.users[m].name for m in members) + "-1"
        return self.add_channel(name, members, kind=kind)

    def join(self, channel: Channel, user_id: str) -> None:
        """Make a user a member of a channel."""
        if user_id not in channel.members:
            channel.members.append(user_id)

    def bot_is_in(self, channel_id: str) -> bool:
        """Whether the bot is a member, and with it whether the app is told what happens there."""
        return channel_id in self.channels and self.bot.id in self.channels[channel_id].members

    # Messages

    def new_ts(self) -> str:
        """Make a timestamp that no message has: seconds and microseconds, always later than the last one."""
        self._last_ts = max(self._last_ts + 1, int(self._clock() * 1_000_000))
        seconds, micros = divmod(self._last_ts, 1_000_000)
        return f"{seconds}.{micros:06d}"

    def say(self, channel: Channel, name: str, text: str, thread_ts: str = "") -> Message:
        """Post what a person writes, who becomes a member if need be; ``& < >`` are escaped."""
        user = self.person(name)
        self.join(channel, user.id)
        written: Message = {"client_msg_id": str(uuid.uuid4()), "user": user.id, "text": escape(text)}
        return self.post(channel, written, thread_ts=thread_ts)

    def post(
        self, channel: Channel, message: Message, *, thread_ts: str = "", broadcast: bool = False
    ) -> Message:
        """Store a message, as it is, under a new ``ts``, and tell the listeners.

        A reply to a reply belongs to the thread of that reply. A ``thread_ts`` that no message has is
        accepted, as Slack does, and leads to a reply that shows in no history.
        """
        stored: Message = {"type": "message", **message, "ts": self.new_ts(), "team": self.team_id}
        event_only: dict[str, Any] = {}
        if thread_ts:
            parent = self.find(channel, thread_ts)
            root = self.find(channel, parent.get("thread_ts", thread_ts)) if parent else None
            stored["thread_ts"] = root["ts"] if root else thread_ts
            if root:
                stored["parent_user_id"] = root.get("user", "")
                self._count_reply(root, stored)
            if broadcast:
                stored["subtype"] = "thread_broadcast"
                event_only["root"] = dict(root or {})
        channel.messages.append(stored)
        self._tell(channel, {**stored, **event_only}, stored["ts"])
        return stored

    @staticmethod
    def _count_reply(root: Message, reply: Message) -> None:
        author = reply.get("user") or reply.get("bot_id", "")
        repliers = [*root.get("reply_users", []), author]
        root["thread_ts"] = root["ts"]
        root["reply_count"] = root.get("reply_count", 0) + 1
        root["reply_users"] = list(dict.fromkeys(repliers))
        root["reply_users_count"] = len(root["reply_users"])
        root["latest_reply"] = reply["ts"]

    def find(self, channel: Channel, ts: str) -> Message | None:
        """Return the message of that timestamp in a channel."""
        return next((message for message in channel.messages if message["ts"] == ts), None)

    def edit(self, channel: Channel, message: Message, changes: Message, editor: str) -> None:
        """Change a message; listeners see ``message_changed`` with the message before and after."""
        previous = dict(message)
        message |= {**changes, "edited": {"user": editor, "ts": self.new_ts()}}
        event = {"subtype": "message_changed", "message": dict(message), "previous_message": previous}
        self._tell_change(channel, event)

    def delete(self, channel: Channel, message: Message) -> None:
        """Remove a message. The root of a thread leaves a tombstone, so that its replies stay readable."""
        previous = dict(message)
        if message.get("reply_count"):
            for key in ("blocks", "attachments", "metadata", "bot_id", "bot_profile", "client_msg_id"):
                message.pop(key, None)
            text = "This message was deleted."
            message |= {"subtype": TOMBSTONE, "text": text, "user": "USLACKBOT", "hidden": True}
            event = {"subtype": "message_changed", "message": dict(message), "previous_message": previous}
        else:
            channel.messages.remove(message)
            self._forget_reply(channel, message)
            event = {"subtype": "message_deleted", "deleted_ts": message["ts"], "previous_message": previous}
        self._tell_change(channel, event)

    def _forget_reply(self, channel: Channel, reply: Message) -> None:
        root = self.find(channel, reply.get("thread_ts", ""))
        if root is None:
            return
        for key in ("reply_count", "reply_users", "reply_users_count", "latest_reply", "thread_ts"):
            root.pop(key, None)
        for other in channel.messages:
            if other is not root and other.get("thread_ts") == root["ts"]:
                self._count_reply(root, other)

    def react(self, channel: Channel, message: Message, name: str, user_id: str) -> bool:
        """Add a reaction; ``False`` when the user had already reacted so."""
        reactions = message.setdefault("reactions", [])
        reaction = next((r for r in reactions if r["name"] == name), None)
        if reaction is None:
            reactions.append(reaction := {"name": name, "users": [], "count": 0})
        if user_id in reaction["users"]:
            return False
        reaction["users"].append(user_id)
        reaction["count"] += 1
        item = {"type": "message", "channel": channel.id, "ts": message["ts"]}
        author = message.get("user", "")
        event = {"type": "reaction_added", "user": user_id, "reaction": name, "item": item}
        self._notify({**event, "item_user": author, "event_ts": self.new_ts()})
        return True

    # Listeners

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with every event from now on; the answer is a function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _tell_change(self, channel: Channel, change: Event) -> None:
        ts = self.new_ts()
        self._tell(channel, {"type": "message", "hidden": True, **change, "ts": ts}, ts)

    def _tell(self, channel: Channel, event: Event, event_ts: str) -> None:
        self._notify({**event, "channel": channel.id, "channel_type": channel.kind, "event_ts": event_ts})

    def _notify(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            listener(event)
