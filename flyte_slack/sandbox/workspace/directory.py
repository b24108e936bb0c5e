"""Who and what there is in a workspace: people, channels, and who is a member of which."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from .feed import Change, Feed
from .model import Channel, Event, NotInWorkspaceError, User

PEOPLE = (
    ("U0ALICE", "alice", "Alice Liddell", "Alice", "alice@example.com", "Developer"),
    ("U0BOBBY", "bobby", "Bobby Tables", "Bobby T", "bobby@example.com", "SRE"),
    ("U0CAROL", "carol", "Carol Shaw", "Carol", "carol@example.com", "Team lead"),
    ("U0BOB", "bob", "Bob Stone", "Bob", "bob@example.com", "Release manager"),
)


class Directory(Feed):
    """The people and the channels of a workspace."""

    team_id = "T0SANDBOX"
    team_name = "Flyte sandbox"
    domain = "flyte-sandbox"
    app_id = "A0SANDBOX"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(clock)
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.bot = self._add(User("U0FLYTE", "flyte", "Flyte", "flyte", bot_id="B0FLYTE"))
        people = [self._add(User(*fields)).id for fields in PEOPLE]
        self.usergroups = {"S0ONCALL": ("on-call", people[:2])}
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

    def known_person(self, name: str) -> User:
        """Return the user of that name or id. Raises :class:`NotInWorkspaceError`."""
        name = name.removeprefix("@")
        if name in self.users:
            return self.users[name]
        for user in self.users.values():
            if user.name == name:
                return user
        raise NotInWorkspaceError(f"The workspace has no person {name!r}.")

    def person(self, name: str) -> User:
        """Return the person of that user name, who joins the workspace if there was none."""
        for user in self.users.values():
            if user.name == name:
                return user
        address = re.sub(r"[^a-z0-9]+", ".", name.lower()).strip(".") or "someone"
        new = self._add(User(self.new_id("U"), name, name.title(), name, f"{address}@example.com"))
        joined = {"type": "team_join", "user": new.as_slack(self.team_id), "cache_ts": int(self.now())}
        self.notify({**joined, "event_ts": self.new_ts()})
        self.changed(Change("directory"))
        return new

    def members_of(self, channel: Channel) -> list[User]:
        """Return the members of a channel, in the order in which they joined."""
        return [self.users[member] for member in channel.members]

    # Channels

    def add_channel(
        self, name: str, members: Sequence[str], *, kind: str = "channel", topic: str = ""
    ) -> Channel:
        """Set up a conversation with these user ids as members, of which no event tells."""
        prefix = "D" if kind == "im" else "C"
        channel = Channel(self.new_id(prefix), name, kind, list(members), topic, created=int(self.now()))
        self.channels[channel.id] = channel
        self.changed(Change("directory"))
        return channel

    def create_channel(self, name: str, creator: str, *, private: bool = False) -> Channel:
        """Create a channel whose first member is its creator."""
        channel = self.add_channel(name, [], kind="group" if private else "channel")
        channel.creator = creator
        if not private:
            about = {"is_channel": True, "creator": creator, "context_team_id": self.team_id}
            self.notify(self._about("channel_created", channel, **about))
        self.join(channel, creator)
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

    def rename(self, channel: Channel, name: str, user_id: str) -> None:
        """Give a channel another name."""
        previous, channel.name = channel.name, name
        kind = "channel_rename" if channel.kind == "channel" else "group_rename"
        self.notify(self._about(kind, channel, is_channel=channel.kind == "channel", is_mpim=False))
        self._log(channel, f"{channel.kind}_name", user_id, f"has renamed the channel from {previous!r}")

    def archive(self, channel: Channel, user_id: str, *, archived: bool = True) -> None:
        """Archive a channel, or bring it back."""
        channel.is_archived = archived
        kind = "channel" if channel.kind == "channel" else "group"
        event = {"type": f"{kind}_{'archive' if archived else 'unarchive'}", "channel": channel.id}
        self.notify({**event, "user": user_id, "is_moved": 0, "event_ts": self.new_ts()})
        verb = "archived" if archived else "un-archived"
        self._log(channel, f"{kind}_{'archive' if archived else 'unarchive'}", user_id, f"{verb} the channel")

    def describe(
        self, channel: Channel, user_id: str, *, topic: str | None = None, purpose: str | None = None
    ) -> None:
        """Set a channel's topic or purpose."""
        if topic is not None:
            channel.topic = topic
            self._log(channel, "channel_topic", user_id, f"set the channel topic: {topic}", topic=topic)
        if purpose is not None:
            channel.purpose = purpose
            text = f"set the channel description: {purpose}"
            self._log(channel, "channel_purpose", user_id, text, purpose=purpose)

    # Members

    def join(self, channel: Channel, user_id: str, *, inviter: str = "", log: bool = False) -> bool:
        """Make a user a member of a channel; ``False`` if that is so already."""
        if user_id in channel.members:
            return False
        channel.members.append(user_id)
        event = self._membership("member_joined_channel", channel, user_id)
        self.notify(event | ({"inviter": inviter} if inviter else {}))
        if log:
            added = {"inviter": inviter} if inviter else {}
            self._log(channel, "channel_join", user_id, "has joined the channel", **added)
        else:
            self.changed(Change("directory"))
        return True

    def leave(self, channel: Channel, user_id: str) -> bool:
        """End a membership; ``False`` if there was none."""
        if user_id not in channel.members:
            return False
        self._log(channel, "channel_leave", user_id, "has left the channel")
        # The one who leaves is still told.
        event = self._membership("member_left_channel", channel, user_id)
        self.notify(event)
        channel.members.remove(user_id)
        self.changed(Change("directory"))
        return True

    def bot_is_in(self, channel_id: str) -> bool:
        """Whether the bot is a member, and with it whether the app is told what happens there."""
        return channel_id in self.channels and self.bot.id in self.channels[channel_id].members

    def _membership(self, kind: str, channel: Channel, user_id: str) -> Event:
        letter = "C" if channel.kind == "channel" else "G"
        event = {"type": kind, "user": user_id, "channel": channel.id, "channel_type": letter}
        return {**event, "team": self.team_id, "event_ts": self.new_ts()}

    def _about(self, kind: str, channel: Channel, **more: Any) -> Event:
        names = {"id": channel.id, "name": channel.name, "name_normalized": channel.name}
        return {
            "type": kind,
            "channel": {**names, "created": channel.created, **more},
            "event_ts": self.new_ts(),
        }

    def _log(self, channel: Channel, subtype: str, user_id: str, text: str, **more: Any) -> None:
        """Leave the line that a channel shows of what was done to it."""
        raise NotImplementedError
