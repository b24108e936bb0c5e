"""Tags that choose: `if`, `ifequal`, `ifnotequal`, `ifchanged`, `firstof`."""

from collections.abc import Iterator
from dataclasses import dataclass

from .. import values
from ..document import Document, Tag, TagParser
from ..errors import Panic, Place
from ..expressions import Expression
from ..filters.html import escaped
from ..nodes import Body, Item
from ..scope import Output, Scope
from ..values import Value, text


@dataclass(frozen=True, slots=True)
class _If:
    place: Place
    conditions: tuple[Expression, ...]
    bodies: tuple[Body, ...]

    def render(self, scope: Scope, output: Output) -> None:
        chosen = len(self.conditions)
        for number, condition in enumerate(self.conditions):
            if values.truth(condition.evaluate(scope)):
                chosen = number
                break
        # The body is found by number only, so that what follows an `else` is out of step, as on the server.
        if chosen < len(self.bodies):
            self.bodies[chosen].render(scope, output)

    def items(self) -> Iterator[Item]:
        for number, body in enumerate(self.bodies):
            if number < len(self.conditions):
                yield Item(self.conditions[number])
            yield Item(inner=body)


def _if(document: Document, tag: Tag) -> _If:
    conditions, bodies = [tag.expression()], []
    while True:
        body, closing = document.until(tag, "elif", "else", "endif")
        bodies.append(body)
        if closing.name == "elif":
            conditions.append(closing.expression())
        else:
            closing.refuse_arguments()
        if closing.name == "endif":
            return _If(tag.place, tuple(conditions), tuple(bodies))


def _bodies(document: Document, tag: Tag) -> tuple[Body, Body | None]:
    """Return what stands before and after an `else`."""
    body, closing = document.until(tag, "else", f"end{tag.name}")
    closing.refuse_arguments()
    if closing.name != "else":
        return body, None
    otherwise, closing = document.until(tag, f"end{tag.name}")
    closing.refuse_arguments()
    return body, otherwise


@dataclass(frozen=True, slots=True)
class _IfEqual:
    place: Place
    pair: tuple[Expression, ...]
    wanted: bool
    body: Body
    otherwise: Body | None

    def render(self, scope: Scope, output: Output) -> None:
        left, right = (each.evaluate(scope) for each in self.pair)
        body = self.body if values.equal(left, right) == self.wanted else self.otherwise
        if body is not None:
            body.render(scope, output)

    def items(self) -> Iterator[Item]:
        yield from map(Item, self.pair)
        yield Item(inner=self.body)
        yield Item(inner=self.otherwise)


def _ifequal(document: Document, tag: Tag) -> _IfEqual:
    pair = tag.arguments("pair").expressions
    return _IfEqual(tag.place, pair, tag.name == "ifequal", *_bodies(document, tag))


@dataclass(frozen=True, slots=True)
class _IfChanged:
    place: Place
    watched: tuple[Expression, ...]
    body: Body
    otherwise: Body | None

    def render(self, scope: Scope, output: Output) -> None:
        memory = scope.run.memory
        if not self.watched:
            rendered = self.body.rendered(scope)
            if memory.get(id(self), "") != rendered:
                output.write(rendered)
                memory[id(self)] = rendered
            return
        now: list[Value] = [each.evaluate(scope) for each in self.watched]
        before: list[Value] | None = memory.get(id(self))
        changed = before is None or not all(map(values.equal, before, now))
        memory[id(self)] = now
        body = self.body if changed else self.otherwise
        if body is None:
            raise Panic("ifchanged without else cannot meet the same value twice: the server fails there")
        body.render(scope, output)

    def items(self) -> Iterator[Item]:
        yield from map(Item, self.watched)
        yield Item(inner=self.body)
        yield Item(inner=self.otherwise)


def _ifchanged(document: Document, tag: Tag) -> _IfChanged:
    return _IfChanged(tag.place, tag.arguments("expressions").expressions, *_bodies(document, tag))


@dataclass(frozen=True, slots=True)
class _FirstOf:
    place: Place
    candidates: tuple[Expression, ...]

    def render(self, scope: Scope, output: Output) -> None:
        for each in self.candidates:
            value = each.evaluate(scope)
            if values.truth(value):
                escapes = scope.autoescape and not each.has_filter("safe")
                output.write(escaped(text(value)) if escapes else text(value))
                return

    def items(self) -> Iterator[Item]:
        yield from map(Item, self.candidates)


def _firstof(_document: Document, tag: Tag) -> _FirstOf:
    return _FirstOf(tag.place, tag.arguments("expressions").expressions)


TAGS: dict[str, TagParser] = {
    "firstof": _firstof,
    "if": _if,
    "ifchanged": _ifchanged,
    "ifequal": _ifequal,
    "ifnotequal": _ifequal,
}
