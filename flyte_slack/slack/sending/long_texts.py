"""Cuts a long text into parts that each read well on their own.

A cut is made at a paragraph, else at a line, else at a word, and never inside of an entity, a mention, a
link or an emoji; a code fence that is cut is closed in one part and opened again in the next.
"""

import re
from collections.abc import Iterator

PART = 4_000
"""Characters of a part, at most: what Slack advises."""

_FENCE = "```"
_WHOLE = re.compile(
    r"<[^<>\n]{1,3000}>|&(?:amp|lt|gt);|!?\[[^\]\n]{1,1000}\]\([^)\s]{1,2000}\)|:[\w+'-]{1,100}:"
)
_ENDS = (re.compile(r"\n(?:[ \t]*\n)+"), re.compile(r"\n"), re.compile(r"\s+"))
_LEAST = 0.5  # of a part is filled, before a worse place to cut is taken


def split(text: str, size: int = PART) -> list[str]:
    """Return a text in parts of at most so many characters, in order; none of them is blank."""
    parts = []
    opened = ""  # the line that opened the code fence which the text is cut in, if it is
    rest = text
    while True:
        start = f"{opened}\n" if opened else ""
        if len(start) + len(rest) <= size:
            parts.append(start + rest)
            return [part for part in parts if part.strip()]
        room = size - len(start) - len(f"\n{_FENCE}")
        end, next_ = _cut(rest, max(1, room))
        piece, rest = rest[:end], rest[next_:]
        opened = _open_fence(start + piece)
        closing = ("" if piece.endswith("\n") else "\n") + _FENCE if opened else ""
        parts.append(start + piece + closing)


def _cut(text: str, room: int) -> tuple[int, int]:
    """Return where the next part ends, and where the one after it begins."""
    whole = [(found.start(), found.end()) for found in _WHOLE.finditer(text, 0, room + 3000)]
    for kind in _ENDS:
        places = [
            (found.start(), found.end())
            for found in kind.finditer(text, int(room * _LEAST), room + 1)
            if found.start() <= room and found.start() > 0 and not _inside(found.start(), whole)
        ]
        if places:
            return places[-1]
    inside = [start for start, end in whole if start < room < end]
    end = inside[0] if inside and inside[0] > 0 else room
    return end, end


def _inside(place: int, whole: list[tuple[int, int]]) -> bool:
    return any(start < place < end for start, end in whole)


def _open_fence(part: str) -> str:
    """Return the line that opens the code fence which is open at the end of a part, or nothing."""
    opened = ""
    for line in _fences(part):
        opened = "" if opened else line
    return opened


def _fences(part: str) -> Iterator[str]:
    """Yield each fence, with the word for its language if it stands alone on its line."""
    for found in re.finditer(r"```(?:[\w+-]{0,30}(?=\n))?", part):
        yield found[0]
