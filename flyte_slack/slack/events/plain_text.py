"""What a person reads of a message: its text, or what its blocks and attachments say."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from ..workspace.directory import Directory
from ..workspace.profiles import Json, mapping, objects, text
from .mrkdwn import Names, day, mentioned, readable

_MOST_NAMES = 100  # looked up for one message; the rest stay ids
_ATTACHED_BLOCKS = ("blocks", "message_blocks")


@dataclass(frozen=True, slots=True)
class Reading:
    """A message as a person reads it.

    Attributes:
        text: without Slack's own markup of mentions, links and entities.
        mentions: ids of the users that it mentions, in order, each once.
    """

    text: str
    mentions: list[str]


async def read_message(message: Json, directory: Directory) -> Reading:
    """Return what a person reads of a message; a lookup that fails leaves the id."""
    names = Names()
    if not _says(message, names):
        return Reading("", [])
    await _look_up(names, directory)
    own = text(message.get("text"))
    mentions = list(dict.fromkeys(mentioned(own))) if own.strip() else list(names.wanted_users)
    return Reading(_says(message, names), mentions)


async def plain_text(markup: str, directory: Directory) -> str:
    """Return what a person reads of a text."""
    return (await read_message({"text": markup}, directory)).text


async def _look_up(names: Names, directory: Directory) -> None:
    users = list(names.wanted_users)[:_MOST_NAMES]
    channels = list(names.wanted_channels)[:_MOST_NAMES]
    found = await asyncio.gather(*map(directory.user, users))
    names.users = {user.id: user.display_name or user.name for user in found}
    named = await asyncio.gather(*map(directory.channel, channels))
    names.channels = {channel.id: channel.name for channel in named}


def _says(message: Json, names: Names) -> str:
    own = text(message.get("text"))
    if own.strip():
        return readable(own, names)
    said = [*_blocks(message.get("blocks"), names)]
    for attachment in objects(message.get("attachments")):
        said += _attachment(attachment, names)
    return "\n".join(filter(None, said))


def _attachment(attachment: Json, names: Names) -> list[str]:
    said = [readable(text(attachment.get(key)), names) for key in ("pretext", "title", "text")]
    for field in objects(attachment.get("fields")):
        pair = [readable(text(field.get(key)), names) for key in ("title", "value")]
        said.append(": ".join(filter(None, pair)))
    for key in _ATTACHED_BLOCKS:
        blocks = attachment.get(key)
        if key == "message_blocks" and not any(said):  # of a forwarded message, beside its text
            blocks = [
                block
                for each in objects(blocks)
                for block in objects(mapping(each.get("message")).get("blocks"))
            ]
        elif key == "message_blocks":
            continue
        said += _blocks(blocks, names)
    return [one for one in said if one] or [readable(text(attachment.get("fallback")), names)]


def _blocks(blocks: object, names: Names) -> Iterator[str]:
    for block in objects(blocks):
        yield from _block(block, names)


def _block(block: Json, names: Names) -> Iterator[str]:
    match block.get("type"):
        case "rich_text":
            yield rich_text(block, names)
        case "section" | "header" | "markdown":
            yield _text_object(block.get("text"), names)
            for field in objects(block.get("fields")):
                yield _text_object(field, names)
        case "context":
            said = [
                _text_object(each, names) or text(each.get("alt_text"))
                for each in objects(block.get("elements"))
            ]
            yield " ".join(filter(None, said))
        case "image" | "video":
            yield _text_object(block.get("title"), names) or text(block.get("alt_text"))
        case "input":
            yield _text_object(block.get("label"), names)
        case "table":
            for row in block.get("rows") or ():
                yield " | ".join(_cell(cell, names) for cell in objects(row))


def _cell(cell: Json, names: Names) -> str:
    return rich_text(cell, names) if cell.get("type") == "rich_text" else text(cell.get("text"))


def _text_object(value: object, names: Names) -> str:
    if isinstance(value, str):  # a Markdown block's
        return readable(value, names)
    found = mapping(value)
    said = text(found.get("text"))
    return readable(said, names) if found.get("type") == "mrkdwn" else said


def rich_text(block: Json, names: Names) -> str:
    """Return what rich text says: a line for each paragraph, list item and quotation."""
    return "\n".join(
        line for element in objects(block.get("elements")) for line in _rich_lines(element, names)
    )


def _rich_lines(element: Json, names: Names) -> Iterator[str]:
    if element.get("type") == "rich_text_list":
        for item in objects(element.get("elements")):
            yield from _rich_lines(item, names)
        return
    said = "".join(_rich_element(each, names) for each in objects(element.get("elements")))
    if said.strip():
        yield said.strip("\n")


def _rich_element(element: Json, names: Names) -> str:
    match element.get("type"):
        case "user":
            return names.user(text(element.get("user_id")))
        case "channel":
            return names.channel(text(element.get("channel_id")))
        case "usergroup":
            return f"@{text(element.get('usergroup_id'))}"
        case "broadcast":
            return f"@{text(element.get('range'))}"
        case "emoji":
            return f":{text(element.get('name'))}:"
        case "link":
            return text(element.get("text")) or text(element.get("url"))
        case "date":
            return day(element.get("timestamp"), text(element.get("fallback")))
        case "color":
            return text(element.get("value"))
        case _:
            return text(element.get("text"))
