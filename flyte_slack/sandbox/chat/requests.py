"""Reading the requests of the page and of scripts: fields, people, channels and messages by name."""

from __future__ import annotations

from typing import Any, cast

from aiohttp import web
from aiohttp.typedefs import Handler

from ..guard import Refused
from ..slack.elements import BadChoiceError
from ..slack.errors import MethodError
from ..slack.methods.base import is_ts
from ..workspace import TOMBSTONE, Channel, Message, NotInWorkspaceError, User, Workspace

Body = dict[str, Any]


@web.middleware
async def explain_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what cannot be done with a status and ``{"error": sentence}``."""
    try:
        if request.method != "GET" and request.can_read_body and request.content_type != "application/json":
            raise Refused(415, "The content type must be application/json.")
        return await handler(request)
    except Refused as refused:
        status, sentence = refused.status, str(refused)
    except NotInWorkspaceError as missing:
        status, sentence = 404, str(missing)
    except BadChoiceError as bad:
        status, sentence = 400, str(bad)
    except MethodError as error:
        status, sentence = 400, f"Slack refuses that: {error.code}."
    return web.json_response({"error": sentence}, status=status)


async def body_of(request: web.Request) -> Body:
    """Read the JSON object that a request carries."""
    if not request.can_read_body:
        raise Refused(415, "The body must be a JSON object, as application/json.")
    try:
        body = await request.json()
    except ValueError:
        raise Refused(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object.")
    return cast(Body, body)


def text_of(body: Body, field: str, *, optional: bool = False) -> str:
    """Read a text, without the blanks around it if it is not what somebody writes."""
    value = body.get(field)
    if optional and value in (None, ""):
        return ""
    if not isinstance(value, str) or not value.strip():
        raise Refused(400, f"{field} must be a text that is not empty.")
    return value if field == "text" else value.strip()


def flag_of(body: Body, field: str) -> bool:
    """Read a boolean that need not be there."""
    value = body.get(field, False)
    if not isinstance(value, bool):
        raise Refused(400, f"{field} must be true or false.")
    return value


def inputs_of(body: Body) -> dict[str, Any]:
    """Read ``inputs``, an object of what is filled in, which need not be there."""
    inputs = body.get("inputs")
    if inputs is None:
        return {}
    if not isinstance(inputs, dict):
        raise Refused(400, "inputs must be an object of action ids and values.")
    return inputs


class Reader:
    """Finds what a request names."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def person(self, name: str) -> User:
        """Return the person of that name, who must be there and not the bot."""
        user = self._workspace.known_person(name)
        if user is self._workspace.bot:
            raise Refused(400, f"{user.name} is the bot; it acts through the Slack Web API.")
        return user

    def person_of(self, body: Body) -> User:
        """Return the person that ``user`` names."""
        return self.person(text_of(body, "user"))

    def channel(self, reference: str, user: str = "") -> Channel:
        """Return the channel of that id or name; ``@NAME`` is the direct message of bot and person."""
        workspace = self._workspace
        if not reference.startswith("@"):
            return workspace.channel(reference)
        other = workspace.known_person(reference)
        if other is workspace.bot:
            if not user:
                raise Refused(400, f"Whose direct message with {other.name}? Name a user, too.")
            other = self.person(user)
        return workspace.open_direct(other.id)

    def channel_of(self, body: Body) -> Channel:
        """Return the channel that ``channel`` names."""
        user = body.get("user")
        return self.channel(text_of(body, "channel"), user if isinstance(user, str) else "")

    def check_access(self, channel: Channel, name: str) -> None:
        """Refuse a person who is not in a direct message."""
        members = [member.name for member in self._workspace.members_of(channel)]
        if channel.kind in ("im", "mpim") and name not in members:
            raise Refused(400, f"Only {' and '.join(members)} take part in this direct message.")

    def place_of(self, body: Body) -> tuple[Channel, User]:
        """Return the channel and the person, who may act there."""
        channel, user = self.channel_of(body), self.person_of(body)
        self.check_access(channel, user.name)
        return channel, user

    def thread_of(self, body: Body, channel: Channel) -> str:
        """Return the thread that ``thread_ts`` names, ``""`` if it names none."""
        thread_ts = body.get("thread_ts") or ""
        if not isinstance(thread_ts, str) or (thread_ts and not is_ts(thread_ts)):
            raise Refused(400, "thread_ts must be the ts of a message in that channel.")
        if thread_ts and self._workspace.find(channel, thread_ts) is None:
            raise NotInWorkspaceError(f"{_named(channel)} has no message {thread_ts!r} to reply to.")
        return thread_ts

    def message_of(self, body: Body, channel: Channel, user: User, field: str = "ts") -> Message:
        """Return the message of that ``ts`` as this person sees it, an ephemeral one included."""
        ts = text_of(body, field)
        found = self._workspace.find(channel, ts)
        if found is None:
            mine = (m for m in channel.ephemerals if m["ts"] == ts and m["ephemeral_to"] == user.id)
            found = next(mine, None)
        if found is None or found.get("subtype") == TOMBSTONE:
            raise NotInWorkspaceError(f"{_named(channel)} has no message {ts!r}.")
        return found


def _named(channel: Channel) -> str:
    return "The direct message" if channel.kind == "im" else f"#{channel.name}"
