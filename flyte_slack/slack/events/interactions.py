"""What the payloads of interactivity share: clicks, modals, shortcuts and slash commands."""

from collections.abc import Sequence
from typing import Any

from ..workspace.profiles import Json, mapping, objects, text
from ..workspace.workspace import Workspace
from .base import Body, Received
from .common import channel_keys, digest, person, team_of


def actions_of(body: Body) -> list[Json]:
    """Return the actions of a payload; Slack sends one at a time."""
    return objects(body.get("actions"))


def received(kind: str, body: Body, position: float = 0.0, tells: Sequence[object] = ()) -> Received:
    """Return what an interaction is: Slack gives it no id, but each has a trigger of its own.

    Args:
        kind: name of the event.
        body: the payload.
        position: its time, if the payload tells it.
        tells: what else tells it from others; if there is nothing at all, the whole payload does.
    """
    identity = [text(part) for part in (body.get("trigger_id"), body.get("action_ts"), *tells)]
    key = digest([*identity, user_id(body)] if any(identity) else dict(body))
    return Received(f"{kind}:{key}", channel_id(body) or user_id(body) or kind, position)


def user_id(body: Body) -> str:
    """Return who did it."""
    return text(mapping(body.get("user")).get("id")) or text(body.get("user_id"))


def channel_id(body: Body) -> str:
    """Return the channel in which it was done, or an empty text."""
    container = mapping(body.get("container"))
    return (
        text(mapping(body.get("channel")).get("id"))
        or text(body.get("channel_id"))
        or text(container.get("channel_id"))
    )


async def user_keys(body: Body, workspace: Workspace) -> dict[str, Any]:
    """Return who did it, and in which workspace."""
    known = mapping(body.get("user")) or {"name": body.get("user_name")}
    return {
        "team_id": team_of(body, workspace),
        "user": await person(workspace.directory, user_id(body), known),
    }


async def place_keys(body: Body, workspace: Workspace) -> dict[str, Any]:
    """Return who did it, in which workspace and channel."""
    name = text(mapping(body.get("channel")).get("name")) or body.get("channel_name")
    channel = await channel_keys(workspace.directory, channel_id(body), name=name)
    return {**channel, **await user_keys(body, workspace)}


def message_keys(body: Body) -> dict[str, str]:
    """Return the message in which it was done, or empty texts."""
    message = mapping(body.get("message")) or mapping(body.get("original_message"))
    container = mapping(body.get("container"))
    timestamp = text(message.get("ts")) or text(container.get("message_ts")) or text(body.get("message_ts"))
    thread = text(message.get("thread_ts")) or text(container.get("thread_ts"))
    return {
        "message": text(message.get("text")),
        "timestamp": timestamp,
        "thread_timestamp": thread or timestamp,
    }


def response_url(body: Body) -> str:
    """Return where an answer can be posted, without a token, for half an hour."""
    given = next(iter(objects(body.get("response_urls"))), {})
    return text(body.get("response_url")) or text(given.get("response_url"))
