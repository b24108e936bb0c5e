"""What a sent text may ring: mentions that it may not are put into words that read the same.

An echoing flow must not lend everybody the right to ring a whole channel (contract, section 10).
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from ..workspace.directory import Directory

Mentions = Literal["all", "people", "none"]

_BROADCAST = re.compile(r"<!(channel|here|everyone|group)(?:\|[^<>]*)?>", re.IGNORECASE)
_GROUP = re.compile(r"<!subteam\^([^<>|]*)(?:\|([^<>]*))?>", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"(?<![<\w])@\w")
_PERSON = re.compile(r"<@([^<>|]*)(?:\|([^<>]*))?>")


class Muzzle:
    """Puts the mentions of a message into words.

    Args:
        mentions: what may ring.
        names: names of users by id, for those who may not be rung.
    """

    def __init__(self, mentions: Mentions, names: Mapping[str, str]) -> None:
        self._people = mentions == "people"
        self._names = names

    def text(self, text: str) -> str:
        """Return a text, mrkdwn or Markdown, that rings nobody it may not."""
        while (quiet := self._once(text)) != text:  # what is left may make a mention once more
            text = quiet
        return text

    def value(self, value: Any) -> Any:
        """Return blocks or attachments of which every string and element rings nobody it may not."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        if (said := self._element(value)) is not None:
            return {"type": "text", "text": said} | ({"style": value["style"]} if "style" in value else {})
        quiet = {key: self.value(item) for key, item in value.items()}
        if quiet.get("type") == "mrkdwn" and _PLAIN_NAME.search(str(quiet.get("text"))):
            quiet["verbatim"] = True  # else Slack may read a mention into plain words
        return quiet

    def _once(self, text: str) -> str:
        text = _BROADCAST.sub(lambda found: f"@{found[1].lower()}", text)
        text = _GROUP.sub(lambda found: _at(found[2] or found[1]), text)
        return text if self._people else _PERSON.sub(lambda found: self._person(found[1], found[2]), text)

    def _element(self, element: Mapping[str, Any]) -> str | None:
        """Return what an element of rich text reads as, or None if it may ring, or does not."""
        kind = element.get("type")
        if kind == "broadcast" and "range" in element:
            return _at(str(element["range"]))
        if kind == "usergroup" and "usergroup_id" in element:
            return _at(str(element["usergroup_id"]))
        if kind == "user" and "user_id" in element and not self._people:
            return self._person(str(element["user_id"]))
        return None

    def _person(self, id_: str, label: str | None = None) -> str:
        return _at(self._names.get(id_) or label or id_)


def _at(name: str) -> str:
    return f"@{name.removeprefix('@')}"


def people(value: Any) -> set[str]:
    """Return the ids of the users that texts, blocks or attachments mention."""
    if isinstance(value, str):
        return {found[1] for found in _PERSON.finditer(value)}
    if isinstance(value, list):
        return set().union(*map(people, value))
    if not isinstance(value, Mapping):
        return set()
    own = {str(value["user_id"])} if value.get("type") == "user" and "user_id" in value else set()
    return own.union(*map(people, value.values()))


async def muzzle(mentions: Mentions, directory: Directory, *shown: Any) -> Muzzle:
    """Return what puts the mentions of a message into words.

    Args:
        mentions: what may ring: not `all`.
        directory: names those who may not be rung.
        shown: texts, blocks and attachments.
    """
    names = {}
    if mentions == "none":
        for id_ in sorted(people(list(shown))):
            user = await directory.user(id_)
            names[id_] = user.display_name or user.name
    return Muzzle(mentions, names)
