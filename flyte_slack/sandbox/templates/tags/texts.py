"""Tags about text: `autoescape`, `comment`, `filter`, `spaceless`, `templatetag`, `now`, `lorem`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ..document import Document, Tag, TagParser
from ..errors import Place, TemplateError
from ..expressions import FilterCall
from ..gotext import fields
from ..gotime import GoTime
from ..nodes import Body, Item, Text
from ..numbers import as_integer
from ..regex import compiled
from ..scope import Output, Scope
from ..values import Value, text
from .lorem import LOREM

_BETWEEN_TAGS = compiled(r"(?U:(<.*>))([\t\n\v\f\r ]+)(?U:(<.*>))")

_BRACES = {
    "openblock": "{%",
    "closeblock": "%}",
    "openvariable": "{{",
    "closevariable": "}}",
    "openbrace": "{",
    "closebrace": "}",
    "opencomment": "{#",
    "closecomment": "#}",
}

_FAKE_NOW = datetime(2014, 2, 5, 18, 31, 45, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Autoescape:
    place: Place
    on: bool
    body: Body

    def render(self, scope: Scope, output: Output) -> None:
        before, scope.autoescape = scope.autoescape, self.on
        self.body.render(scope, output)
        scope.autoescape = before

    def items(self) -> Iterator[Item]:
        yield Item(inner=self.body)


def _autoescape(document: Document, tag: Tag) -> _Autoescape:
    body, _ = document.until(tag, "endautoescape")
    mode = tag.arguments("name").names[0]
    if mode.value not in ("on", "off"):
        raise TemplateError("autoescape is on or off", mode.place)
    return _Autoescape(tag.place, mode.value == "on", body)


def _comment(document: Document, tag: Tag) -> Text:
    document.skip(tag, "endcomment")
    tag.refuse_arguments()
    return Text(tag.place, "")


@dataclass(frozen=True, slots=True)
class _Filter:
    place: Place
    filters: tuple[FilterCall, ...]
    body: Body

    def render(self, scope: Scope, output: Output) -> None:
        value: Value = self.body.rendered(scope)
        for each in self.filters:
            value = each.apply(value, scope)
        output.write(text(value))

    def items(self) -> Iterator[Item]:
        yield Item(inner=self.body)
        for each in self.filters:
            yield Item(filter=each)


def _filter(document: Document, tag: Tag) -> _Filter:
    body, _ = document.until(tag, "endfilter")
    return _Filter(tag.place, tag.arguments("filters").filters, body)


@dataclass(frozen=True, slots=True)
class _Spaceless:
    place: Place
    body: Body

    def render(self, scope: Scope, output: Output) -> None:
        rendered, before = self.body.rendered(scope), None
        while rendered != before:
            scope.run.budget.step(1 + len(rendered) // 64)
            before = rendered
            rendered = _BETWEEN_TAGS.sub(lambda match: match[1] + match[3], rendered)
        output.write(rendered)

    def items(self) -> Iterator[Item]:
        yield Item(inner=self.body)


def _spaceless(document: Document, tag: Tag) -> _Spaceless:
    body, _ = document.until(tag, "endspaceless")
    tag.refuse_arguments()
    return _Spaceless(tag.place, body)


def _templatetag(_document: Document, tag: Tag) -> Text:
    name = tag.arguments("name").names[0]
    if name.value not in _BRACES:
        raise TemplateError(f"templatetag knows {', '.join(_BRACES)}", name.place)
    return Text(tag.place, _BRACES[name.value])


@dataclass(frozen=True, slots=True)
class _Now:
    place: Place
    layout: str
    fake: bool

    def render(self, scope: Scope, output: Output) -> None:
        moment = _FAKE_NOW if self.fake else scope.run.world.now()
        output.write(GoTime(moment).formatted(self.layout))

    def items(self) -> Iterator[Item]:
        return iter(())


def _now(_document: Document, tag: Tag) -> _Now:
    arguments = tag.arguments("now")
    words = [each.value for each in arguments.names]
    if words not in ([], ["fake"]):
        raise TemplateError(f"'{words[0]}' cannot stand here", arguments.names[0].place)
    return _Now(tag.place, text(arguments.literal.value if arguments.literal else ""), bool(words))


@dataclass(frozen=True, slots=True)
class _Lorem:
    place: Place
    count: int
    method: str
    shuffled: bool

    def render(self, scope: Scope, output: Output) -> None:
        source = fields("\n".join(LOREM)) if self.method == "w" else LOREM
        for number in range(self.count):
            scope.run.budget.step()
            if number:
                output.write(" " if self.method == "w" else "\n")
            chosen = scope.run.world.chance.randrange(len(source)) if self.shuffled else number % len(source)
            output.write(f"<p>{source[chosen]}</p>" if self.method == "p" else source[chosen])

    def items(self) -> Iterator[Item]:
        return iter(())


def _lorem(_document: Document, tag: Tag) -> _Lorem:
    arguments = tag.arguments("lorem")
    words = list(arguments.names)
    method, shuffled = "b", False
    if words:
        # The first word is the method, whatever it says.
        first = words.pop(0)
        if first.value not in ("w", "p", "b"):
            raise TemplateError("lorem makes w (words), p (paragraphs) or b (plain paragraphs)", first.place)
        method = first.value
    if words and words[0].value == "random":
        shuffled = bool(words.pop(0))
    if words:
        raise TemplateError(f"'{words[0].value}' cannot stand here", words[0].place)
    count = as_integer(arguments.literal.value) if arguments.literal else 1
    return _Lorem(tag.place, count, method, shuffled)


TAGS: dict[str, TagParser] = {
    "autoescape": _autoescape,
    "comment": _comment,
    "filter": _filter,
    "lorem": _lorem,
    "now": _now,
    "spaceless": _spaceless,
    "templatetag": _templatetag,
}
