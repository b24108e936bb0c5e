"""Tags that repeat: `for` with its `forloop`, and `cycle`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .. import values
from ..document import Document, Tag, TagParser
from ..errors import Panic, Place, TemplateError
from ..expressions import Expression
from ..nodes import Body, Item
from ..scope import Output, Scope
from ..syntax import Name
from ..values import Struct, Value, text


class _ForLoop(Struct):
    """`forloop`: where in its rounds a loop is."""

    comparable = True

    def __init__(self, parent: "_ForLoop | None") -> None:
        super().__init__("pongo2.tagForLoopInformation", {})
        self._parent = parent
        self._first, self._last = True, False
        self._members: Mapping[str, Value] = {}

    def begin(self, number: int, count: int) -> None:
        """Begin a round."""
        self._first = self._first and number != 1
        self._last = self._last or number + 1 == count
        self._members = {
            "Counter": number + 1,
            "Counter0": number,
            "Revcounter": count - number,
            "Revcounter0": count - number - 1,
            "First": self._first,
            "Last": self._last,
            "Parentloop": self._parent,
        }

    def member(self, name: str) -> Value:
        return self._members.get(name)

    def has_field(self, name: str) -> bool:
        return name in self._members

    def same(self, other: Struct) -> bool:
        return self is other


@dataclass(frozen=True, slots=True)
class _For:
    place: Place
    key: str
    value: str
    source: Expression
    backwards: bool
    in_order: bool
    body: Body
    empty: Body | None

    def render(self, scope: Scope, output: Output) -> None:
        inside = scope.child()
        parent = inside.private.get("forloop")
        if "forloop" in inside.private and not isinstance(parent, _ForLoop):
            raise Panic("forloop is the name of a loop's counters: a loop fails where it is something else")
        loop = _ForLoop(parent if isinstance(parent, _ForLoop) else None)
        inside.private["forloop"] = loop
        source, went = self.source.evaluate(inside), False
        inside.run.budget.step(values.length(source) // 16)
        for number, count, key, value, has_value in values.rounds(source, self.backwards, self.in_order):
            went = True
            inside.run.budget.step()
            inside.private[self.key] = key
            if has_value and self.value:
                inside.private[self.value] = value
            loop.begin(number, count)
            self.body.render(inside, output)
        if not went and self.empty is not None:
            self.empty.render(inside, output)

    def items(self) -> Iterator[Item]:
        yield Item(self.source)
        yield Item(inner=self.body, binds=(self.key, self.value, "forloop"))
        yield Item(inner=self.empty, binds=("forloop",))


def _for(document: Document, tag: Tag) -> _For:
    try:
        arguments = tag.arguments("for")
    except TemplateError as error:
        if len(tag.tokens) >= 2 and not any(token.value == "in" for token in tag.tokens):
            raise tag.error("for needs a name, the word 'in' and what to go through") from error
        raise
    count = 2 if arguments.flag else 1
    names, words = arguments.names[:count], list(arguments.names[count:])
    backwards = _has_word(words, "reversed")
    in_order = _has_word(words, "sorted")
    if words:
        raise TemplateError(f"'{words[0].value}' cannot stand here", words[0].place)
    body, closing = document.until(tag, "empty", "endfor")
    closing.refuse_arguments()
    empty = None
    if closing.name == "empty":
        empty, closing = document.until(tag, "endfor")
        closing.refuse_arguments()
    value = names[1].value if arguments.flag else ""
    return _For(tag.place, names[0].value, value, arguments.expressions[0], backwards, in_order, body, empty)


def _has_word(words: list[Name], word: str) -> bool:
    if words and words[0].value == word:
        del words[0]
        return True
    return False


@dataclass(frozen=True, slots=True)
class _Cycle:
    place: Place
    candidates: tuple[Expression, ...]
    name: str
    silent: bool

    def render(self, scope: Scope, output: Output) -> None:
        value = self.next(scope)
        if isinstance(value, _CycleValue):
            # A cycle of cycles moves the other one on.
            other = value.cycle
            value.value = other.next(scope)
            if not other.silent:
                output.write(text(value.value))
            return
        if self.name:
            scope.private[self.name] = _CycleValue(self, value)
        if not self.silent:
            output.write(text(value))

    def next(self, scope: Scope) -> Value:
        """Return the next value."""
        if not self.candidates:
            raise Panic("cycle needs something to go through")
        memory = scope.run.memory
        number: int = memory.get(id(self), 0)
        memory[id(self)] = number + 1
        value: Value = self.candidates[number % len(self.candidates)].evaluate(scope)
        return value

    def items(self) -> Iterator[Item]:
        yield from map(Item, self.candidates)
        yield Item(binds=(self.name,))


class _CycleValue(Struct):
    """What a cycle with a name stands at."""

    comparable = True

    def __init__(self, cycle: _Cycle, value: Value) -> None:
        super().__init__("pongo2.tagCycleValue", {})
        self.cycle = cycle
        self.value = value

    def text(self) -> str:
        return text(self.value)

    def same(self, other: Struct) -> bool:
        return self is other


def _cycle(_document: Document, tag: Tag) -> _Cycle:
    if not tag.tokens:
        return _Cycle(tag.place, (), "", False)
    arguments = tag.arguments("cycle")
    name, *words = [each.value for each in arguments.names] or [""]
    if words and words != ["silent"]:
        raise TemplateError(f"'{words[0]}' cannot stand here", arguments.names[1].place)
    return _Cycle(tag.place, arguments.expressions, name, bool(words))


TAGS: dict[str, TagParser] = {"cycle": _cycle, "for": _for}
