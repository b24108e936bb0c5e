"""What is said in a workspace: messages, threads, edits, deletions, reactions and pins."""

from __future__ import annotations

import bisect
import time
import uuid
from collections.abc import Callable
from typing import Any

from .directory import Directory
from .feed import Change
from .model import TOMBSTONE, Channel, Event, Message, Pin, escape


class Workspace(Directory):
    """The state of one workspace and the events that its changes cause.

    ``keep`` is how many messages a channel remembers; older ones are gone, as from a history that a
    retention policy shortens.
    """

    def __init__(self, clock: Callable[[], float] = time.time, *, keep: int = 10_000) -> None:
        self.keep = keep
        super().__init__(clock)

    def say(self, channel: Channel, name: str, text: str, thread_ts: str = "") -> Message:
        """Post what a person writes, who becomes a member if need be; ``& < >`` are escaped."""
        return self.write(channel, name, escape(text), thread_ts)

    def write(
        self, channel: Channel, name: str, text: str, thread_ts: str = "", *, broadcast: bool = False
    ) -> Message:
        """Post a person's text that is in Slack's own notation already."""
        user = self.person(name)
        self.join(channel, user.id)
        written: Message = {"client_msg_id": str(uuid.uuid4()), "user": user.id, "text": text}
        posted = self.post(channel, written, thread_ts=thread_ts, broadcast=broadcast)
        if f"<@{self.bot.id}>" in text:
            mention = {key: value for key, value in posted.items() if key != "subtype"}
            told = {"type": "app_mention", "channel": channel.id, "event_ts": posted["ts"]}
            self.notify({**mention, **told})
        return posted

    def post(
        self, channel: Channel, message: Message, *, thread_ts: str = "", broadcast: bool = False
    ) -> Message:
        """Store a message, as it is, under a new ``ts``, and tell the listeners.

        A reply to a reply belongs to the thread of that reply. A ``thread_ts`` that no message has is
        accepted, as Slack does, and leads to a reply that shows in no history.
        """
        stored: Message = {"type": "message", **message, "ts": self.new_ts(), "team": self.team_id}
        event_only: dict[str, Any] = {}
        root = None
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
        if len(channel.messages) > self.keep:
            del channel.messages[0]
        self._tell(channel, {**stored, **event_only}, stored["ts"])
        self._show(channel, stored)
        if root:
            self._show(channel, root)
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
        position = self._position(channel, ts)
        return None if position is None else channel.messages[position]

    @staticmethod
    def _position(channel: Channel, ts: str) -> int | None:
        position = bisect.bisect_left(channel.messages, ts, key=lambda message: str(message["ts"]))
        found = position < len(channel.messages) and channel.messages[position]["ts"] == ts
        return position if found else None

    def edit(self, channel: Channel, message: Message, changes: Message, editor: str) -> None:
        """Change a message; listeners see ``message_changed`` with the message before and after."""
        previous = dict(message)
        message |= {**changes, "edited": {"user": editor, "ts": self.new_ts()}}
        event = {"subtype": "message_changed", "message": dict(message), "previous_message": previous}
        self._tell_change(channel, event)
        self._show(channel, message)

    def delete(self, channel: Channel, message: Message) -> None:
        """Remove a message. The root of a thread leaves a tombstone, so that its replies stay readable."""
        previous = dict(message)
        channel.pins = [pin for pin in channel.pins if pin.ts != message["ts"]]
        if message.get("reply_count"):
            gone = ("blocks", "attachments", "files", "metadata", "bot_id", "bot_profile", "client_msg_id")
            for key in (*gone, "reactions", "edited"):
                message.pop(key, None)
            text = "This message was deleted."
            message |= {"subtype": TOMBSTONE, "text": text, "user": "USLACKBOT", "hidden": True}
            event = {"subtype": "message_changed", "message": dict(message), "previous_message": previous}
            self._tell_change(channel, event)
            self._show(channel, message)
            return
        if (position := self._position(channel, message["ts"])) is not None:
            del channel.messages[position]
        root = self._forget_reply(channel, message)
        event = {"subtype": "message_deleted", "deleted_ts": message["ts"], "previous_message": previous}
        self._tell_change(channel, event)
        self.changed(Change("deleted", channel, message))
        if root is not None:
            self._show(channel, root)

    def _forget_reply(self, channel: Channel, reply: Message) -> Message | None:
        root = self.find(channel, reply.get("thread_ts", ""))
        if root is None:
            return None
        for key in ("reply_count", "reply_users", "reply_users_count", "latest_reply", "thread_ts"):
            root.pop(key, None)
        for other in channel.messages:
            if other is not root and other.get("thread_ts") == root["ts"]:
                self._count_reply(root, other)
        return root

    # Ephemeral messages

    def whisper(self, channel: Channel, message: Message, user_id: str, *, thread_ts: str = "") -> Message:
        """Show a message to one person only; no history has it and no event tells of it."""
        stored: Message = {"type": "message", **message, "ts": self.new_ts(), "ephemeral_to": user_id}
        stored |= {"is_ephemeral": True} | ({"thread_ts": thread_ts} if thread_ts else {})
        channel.ephemerals = [*channel.ephemerals[-self.keep :], stored]
        self._show(channel, stored)
        return stored

    def rewrite_ephemeral(self, channel: Channel, message: Message, changes: Message | None) -> None:
        """Replace what an ephemeral message says, or take it away."""
        if changes is None:
            channel.ephemerals.remove(message)
            self.changed(Change("deleted", channel, message))
            return
        for key in ("blocks", "attachments"):
            message.pop(key, None)
        message |= changes
        self._show(channel, message)

    # Reactions and pins

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
        self._tell_reaction("reaction_added", channel, message, name, user_id)
        return True

    def unreact(self, channel: Channel, message: Message, name: str, user_id: str) -> bool:
        """Take a reaction back; ``False`` if the user had not reacted so."""
        reactions = message.get("reactions", [])
        reaction = next((r for r in reactions if r["name"] == name and user_id in r["users"]), None)
        if reaction is None:
            return False
        reaction["users"].remove(user_id)
        reaction["count"] -= 1
        if not reaction["count"]:
            reactions.remove(reaction)
        if not reactions:
            del message["reactions"]
        self._tell_reaction("reaction_removed", channel, message, name, user_id)
        return True

    def _tell_reaction(self, kind: str, channel: Channel, message: Message, name: str, user_id: str) -> None:
        item = {"type": "message", "channel": channel.id, "ts": message["ts"]}
        author = message.get("user", "")
        event = {"type": kind, "user": user_id, "reaction": name, "item": item}
        self.notify({**event, "item_user": author, "event_ts": self.new_ts()})
        self._show(channel, message)

    def pin(self, channel: Channel, message: Message, user_id: str) -> bool:
        """Pin a message to its channel; ``False`` if it is pinned already."""
        if any(pin.ts == message["ts"] for pin in channel.pins):
            return False
        channel.pins.insert(0, Pin(message["ts"], user_id, int(self.now())))
        message["pinned_to"] = [channel.id]
        self._tell_pin("pin_added", channel, message, user_id)
        return True

    def unpin(self, channel: Channel, message: Message, user_id: str) -> bool:
        """Take a pin off; ``False`` if there is none."""
        if not any(pin.ts == message["ts"] for pin in channel.pins):
            return False
        channel.pins = [pin for pin in channel.pins if pin.ts != message["ts"]]
        message.pop("pinned_to", None)
        self._tell_pin("pin_removed", channel, message, user_id)
        return True

    def _tell_pin(self, kind: str, channel: Channel, message: Message, user_id: str) -> None:
        item: Event = {"type": "message", "channel": channel.id, "message": dict(message)}
        item |= {"created": int(self.now()), "created_by": user_id}
        event: Event = {"type": kind, "user": user_id, "channel_id": channel.id, "item": item}
        event |= {"item_user": message.get("user", ""), "pin_count": len(channel.pins)}
        self.notify({**event, "event_ts": self.new_ts()})
        self._show(channel, message)

    # Telling

    def permalink(self, channel: Channel, message: Message) -> str:
        """Return the address of a message."""
        thread_ts = message.get("thread_ts", message["ts"])
        place = f"https://{self.domain}.slack.com/archives/{channel.id}/p{message['ts'].replace('.', '')}"
        return place if thread_ts == message["ts"] else f"{place}?thread_ts={thread_ts}&cid={channel.id}"

    def _log(self, channel: Channel, subtype: str, user_id: str, text: str, **more: Any) -> None:
        self.post(channel, {"subtype": subtype, "user": user_id, "text": f"<@{user_id}> {text}", **more})
        self.changed(Change("directory"))

    def _show(self, channel: Channel, message: Message) -> None:
        self.changed(Change("message", channel, message))

    def _tell_change(self, channel: Channel, change: Event) -> None:
        ts = self.new_ts()
        self._tell(channel, {"type": "message", "hidden": True, **change, "ts": ts}, ts)

    def _tell(self, channel: Channel, event: Event, event_ts: str) -> None:
        event = _without_payload(event)
        for key in event.keys() & {"message", "previous_message"}:
            event[key] = _without_payload(event[key])
        self.notify({**event, "channel": channel.id, "channel_type": channel.kind, "event_ts": event_ts})


def _without_payload(message: Message) -> Message:
    """Return a message as events show it: of its metadata they name the type only."""
    if not isinstance(message.get("metadata"), dict):
        return dict(message)
    metadata = {"event_type": message["metadata"].get("event_type", ""), "event_payload": {}}
    return {**message, "metadata": metadata}
