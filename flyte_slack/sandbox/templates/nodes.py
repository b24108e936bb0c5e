"""The nodes of a template: what is between tags, and what a tag makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from .errors import Failure, Place
from .expressions import Expression, FilterCall, located
from .filters.html import escaped
from .scope import Output, Scope
from .values import SafeText, text


@dataclass(frozen=True, slots=True)
class Item:
    """Something in a node, for who looks at a template without rendering it.

    It is an expression, a filter, or nodes inside of this one. `binds` are the names known from here on:
    inside of `inner` if there is one, else in what follows the node.
    """

    expression: Expression | None = None
    filter: FilterCall | None = None
    inner: "Body | None" = None
    binds: tuple[str, ...] = ()


class Node(Protocol):
    """A piece of a template."""

    @property
    def place(self) -> Place:
        """Where it is."""

    def render(self, scope: Scope, output: Output) -> None:
        """Write what it renders."""

    def items(self) -> Iterator[Item]:
        """Yield what is in it, in the order of evaluation."""


@dataclass(frozen=True, slots=True)
class Body:
    """Nodes one after the other; `end` is the name of the tag that ended them."""

    nodes: tuple[Node, ...]
    end: str = ""

    def render(self, scope: Scope, output: Output) -> None:
        """Write what the nodes render."""
        for node in self.nodes:
            try:
                scope.run.budget.step()
                node.render(scope, output)
            except Failure as failure:
                raise located(failure, node.place) from None

    def rendered(self, scope: Scope) -> str:
        """Return what the nodes render."""
        output = scope.run.output()
        self.render(scope, output)
        return output.text()


@dataclass(frozen=True, slots=True)
class Text:
    """What is written as it stands."""

    place: Place
    value: str

    def render(self, scope: Scope, output: Output) -> None:
        """Write it."""
        output.write(self.value)

    def items(self) -> Iterator[Item]:
        """Yield nothing."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Print:
    """`{{ expression }}`."""

    place: Place
    expression: Expression

    def render(self, scope: Scope, output: Output) -> None:
        """Write the value."""
        value = self.expression.evaluate(scope)
        written = text(value)
        if (
            scope.autoescape
            and isinstance(value, str)
            and not isinstance(value, SafeText)
            and not self.expression.has_filter("safe")
        ):
            written = escaped(written)
        output.write(written)

    def items(self) -> Iterator[Item]:
        """Yield the expression."""
        yield Item(self.expression)
