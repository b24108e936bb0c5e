"""Text as Slack's own client turns it into a message: names become mentions, addresses become links."""

from __future__ import annotations

import re

from ..workspace import Channel, NotInWorkspaceError, Workspace, escape

_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_LINK = re.compile(r"https?://(?:(?!&lt;|&gt;)[^\s<>|`])+")
_NAME = re.compile(r"(?<![\w@#/&])([@#])([\w.-]+)")
_EVERYBODY = ("here", "channel", "everyone")


def written(workspace: Workspace, text: str) -> str:
    """Return what Slack stores when a person types ``text``; code stays as it is."""
    pieces = _CODE.split(escape(text))
    return "".join(p if n % 2 else _outside_code(workspace, p) for n, p in enumerate(pieces))


def _outside_code(workspace: Workspace, text: str) -> str:
    done = []
    end = 0
    for link in _LINK.finditer(text):
        address = link.group().rstrip(".,;:!?)'\"*_~")
        done += [_named(workspace, text[end : link.start()]), f"<{address}>"]
        end = link.start() + len(address)
    return "".join([*done, _named(workspace, text[end:])])


def _named(workspace: Workspace, text: str) -> str:
    def mention(found: re.Match[str]) -> str:
        name = found[2].rstrip(".-")
        rest = found[2][len(name) :]
        try:
            if found[1] == "#":
                channel: Channel = workspace.channel(name)
                return f"<#{channel.id}|{channel.name}>{rest}"
            if name in _EVERYBODY:
                return f"<!{name}>{rest}"
            for group_id, (handle, _) in workspace.usergroups.items():
                if name == handle:
                    return f"<!subteam^{group_id}>{rest}"
            return f"<@{workspace.known_person(name).id}>{rest}"
        except NotInWorkspaceError:
            return found[0]

    return _NAME.sub(mention, text)
