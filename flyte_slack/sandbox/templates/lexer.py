"""Taking a template's text apart into tokens, exactly as the server's lexer does.

Tags and variables may not hold newlines, `{% verbatim %}` is known in that very spelling only, and a
character that belongs to no token ends a tag, so that what follows is text and the parser complains.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum

from .errors import Place, TemplateError

KEYWORDS = frozenset({"in", "and", "or", "not", "true", "false", "as", "export"})

WHITESPACE = " \n\r\t"

_TOKEN_LIMIT = 50_000
"""Beyond, parsing takes too long."""

_SYMBOL = re.compile(
    r"\{\{-|-\}\}|\{%-|-%\}|==|>=|<=|&&|\|\||\{\{|\}\}|\{%|%\}|!=|<>|[()+\-*<>/^,.!|:=%]"
)  # the longest first
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_NUMBER = re.compile(r"[0-9]+")
_NUMBERED_NAME = re.compile(r"[0-9]+[A-Za-z_][A-Za-z_0-9]*")
_OPENING = re.compile(r"\{[{%#]|\x01")

_VERBATIM, _END_VERBATIM = "{% verbatim %}", "{% endverbatim %}"
_STOP = "\x01"
"""The server takes this character for the end of the template."""


class Kind(Enum):
    """What a token is."""

    TEXT = "text"
    KEYWORD = "keyword"
    NAME = "name"
    STRING = "string"
    NUMBER = "number"
    SYMBOL = "symbol"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a template; `trims` says that whitespace on its outer side goes (`{{-`, `-%}`)."""

    kind: Kind
    value: str
    place: Place
    trims: bool = False

    def is_symbol(self, value: str) -> bool:
        """Whether it is that symbol."""
        return self.kind is Kind.SYMBOL and self.value == value


class Lexer:
    """One pass over a template.

    Args:
        source: What the server lexes: the template in its wrapping.
        start: Where the template begins in it; places are counted from there.
        stop: Where it ends.
    """

    def __init__(self, source: str, start: int, stop: int) -> None:
        self._source = source
        self._start = start
        self._stop = stop
        self._lines = [start, *(m.end() for m in re.finditer("\n", source) if m.end() <= stop)]
        self._position = 0
        self._tokens: list[Token] = []

    def place(self, position: int) -> Place:
        """Return a position's place in the template itself."""
        position = min(max(position, self._start), self._stop)
        line = bisect_right(self._lines, position)
        return Place(line, position - self._lines[line - 1] + 1)

    def tokens(self) -> list[Token]:
        """Return all tokens.

        Raises:
            TemplateError: A comment, string or `verbatim` that is not closed, or a newline where none may be.
        """
        source, begin = self._source, 0
        while found := _OPENING.search(source, self._position):
            self._position = found.start()
            if found[0] == _STOP:
                self._position = found.end()
                self._text(begin, self._position)
                return self._tokens
            self._text(begin, self._position)
            if source.startswith(_VERBATIM, self._position):
                self._verbatim()
            # Right behind one `verbatim` another is not known as such, and taken for an unknown tag.
            if source.startswith("{#", self._position):
                self._comment()
            elif source.startswith(("{{", "{%"), self._position):
                self._code()
            begin = self._position
            if len(self._tokens) > _TOKEN_LIMIT:
                raise self._error("there is too much in the template", begin)
        self._text(begin, len(source))
        return self._tokens

    def _text(self, begin: int, end: int) -> None:
        if end > begin:
            self._tokens.append(Token(Kind.TEXT, self._source[begin:end], self.place(begin)))

    def _error(self, message: str, position: int) -> TemplateError:
        return TemplateError(message, self.place(position))

    def _verbatim(self) -> None:
        opened = self._position
        begin = opened + len(_VERBATIM)
        # The server looks for the end one character further on, so an empty one never ends.
        end = self._source.find(_END_VERBATIM, begin + 1)
        if end < 0 or _STOP in self._source[begin:end]:
            raise self._error("verbatim is not closed", opened)
        self._text(begin, end)
        self._position = end + len(_END_VERBATIM)

    def _comment(self) -> None:
        opened = self._position
        end = self._source.find("#}", opened + 2)
        newline = self._source.find("\n", opened, end if end >= 0 else None)
        if newline >= 0:
            raise self._error("a comment {# … #} cannot go over more than one line", newline)
        if end < 0 or _STOP in self._source[opened:end]:
            raise self._error("a comment is not closed: #} is missing", opened)
        self._position = end + 2

    def _code(self) -> None:
        source = self._source
        while self._position < len(source) and len(self._tokens) <= _TOKEN_LIMIT:
            begin, character = self._position, source[self._position]
            if character == "\n":
                raise self._error("a tag or variable cannot go over more than one line", begin)
            if character in WHITESPACE:
                self._position += 1
            elif name := _NAME.match(source, begin) or _NUMBERED_NAME.match(source, begin):
                self._emit(Kind.KEYWORD if name[0] in KEYWORDS else Kind.NAME, name[0])
            elif number := _NUMBER.match(source, begin):
                self._emit(Kind.NUMBER, number[0])
            elif character in "\"'":
                self._string(character)
            elif symbol := _SYMBOL.match(source, begin):
                self._symbol(symbol[0])
                if symbol[0] in ("%}", "-%}", "}}", "-}}"):
                    return
            else:
                return

    def _emit(self, kind: Kind, value: str) -> None:
        self._tokens.append(Token(kind, value, self.place(self._position)))
        self._position += len(value)

    def _symbol(self, symbol: str) -> None:
        trims = len(symbol) == 3
        value = symbol.replace("-", "") if trims else symbol
        self._tokens.append(Token(Kind.SYMBOL, value, self.place(self._position), trims))
        self._position += len(symbol)

    def _string(self, quote: str) -> None:
        source, begin = self._source, self._position
        at = begin + 1
        while True:
            character = source[at : at + 1]
            if character == quote:
                break
            if character in ("", _STOP):
                raise self._error(f"a string is not closed: {quote} is missing", begin)
            if character == "\n":
                raise self._error("a string cannot go over more than one line", at)
            if character == "\\":
                at += 1
                if source[at : at + 1] not in ('"', "\\"):
                    raise self._error(
                        rf"unknown escape \{source[at : at + 1]}: write \\ for a backslash, \" for a quote",
                        at - 1,
                    )
            at += 1
        value = source[begin + 1 : at].replace('\\"', '"').replace("\\\\", "\\")
        self._tokens.append(Token(Kind.STRING, value, self.place(begin)))
        self._position = at + 1
