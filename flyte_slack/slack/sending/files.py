"""Uploads files: each is shared once (contract, section 10).

Three calls: one asks where to, one sends the bytes, and the last shares what was sent. Only the last can be
seen, and only it must not be repeated.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...errors import CallRefused, OutcomeUnknown
from ...pack import ActionContext
from ...proxies import proxy_for
from ..api.calls import AfterUnknown, Answer, Calls
from ..api.failures import HttpAnswer, Unsuccessful
from ..api.timestamps import seconds
from ..workspace.identity import Identity
from ..workspace.profiles import Json, mapping, objects, text
from .reconciliation import SETTLED_AFTER

_KIND = "file"
_OK = 200
_TOLERANCE = 2.0  # seconds by which a file may seem older than the attempt it is of


@dataclass(frozen=True, slots=True)
class File:
    """A file to upload.

    Attributes:
        name: its name.
        content: its bytes.
        title: as Slack shows it; the name, by default.
    """

    name: str
    content: bytes
    title: str = ""


class Uploads:
    """Uploads files.

    Args:
        calls: calls Slack.
        identity: the bot.
    """

    def __init__(self, calls: Calls, identity: Identity) -> None:
        self._calls = calls
        self._identity = identity

    async def upload(
        self, file: File, channel: str, action: ActionContext, *, message: str = "", thread: str = ""
    ) -> Json:
        """Upload a file, share it in a channel, and return what Slack says of it.

        Args:
            file: the file.
            channel: channel id.
            action: the action that asks for it.
            message: text to show with it.
            thread: thread to share it in.

        Raises:
            CallRefused: Slack refused it, or could not take it for ten minutes; nothing was shared.
            OutcomeUnknown: it may have been shared.
        """
        cut_off_at = action.begun_at
        id_ = await self._sent(file)

        async def find(begun_at: float) -> Answer | None:
            if begun_at == cut_off_at:  # which file it was is not known any more
                return await self._found(lambda: self._listed(file, channel, begun_at, action))
            return await self._found(lambda: self._shared(id_, channel))

        answer = await self._calls.call(
            "files.completeUploadExternal",
            {
                "files": [{"id": id_, "title": file.title or file.name}],
                "channel_id": channel,
                "initial_comment": message or None,
                "thread_ts": thread or None,
            },
            action,
            after_unknown=find,
        )
        shared = next(iter(objects(answer.get("files"))), {})
        shared = {"name": file.name, "size": len(file.content), **shared, "id": text(shared.get("id")) or id_}
        action.remember(_KIND, shared["id"], action.identity)
        return shared

    async def shared_at(self, id_: str, channel: str) -> str:
        """Return the `ts` of the message that shares a file; empty if Slack does not tell in time."""
        try:
            found = await self._found(lambda: self._shared(id_, channel))
        except OutcomeUnknown:
            return ""
        return _shared_at(next(iter(objects(mapping(found).get("files"))), {}), channel)

    async def _sent(self, file: File) -> str:
        """Send the bytes, and return the id of the file; nobody sees it yet."""
        where = await self._calls.read(
            "files.getUploadURLExternal", {"filename": file.name, "length": len(file.content)}
        )
        send = partial(self._send, text(where.get("upload_url")), file.content)
        await self._calls.perform("file upload", send, None, after_unknown=AfterUnknown.REPEAT)
        return text(where.get("file_id"))

    async def _send(self, url: str, content: bytes) -> Answer:
        session = self._calls.web.session
        assert session is not None  # noqa: S101 - the pack's client always has one
        async with session.post(url, data=content, proxy=proxy_for(url)) as answer:
            if answer.status != _OK:
                raise Unsuccessful(HttpAnswer(answer.status, answer.headers))
        return {"ok": True}

    async def _found(self, look: Callable[[], Awaitable[Json | None]]) -> Answer | None:
        """Return the file as it was shared, or None if it surely was not: Slack shows it a little later."""
        machine = self._calls.clock.machine
        begun = machine.monotonic()
        while True:
            asked_at = machine.monotonic()
            try:
                found = await look()
            except CallRefused as error:
                raise OutcomeUnknown(
                    f"whether the file was shared is not known, and it cannot be looked up ({error.code}: "
                    "that needs files:read): look into the channel before it is sent again"
                ) from error
            if found is not None:
                return {"ok": True, "files": [found]}
            if asked_at - begun >= SETTLED_AFTER:
                return None
            await machine.sleep(SETTLED_AFTER / 5)

    async def _shared(self, id_: str, channel: str) -> Json | None:
        """Return a file if it is shared in a channel."""
        try:
            file = mapping((await self._calls.read("files.info", {"file": id_})).get("file"))
        except CallRefused as error:
            if error.code == "file_not_found":
                return None
            raise
        return file if is_shared(file, channel) else None

    async def _listed(self, file: File, channel: str, since: float, action: ActionContext) -> Json | None:
        """Return the file of the bot's that an execution which was cut off has shared in a channel."""
        arguments: dict[str, Any] = {"channel": channel, "ts_from": int(since - _TOLERANCE), "count": 100}
        if self._identity.user_id:
            arguments["user"] = self._identity.user_id
        page = await self._calls.read("files.list", arguments)
        for found in objects(page.get("files")):
            alike = text(found.get("name")) == file.name and text(found.get("size")) in {
                "",
                str(len(file.content)),
            }
            recent = seconds(found.get("created") or since) >= int(since) - _TOLERANCE
            if (
                alike
                and recent
                and await action.recall(_KIND, text(found.get("id"))) in {None, action.identity}
            ):
                return found
        return None


def is_shared(file: Json, channel: str) -> bool:
    """Whether a file is shared in a channel."""
    listed = [file.get(key) for key in ("channels", "groups", "ims")]
    if any(isinstance(ids, list) and channel in ids for ids in listed):
        return True
    return any(channel in mapping(where) for where in mapping(file.get("shares")).values())


def _shared_at(file: Json, channel: str) -> str:
    for where in mapping(file.get("shares")).values():
        for share in objects(mapping(where).get(channel)):
            return text(share.get("ts"))
    return ""
