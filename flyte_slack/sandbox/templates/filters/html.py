"""Filters that make, escape or strip markup."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .. import values
from ..budget import Budget
from ..errors import Panic
from ..gotext import trimmed
from ..numbers import as_integer
from ..regex import BadPattern, compiled
from ..values import SafeText, Value, text
from .texts import iri_encoded

_TAG = compiled("<[^>]*>")

_URL = compiled(
    r"((((http|https)://)|www\.|((^|[ ])[0-9A-Za-z_\-]+(\.com|\.net|\.org|\.info|\.biz|\.de))))"
    r"(?U:.*)([ ]+|$)"
)
_MAIL = compiled(r"(\w+@\w+\.\w{2,4})")

_REPLACEMENT = "\ufffd"


def escaped(whole: str) -> str:
    """Escape the five characters that mean something in HTML."""
    for character, entity in (("&", "&amp;"), (">", "&gt;"), ("<", "&lt;"), ('"', "&quot;"), ("'", "&#39;")):
        whole = whole.replace(character, entity)
    return whole


def _escape(value: Value, argument: Value, budget: Budget) -> Value:
    return escaped(text(value))


def _safe(value: Value, argument: Value, budget: Budget) -> Value:
    return value


def _escapejs(value: Value, argument: Value, budget: Budget) -> Value:
    whole = text(value)
    budget.step(len(whole) // 2)
    # A backslash before r or n is taken for an escape that is meant.
    parts = re.findall(r"\\[rn]|.", whole, re.DOTALL)
    return "".join(map(_js_character, parts))


def _js_character(part: str) -> str:
    if part in ("\\r", "\\n"):
        return "\\u000D" if part == "\\r" else "\\u000A"
    if part == _REPLACEMENT or "\udc80" <= part <= "\udcff":
        return ""
    return part if (part.isascii() and part.isalpha()) or part in " /" else f"\\u{ord(part):04X}"


def _linebreaks(value: Value, argument: Value, budget: Budget) -> Value:
    if not values.length(value):
        return value
    budget.step(text(value).count("\n"))
    lines = text(value).split("\n")
    parts, opened = [], False
    for number, line in enumerate(lines):
        if not opened:
            parts.append("<p>")
            opened = True
        parts.append(line)
        if number < len(lines) - 1 and trimmed(line):
            opened = bool(trimmed(lines[number + 1]))
            parts.append("<br />" if opened else "</p>")
    return "".join(parts) + ("</p>" if opened else "")


def _linebreaksbr(value: Value, argument: Value, budget: Budget) -> Value:
    return text(value).replace("\n", "<br />")


def _striptags(value: Value, argument: Value, budget: Budget) -> Value:
    return trimmed(_TAG.sub("", text(value)))


def _removetags(value: Value, argument: Value, budget: Budget) -> Value:
    whole = text(value)
    for name in text(argument).split(","):
        budget.text(len(whole))
        budget.step()
        try:
            whole = compiled(f"</?{name}/?>").sub("", whole)
        except BadPattern as error:
            raise Panic(f"{name} is no name of a tag: {error}") from None
    return trimmed(whole)


def _urlized(whole: str, escapes: bool, limit: int) -> str:
    def shown(title: str) -> str:
        octets = title.encode("utf-8", "surrogateescape")
        if limit > 3 and len(octets) > limit:
            return octets[: limit - 3].decode("utf-8", "surrogateescape") + "..."
        return title

    def link(found: str) -> str:
        address = trimmed(found)
        url = iri_encoded(address)
        url = url if url.startswith("http") else f"http://{url}"
        title = escaped(shown(address)) if escapes else shown(address)
        before, after = " " * found.startswith(" "), " " * found.endswith(" ")
        return f'{before}<a href="{url}" rel="nofollow">{title}</a>{after}'

    whole = _URL.sub(lambda match: link(match[0]), whole)
    return _MAIL.sub(lambda match: f'<a href="mailto:{match[0]}">{shown(match[0])}</a>', whole)


def _urlize(value: Value, argument: Value, budget: Budget) -> Value:
    budget.step(len(text(value)) // 4)
    return _urlized(text(value), escapes=argument is not False, limit=-1)


def _urlizetrunc(value: Value, argument: Value, budget: Budget) -> Value:
    budget.step(len(text(value)) // 4)
    return _urlized(text(value), escapes=True, limit=as_integer(argument))


@dataclass
class _Cut:
    """Markup cut after so many characters or words: its tags are kept, and closed at the end."""

    whole: str
    budget: Budget
    parts: list[str] = field(default_factory=list)
    open_tags: list[str] = field(default_factory=list)
    count: int = 0

    def run(self, limit: int, take: Callable[[int], int]) -> None:
        at = 0
        while at < len(self.whole) and self.count < limit:
            at = self._tag(at + 1) if self.whole[at] == "<" else take(at)

    def close(self, dots: bool) -> Value:
        closing = "".join(f"</{name}>" for name in reversed(self.open_tags))
        return SafeText("".join(self.parts) + "..." * dots + closing)

    def character(self, at: int) -> int:
        self.parts.append(self.whole[at])
        self.count += 1
        return at + 1

    def word(self, at: int) -> int:
        begin = at
        while at < len(self.whole) and self.whole[at] != "<":
            at += 1
            if self.whole[at - 1] in " .,;":
                break
        self.parts.append(self.whole[begin:at])
        self.count += bool(self.whole[begin:at].rstrip(" .,;"))
        return at

    def _tag(self, at: int) -> int:
        self.parts.append("<")
        self.budget.step(1 + len(self.open_tags) // 16)
        octets_left = len(self.whole[at : at + 2].encode("utf-8", "surrogateescape"))
        if octets_left < 2:
            return at
        end = self.whole.find(">", at)
        end = end if end >= 0 else len(self.whole)
        if self.whole[at] == "/":
            name = self.whole[at + 1 : end]
            if name in self.open_tags:
                last = len(self.open_tags) - 1
                found = last - self.open_tags[::-1].index(name)
                self.open_tags[found] = self.open_tags[last]
                self.open_tags.pop()
            self.parts.append(f"/{name}>")
        else:
            self.parts.append(self.whole[at : end + 1])
            self.open_tags.append(self.whole[at:end].partition(" ")[0])
        return end + 1


def _truncatechars_html(value: Value, argument: Value, budget: Budget) -> Value:
    whole = text(value).replace(_REPLACEMENT, "")
    budget.step(len(whole) // 4)
    cut, limit = _Cut(whole, budget), max(as_integer(argument) - 3, 0)
    cut.run(limit, cut.character)
    return cut.close(limit <= cut.count < len(text(value).encode("utf-8", "surrogateescape")))


def _truncatewords_html(value: Value, argument: Value, budget: Budget) -> Value:
    whole = text(value).replace(_REPLACEMENT, "")
    budget.step(len(whole) // 4)
    cut, limit = _Cut(whole, budget), max(as_integer(argument), 0)
    cut.run(limit, cut.word)
    return cut.close(cut.count >= limit)


FILTERS = {
    "escape": _escape,
    "escapejs": _escapejs,
    "linebreaks": _linebreaks,
    "linebreaksbr": _linebreaksbr,
    "removetags": _removetags,
    "safe": _safe,
    "striptags": _striptags,
    "truncatechars_html": _truncatechars_html,
    "truncatewords_html": _truncatewords_html,
    "urlize": _urlize,
    "urlizetrunc": _urlizetrunc,
}
