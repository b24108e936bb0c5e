"""A scripted Slack that remembers messages, and tells them page by page, with or without a lag."""

import time
from collections import defaultdict, deque
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from scripted_slack import Answer, Call, Reply, ScriptedSlack, error

Message = dict[str, Any]


class RememberingSlack(ScriptedSlack):
    """Answers what reads channels and their messages from what it remembers; the rest as it was.

    Attributes:
        channels: the channels, as `conversations.list` has them, by id.
        swallowed: answers to the next posts, which are posted all the same.
        page: messages or channels on a page, at most.
        lag: times that the history is asked before a new message is in it.
        now: the server's clock, also in the header `Date`.
    """

    def __init__(self, *channels: str) -> None:
        super().__init__()
        self.channels: dict[str, dict[str, Any]] = {}
        self.swallowed: deque[Answer] = deque()
        self.page = 200
        self.lag = 0
        self.now: Callable[[], float] = time.time
        self._messages: defaultdict[str, list[tuple[int, Message]]] = defaultdict(list)
        self._looks = 0
        for id_ in channels or ("C1",):
            self.channel(id_, name=id_.lower())

    def channel(self, id_: str, **more: Any) -> None:
        """Let there be a channel, with the bot in it unless told otherwise."""
        self.channels[id_] = {"id": id_, "is_channel": True, "is_member": True} | more

    def write(self, ts: float | str, text: str = "", *, channel: str = "C1", **more: Any) -> Message:
        """Let somebody write a message."""
        ts = ts if isinstance(ts, str) else f"{ts:.6f}"
        message = {"type": "message", "user": "U1", "text": text or ts, "ts": ts, "team": "T1"} | more
        self._messages[channel].append((self._looks + self.lag, message))
        return message

    def written(self, channel: str = "C1") -> list[Message]:
        """Return what is in a channel, shown or not."""
        return [message for _, message in self._messages[channel]]

    def forget(self) -> None:
        """Let there be no messages."""
        self._messages.clear()

    def _reply(self, call: Call, answer: Answer | None) -> Reply:
        reply = self._answer(call, answer)
        return Reply(reply.body, reply.status, {"Date": formatdate(self.now(), usegmt=True)} | reply.headers,
                     reply.content_type, reply.cut)  # fmt: skip

    def _answer(self, call: Call, answer: Answer | None) -> Reply:
        if answer is not None:
            return super()._reply(call, answer)
        if call.method == "chat.postMessage":
            return self._post(call)
        if call.method == "users.conversations":
            members = [channel for channel in self.channels.values() if channel["is_member"]]
            return self._paged(call, "channels", members)
        if call.method == "conversations.list":
            return self._paged(call, "channels", list(self.channels.values()))
        if call.method in {"conversations.history", "conversations.replies"}:
            return self._read(call)
        return super()._reply(call, answer)

    def _post(self, call: Call) -> Reply:
        arguments = call.arguments
        self.posted.append(arguments)
        id_ = self._id(arguments["channel"])
        ts = f"{self.now():.6f}"
        kept = {key: arguments[key] for key in ("text", "thread_ts", "metadata") if key in arguments}
        kept.setdefault("text", arguments.get("markdown_text", ""))
        message = self.write(ts, channel=id_, user="UBOT", bot_id="BBOT", **kept)
        if self.swallowed:
            return super()._reply(call, self.swallowed.popleft())
        return Reply({"ok": True, "channel": id_, "ts": ts, "message": message})

    def _id(self, channel: str) -> str:
        name = channel.lstrip("#")
        for found in self.channels.values():
            if name in {found["id"], found.get("name"), found.get("user")}:
                return str(found["id"])
        return name

    def _read(self, call: Call) -> Reply:
        self._looks += 1
        arguments = call.arguments
        channel = self.channels.get(arguments["channel"])
        if channel is None:
            return error("channel_not_found")
        if not channel["is_member"]:
            return error("not_in_channel")
        shown = [message for look, message in self._messages[channel["id"]] if look < self._looks]
        shown.sort(key=lambda message: float(message["ts"]))
        oldest = float(arguments.get("oldest") or 0)
        thread = arguments.get("ts")
        if call.method == "conversations.replies":
            root = [message for message in shown if message["ts"] == thread]
            if not root:
                return error("thread_not_found")
            replies = [one for one in shown if _is_reply(one) and one["thread_ts"] == thread]
            found = root + [one for one in replies if float(one["ts"]) > oldest]
        else:
            found = [one for one in shown if not _is_reply(one) or one.get("subtype") == "thread_broadcast"]
            found = [one for one in reversed(found) if float(one["ts"]) > oldest]
        if arguments.get("include_all_metadata") != "true":
            found = [{key: one[key] for key in one if key != "metadata"} for one in found]
        return self._paged(call, "messages", [_with_replies(one, shown) for one in found])

    def _paged(self, call: Call, key: str, items: list[dict[str, Any]]) -> Reply:
        start = int(call.arguments.get("cursor") or 0)
        end = start + min(self.page, int(call.arguments.get("limit") or 100))
        cursor = str(end) if end < len(items) else ""
        return Reply({"ok": True, key: items[start:end], "response_metadata": {"next_cursor": cursor}})


def _is_reply(message: Message) -> bool:
    return bool(message.get("thread_ts", message["ts"]) != message["ts"])


def _with_replies(message: Message, shown: list[Message]) -> Message:
    """Return a thread's root as Slack tells it, and any other message as it is."""
    replies = [one["ts"] for one in shown if _is_reply(one) and one["thread_ts"] == message["ts"]]
    if not replies:
        return message
    return message | {"thread_ts": message["ts"], "reply_count": len(replies), "latest_reply": replies[-1]}
