"""`sendMessage`: posts a message, and answers when Slack has confirmed it (contract, sections 4 and 10)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ...errors import CallRefused, InvalidInput
from ...pack import ActionContext, Event
from ..api.calls import Answer
from ..api.failures import Kind
from ..api.scopes import Scope
from ..api.steps import Steps
from ..events.message_sent import MessageSentPayload
from ..events.message_updated import MessageUpdatedPayload
from ..sending.files import File
from ..sending.long_texts import split
from ..workspace.profiles import mapping, text
from .base import SlackCommand
from .content import quiet
from .inputs import read_input
from .message_input import SendMessageInput
from .results import was_sent, was_updated
from .scopes import LOOK_UP, WRITE
from .update_message import update

_THREAD, _UPDATE = "thread", "update"
_TOO_LONG = {"message_too_long", "msg_too_long"}
_GONE = "message_not_found"
_NO_THREAD = "thread_not_found"


class SendMessage(SlackCommand[SendMessageInput]):
    """Posts a message to a channel, a thread or a person.

    By default it rings nobody but people it names: see `mentions`.
    """

    name = "sendMessage"
    input = SendMessageInput
    succeeds: ClassVar = {
        "MessageSent": MessageSentPayload,
        "MessageUpdated": MessageUpdatedPayload,
    }
    fails = "MessageSendFailure"
    echoes = ("channelId", "message", "threadTimestamp")
    scopes = (
        WRITE,
        *LOOK_UP,
        Scope("chat:write.customize", "username, iconEmoji and iconUrl of sendMessage", required=False),
        Scope("chat:write.public", "posts to public channels that the bot is not in", required=False),
        Scope("channels:read", "lists and names public channels", required=False),
        Scope("groups:read", "lists and names private channels", required=False),
        Scope("im:read", "lists direct messages", required=False),
        Scope("mpim:read", "lists and names group direct messages", required=False),
    )
    after_crash = (
        "It is looked for in the channel's history, and posted again only if it surely is not there; "
        "if that cannot be told it ends in `outcome_unknown`."
    )
    example = (
        'channelId: "{{ Event.Payload.channelId }}"\n'
        'threadTimestamp: "{{ Event.Payload.threadTimestamp }}"\n'
        "message: Deployed"
    )

    def replaces(self, input_: Mapping[str, Any]) -> str | None:
        """An update that waits is replaced by a newer one with its key, if that can be read."""
        try:
            given = read_input(SendMessageInput, input_)
        except InvalidInput:
            return None
        return given.update_key if len(given.whole_text) <= given.longest else None

    async def execute(self, given: SendMessageInput, action: ActionContext) -> Event:
        """Post the message, or change the one that is there under its key."""
        if given.update_key:
            there = mapping(await action.recall(_UPDATE, given.update_key))
            if there and (event := await self._changed(given, there, action)):
                return event
        thread = given.thread_timestamp
        if not thread and given.thread_key:
            thread = text(await action.recall(_THREAD, given.thread_key))
        try:
            return await self._posted(given, thread, action)
        except CallRefused as error:
            if error.code != _NO_THREAD or not thread or given.thread_timestamp:
                raise
        return await self._posted(given, "", action)  # the key's thread is gone

    async def _changed(
        self, given: SendMessageInput, there: Mapping[str, Any], action: ActionContext
    ) -> Event | None:
        """Change a message that was posted before, or return None if it is gone."""
        looks = await self._quiet(given, given.looks(changed=True))
        message = {"channel": text(there.get("channel")), "ts": text(there.get("ts")), **looks}
        try:
            answer = await update(self.tools.calls, message, action)
        except CallRefused as error:
            if error.code != _GONE:
                raise
            return None
        action.remember(_UPDATE, str(given.update_key), dict(there))
        payload = await was_updated(self.tools.workspace, answer, message)
        return self.succeeded(payload, payload.edited_timestamp)

    async def _posted(self, given: SendMessageInput, thread: str, action: ActionContext) -> Event:
        try:
            if len(given.whole_text) > given.longest:
                raise _too_long(given)
            if await self._was_cut(given, thread, action):
                return await self._in_parts(given, thread, action)
            message = await self._message(given, given.looks(), thread)
            answer = await self.tools.posting.post(message, action)
        except CallRefused as error:
            if error.code not in _TOO_LONG or not given.can_be_cut:
                raise
            if given.long_text == "file":
                return await self._as_file(given, thread, action)
            return await self._in_parts(given, thread, action)
        return await self._sent(given, thread, answer, message, action)

    async def _was_cut(self, given: SendMessageInput, thread: str, action: ActionContext) -> bool:
        """Whether an execution that was cut off has posted the text's first part."""
        if action.begun_at is None or given.long_text != "split" or not given.can_be_cut:
            return False
        first, *others = split(given.whole_text)
        if not others:
            return False
        message = await self._message(given, given.looks(first, last=False), thread)
        return await self.tools.posting.find(message, action, 1) is not None

    async def _in_parts(self, given: SendMessageInput, thread: str, action: ActionContext) -> Event:
        """Post the text in several messages, each of them once."""
        steps, root = Steps(action), thread
        timestamps: list[str] = []
        first: Answer = {}
        parts = split(given.whole_text)
        for number, part in enumerate(parts, 1):
            looks = given.looks(part, last=number == len(parts))
            answer = await self.tools.posting.post(await self._message(given, looks, root), steps, number)
            await steps.done()
            first = first or answer
            timestamps.append(text(answer.get("ts")))
            if given.thread_key:
                root = root or timestamps[0]
        whole = {"channel": given.channel_id, **await self._quiet(given, {"text": given.whole_text})}
        confirmed = {**first, "message": {**mapping(first.get("message")), "text": whole["text"]}}
        return await self._sent(given, thread, confirmed, whole, action, timestamps)

    async def _as_file(self, given: SendMessageInput, thread: str, action: ActionContext) -> Event:
        """Share the text as a text snippet."""
        channel = await self.channel(given.channel_id)
        shown = await self._quiet(given, {"text": given.whole_text})
        file = File("message.txt", str(shown["text"]).encode())
        shared = await self.tools.uploads.upload(file, channel, action, thread=thread)
        timestamp = await self.tools.uploads.shared_at(text(shared.get("id")), channel)
        message = {"text": shown["text"], "thread_ts": thread or None, "files": [shared]}
        answer = {"channel": channel, "ts": timestamp, "message": message}
        return await self._sent(given, thread, answer, message, action)

    async def _sent(
        self,
        given: SendMessageInput,
        thread: str,
        answer: Answer,
        message: Mapping[str, Any],
        action: ActionContext,
        parts: list[str] | None = None,
    ) -> Event:
        """Remember the keys, and return the event."""
        payload = await was_sent(self.tools.workspace, answer, message, parts or ())
        if given.thread_key and not given.thread_timestamp and payload.timestamp:
            root = thread or payload.timestamp
            action.remember(_THREAD, given.thread_key, root)
        if given.update_key and payload.timestamp:
            there = {"channel": payload.channel_id, "ts": payload.timestamp}
            action.remember(_UPDATE, given.update_key, there)
        return self.succeeded(payload, payload.timestamp)

    async def _message(
        self, given: SendMessageInput, looks: Mapping[str, Any], thread: str
    ) -> dict[str, Any]:
        """Return the arguments of `chat.postMessage`."""
        reply = {"thread_ts": thread, "reply_broadcast": given.reply_broadcast} if thread else {}
        where = {name: value for name, value in reply.items() if value is not None}
        return {"channel": given.channel_id, **await self._quiet(given, looks), **where, **given.how()}

    async def _quiet(self, given: SendMessageInput, looks: Mapping[str, Any]) -> dict[str, Any]:
        mentions = given.mentions or self.tools.mentions
        return await quiet(looks, mentions, self.tools.workspace.directory)


def _too_long(given: SendMessageInput) -> CallRefused:
    return CallRefused(
        "message_too_long",
        Kind.INPUT,
        sentence=f"the message has {len(given.whole_text)} characters, Slack takes {given.longest} at most: "
        "send it in parts (longText: split), or as a file (longText: file)",
    )
