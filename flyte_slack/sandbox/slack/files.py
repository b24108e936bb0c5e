"""The files of a workspace: their bytes, and where they are shared."""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..workspace import Channel, Message, Workspace

ROOM = 64 * 1024 * 1024
"""How many bytes of all files are remembered; the oldest files lose theirs first."""

FILES_KEPT = 10_000


@dataclass(eq=False, slots=True)
class File:
    """A file, announced or uploaded; ``shares`` are the messages that show it, by channel."""

    id: str
    name: str
    length: int
    user_id: str
    created: int
    title: str = ""
    filetype: str = ""
    content: bytes | None = None
    is_uploaded: bool = False
    shares: list[tuple[Channel, Message]] = field(default_factory=list)

    @property
    def mimetype(self) -> str:
        """The type that the name suggests."""
        return mimetypes.guess_type(self.name)[0] or "text/plain"


class Files:
    """Everything that was uploaded to one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._files: dict[str, File] = {}
        self._tickets: dict[str, File] = {}

    def find(self, file_id: str) -> File | None:
        """Return the file of that id."""
        return self._files.get(file_id)

    def in_channel(self, channel: Channel) -> list[File]:
        """Return the files that a channel's messages show, oldest first."""
        return [file for file in self._files.values() if any(place is channel for place, _ in file.shares)]

    def announce(self, name: str, length: int, user_id: str, filetype: str = "") -> tuple[File, str]:
        """Make a file without content, and the ticket with which that is uploaded."""
        created = int(self._workspace.now())
        ending = name.rpartition(".")[2] if "." in name else "text"
        file = File(self._workspace.new_id("F"), name, length, user_id, created, name, filetype or ending)
        self._files[file.id] = file
        if len(self._files) > FILES_KEPT:
            self.forget(next(iter(self._files.values())))
        ticket = secrets.token_urlsafe(18)
        self._tickets[ticket] = file
        if len(self._tickets) > FILES_KEPT:
            del self._tickets[next(iter(self._tickets))]
        return file, ticket

    def receive(self, ticket: str, content: bytes) -> bool:
        """Take the bytes of an announced file; ``False`` if the ticket or the length is wrong."""
        file = self._tickets.get(ticket)
        if file is None or len(content) != file.length:
            return False
        del self._tickets[ticket]
        self.fill(file, content)
        return True

    def fill(self, file: File, content: bytes) -> None:
        """Give a file its bytes, and forget those of the oldest files if there are too many."""
        file.content, file.is_uploaded = content, True
        held = sum(len(other.content or b"") for other in self._files.values())
        for other in self._files.values():
            if held <= ROOM:
                break
            held -= len(other.content or b"")
            other.content = None

    def share(
        self, files: Sequence[File], channel: Channel, message: Message, thread_ts: str = ""
    ) -> Message:
        """Post a message that shows files."""
        shown = {"files": [self.as_slack(file) for file in files], "subtype": "file_share"}
        posted = self._workspace.post(channel, {**message, **shown, "upload": False}, thread_ts=thread_ts)
        for file in files:
            file.shares.append((channel, posted))
            event = {"type": "file_shared", "file_id": file.id, "user_id": file.user_id}
            where = {"file": {"id": file.id}, "channel_id": channel.id, "event_ts": self._workspace.new_ts()}
            self._workspace.notify({**event, **where})
        return posted

    def forget(self, file: File) -> None:
        """Delete a file."""
        self._files.pop(file.id, None)

    def as_slack(self, file: File) -> dict[str, Any]:
        """Return the ``file`` object of ``files.info`` and of messages."""
        domain, author = self._workspace.domain, file.user_id
        shares: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for channel, message in file.shares:
            kind = "public" if channel.kind == "channel" else "private"
            share = {"ts": message["ts"], "channel_name": channel.name, "team_id": self._workspace.team_id}
            share |= {"share_user_id": author, "reply_users": [], "reply_count": 0}
            if "thread_ts" in message:
                share["thread_ts"] = message["thread_ts"]
            shares.setdefault(kind, {}).setdefault(channel.id, []).append(share)
        places = {
            kind: [c.id for c, _ in file.shares if c.kind == kind] for kind in ("channel", "group", "im")
        }
        private = f"https://files.slack.com/files-pri/{self._workspace.team_id}-{file.id}"
        return {
            "id": file.id,
            "created": file.created,
            "timestamp": file.created,
            "name": file.name,
            "title": file.title,
            "mimetype": file.mimetype,
            "filetype": file.filetype,
            "pretty_type": file.filetype.title(),
            "user": author,
            "size": file.length,
            "mode": "snippet" if file.mimetype.startswith("text/") else "hosted",
            "is_external": False,
            "is_public": bool(places["channel"]),
            "url_private": f"{private}/{file.name}",
            "url_private_download": f"{private}/download/{file.name}",
            "permalink": f"https://{domain}.slack.com/files/{author}/{file.id}/{file.name}",
            "channels": places["channel"],
            "groups": places["group"],
            "ims": places["im"],
            "shares": shares,
        }
