"""From tokens to nodes: text, variables, and tags with what they enclose."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import Place, TemplateError
from .lexer import WHITESPACE, Kind, Token
from .nodes import Body, Node, Print, Text
from .syntax import Arguments, parsed

_DEPTH_LIMIT = 100
"""Tags within tags: enough for anybody, and few enough for Python's stack."""


@dataclass
class Tag:
    """A tag as it stands in the template: its name and the tokens of its arguments."""

    name: str
    place: Place
    tokens: list[Token]
    end: Place

    def arguments(self, rule: str) -> Arguments:
        """Parse the arguments by a rule of the grammar."""
        arguments: Arguments = parsed(rule, self.tokens, self.end)
        return arguments

    def expression(self) -> Any:
        """Parse the arguments as one expression."""
        return parsed("expression", self.tokens, self.end)

    def error(self, message: str) -> TemplateError:
        """Return an error at this tag."""
        return TemplateError(message, self.place)

    def refuse_arguments(self) -> None:
        """Raise a `TemplateError` if there are any."""
        if self.tokens:
            raise TemplateError(f"{self.name} takes no arguments", self.tokens[0].place)


TagParser = Callable[["Document", Tag], Node]


@dataclass
class Document:
    """A template being parsed.

    Args:
        tokens: All of it.
        tags: What parses each tag that is known.
        end: Where the template ends.
    """

    tokens: Sequence[Token]
    tags: dict[str, TagParser]
    end: Place
    exported: set[str] = field(default_factory=set)
    blocks: set[str] = field(default_factory=set)
    _next: int = 0
    _open: list[tuple[Tag, str]] = field(default_factory=list)

    def parse(self) -> Body:
        """Return the whole template.

        Raises:
            TemplateError: The server would not accept it.
        """
        nodes = []
        while self._next < len(self.tokens):
            nodes.append(self._node())
        return Body(tuple(nodes))

    def until(self, opening: Tag, *names: str) -> tuple[Body, Tag]:
        """Return the nodes up to a closing tag, and that tag.

        Args:
            opening: The tag to be closed.
            names: The names of tags that end the nodes.
        """
        nodes: list[Node] = []
        self._open.append((opening, names[-1]))
        if len(self._open) > _DEPTH_LIMIT:
            raise opening.error("too many tags within tags")
        while self._next < len(self.tokens):
            name = self._tag_name()
            if name is not None and name.value in names:
                tag = self._tag(name)
                self._open.pop()
                return Body(tuple(nodes), tag.name), tag
            nodes.append(self._node())
        raise _not_closed(opening, names[-1])

    def skip(self, opening: Tag, closing: str) -> None:
        """Pass over everything up to a closing tag, which takes no arguments."""
        while self._next < len(self.tokens):
            name = self._tag_name()
            if name is not None and name.value == closing:
                self._tag(name).refuse_arguments()
                return
            self._next += 1
        raise _not_closed(opening, closing)

    def _peek(self, distance: int = 0) -> Token | None:
        at = self._next + distance
        return self.tokens[at] if 0 <= at < len(self.tokens) else None

    def _tag_name(self) -> Token | None:
        token, name = self._peek(), self._peek(1)
        if token is None or not token.is_symbol("{%") or name is None or name.kind is not Kind.NAME:
            return None
        return name

    def _node(self) -> Node:
        token = self.tokens[self._next]
        if token.kind is Kind.TEXT:
            return self._text(token)
        if token.is_symbol("{{"):
            self._next += 1
            inside = self._through("}}", token.place, "a variable is not closed: }} is missing")
            return Print(token.place, parsed("expression", inside, self.tokens[self._next - 1].place))
        if token.is_symbol("{%"):
            name = self._tag_name()
            if name is None:
                behind = self._peek(1)
                raise TemplateError("a tag needs a name", token.place if behind is None else behind.place)
            parser = self.tags.get(name.value)
            if parser is None:
                # The first one open is what the server puts around the template.
                still_open = self._open[1:]
                if name.place >= self.end and still_open:
                    raise _not_closed(*still_open[-1])
                closes = name.value.startswith("end") or name.value in ("else", "elif", "empty")
                if closes and still_open:
                    opening, wanted = still_open[-1]
                    known = f"{opening.name} in line {opening.place.line} is open and wants {{% {wanted} %}}"
                    raise TemplateError(f"{name.value} cannot stand here: {known}", name.place)
                reason = ": nothing is open that it could close" if closes else ""
                raise TemplateError(f"there is no tag {name.value}{reason}", name.place)
            return parser(self, self._tag(name))
        raise TemplateError(f"'{token.value}' cannot stand here", token.place)

    def _text(self, token: Token) -> Text:
        before, behind = self._peek(-1), self._peek(1)
        value = token.value
        if before is not None and before.trims:
            value = value.lstrip(WHITESPACE)
        if behind is not None and behind.trims:
            value = value.rstrip(WHITESPACE)
        self._next += 1
        return Text(token.place, value)

    def _tag(self, name: Token) -> Tag:
        self._next += 2
        tokens = self._through("%}", name.place, f"{name.value} is not closed: %}} is missing")
        return Tag(name.value, name.place, tokens, self.tokens[self._next - 1].place)

    def _through(self, closing: str, place: Place, problem: str) -> list[Token]:
        begin = self._next
        while self._next < len(self.tokens):
            token = self.tokens[self._next]
            if token.is_symbol(closing):
                self._next += 1
                return list(self.tokens[begin : self._next - 1])
            if token.is_symbol("{{") or token.is_symbol("{%"):
                raise TemplateError(problem, place)
            if token.kind is Kind.TEXT:
                # The lexer came upon a character that belongs to nothing.
                raise TemplateError(f"'{token.value[:1]}' cannot stand here", token.place)
            self._next += 1
        raise TemplateError(problem, place)


def _not_closed(opening: Tag, closing: str) -> TemplateError:
    return opening.error(f"{opening.name} is not closed: {{% {closing} %}} is missing")
