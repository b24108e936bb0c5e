"""Tags that give names: `set`, `with`, `macro`, `block`, `widthratio`."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..document import Document, Tag, TagParser
from ..errors import Panic, PanicError, Place, TemplateError
from ..expressions import Expression
from ..nodes import Body, Item
from ..numbers import as_float, calculated, truncated
from ..scope import Output, Run, Scope
from ..syntax import Binding
from ..values import Function, SafeText, Value


@dataclass(frozen=True, slots=True)
class _Set:
    place: Place
    name: str
    value: Expression

    def render(self, scope: Scope, output: Output) -> None:
        scope.private[self.name] = self.value.evaluate(scope)

    def items(self) -> Iterator[Item]:
        yield Item(self.value, binds=(self.name,))


def _set(_document: Document, tag: Tag) -> _Set:
    binding = tag.arguments("set").bindings[0]
    assert binding.value is not None  # noqa: S101 - the grammar wants one
    return _Set(tag.place, binding.name.value, binding.value)


@dataclass(frozen=True, slots=True)
class _With:
    place: Place
    bindings: tuple[Binding, ...]
    body: Body

    def render(self, scope: Scope, output: Output) -> None:
        inside = scope.child()
        for each in self.bindings:
            inside.private[each.name.value] = None if each.value is None else each.value.evaluate(scope)
        self.body.render(inside, output)

    def items(self) -> Iterator[Item]:
        for each in self.bindings:
            yield Item(each.value)
        yield Item(inner=self.body, binds=tuple(each.name.value for each in self.bindings))


def _with(document: Document, tag: Tag) -> _With:
    if not tag.tokens:
        raise tag.error("with needs at least one name=value")
    body, closing = document.until(tag, "endwith")
    closing.refuse_arguments()
    old = any(token.value == "as" and token.kind.value == "keyword" for token in tag.tokens)
    return _With(tag.place, tag.arguments("with_as" if old else "with").bindings, body)


@dataclass(frozen=True, slots=True)
class _Macro:
    place: Place
    name: str
    parameters: tuple[Binding, ...]
    exported: bool
    body: Body

    def render(self, scope: Scope, output: Output) -> None:
        if self.exported and self.name in scope.public:
            raise Panic(f"{self.name} is a variable already")

        def call(run: Run, given: tuple[Value, ...]) -> Value:
            run.budget.step()
            return self._call(scope, given)

        scope.private[self.name] = Function("func(...*pongo2.Value) *pongo2.Value", None, call)

    def _call(self, scope: Scope, given: tuple[Value, ...]) -> Value:
        """Return what the body renders; what is wrong in it is text as well, as on the server."""
        try:
            defaults = {
                each.name.value: None if each.value is None else each.value.evaluate(scope)
                for each in self.parameters
            }
            if len(given) > len(self.parameters):
                raise TemplateError(
                    f"the macro {self.name} takes {len(self.parameters)} arguments, not {len(given)}",
                    self.place,
                )
            inside = scope.child()
            inside.private.update(defaults)
            for parameter, value in zip(self.parameters, given, strict=False):
                inside.private[parameter.name.value] = str(value) if isinstance(value, SafeText) else value
            return SafeText(self.body.rendered(inside))
        except PanicError:
            raise
        except TemplateError as error:
            return SafeText(f"[Error (where: execution) in <string> | {error}]")

    def items(self) -> Iterator[Item]:
        for each in self.parameters:
            yield Item(each.value)
        yield Item(binds=(self.name,))
        yield Item(inner=self.body, binds=tuple(each.name.value for each in self.parameters))


def _macro(document: Document, tag: Tag) -> _Macro:
    arguments = tag.arguments("macro")
    name = arguments.names[0].value
    body, closing = document.until(tag, "endmacro")
    closing.refuse_arguments()
    if arguments.flag:
        if name in document.exported:
            raise tag.error(f"another macro {name} is exported already")
        document.exported.add(name)
    return _Macro(tag.place, name, arguments.bindings, arguments.flag, body)


@dataclass(frozen=True, slots=True)
class _Block:
    place: Place
    body: Body

    def render(self, scope: Scope, output: Output) -> None:
        self.body.render(scope, output)

    def items(self) -> Iterator[Item]:
        yield Item(inner=self.body)


def _block(document: Document, tag: Tag) -> _Block:
    name = tag.arguments("name").names[0].value
    body, closing = document.until(tag, "endblock")
    if closing.tokens and closing.arguments("name").names[0].value != name:
        raise closing.error(f"the block is named {name}")
    if name in document.blocks:
        raise tag.error(f"there is another block {name}")
    document.blocks.add(name)
    return _Block(tag.place, body)


@dataclass(frozen=True, slots=True)
class _WidthRatio:
    place: Place
    numbers: tuple[Expression, ...]
    name: str

    def render(self, scope: Scope, output: Output) -> None:
        value, most, width = (as_float(each.evaluate(scope)) for each in self.numbers)
        ratio = as_float(calculated("/", value, most)) * width + 0.5
        result = truncated(math.ceil(ratio) if math.isfinite(ratio) else ratio)
        if self.name:
            scope.private[self.name] = result
        else:
            output.write(str(result))

    def items(self) -> Iterator[Item]:
        yield from map(Item, self.numbers)
        yield Item(binds=(self.name,))


def _widthratio(_document: Document, tag: Tag) -> _WidthRatio:
    arguments = tag.arguments("widthratio")
    name = arguments.names[0].value if arguments.flag else ""
    return _WidthRatio(tag.place, arguments.expressions, name)


TAGS: dict[str, TagParser] = {
    "block": _block,
    "macro": _macro,
    "set": _set,
    "widthratio": _widthratio,
    "with": _with,
}
