"""Looking at a template without rendering it: which variables, filters and functions it uses, and where."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

from .errors import Place
from .expressions import Expression, FilterCall, Filtered, Literal, Operation, Signed, Variable
from .nodes import Body
from .values import Value


@dataclass(frozen=True, slots=True)
class Use:
    """One use of something.

    Args:
        kind: What is used.
        path: The name; of a variable the whole path, such as `("Event", "Payload", "list", 0)`.
        place: Where.
        local: Whether the template itself gave the name, with `set`, `for`, `with` or `macro`.
        argument: Of a filter or a function: its first argument if that is written out, else `None`.
    """

    kind: OneOf["variable", "filter", "function"]
    path: tuple[str | int, ...]
    place: Place
    local: bool = False
    argument: Value = None


def uses(body: Body, known: frozenset[str] = frozenset()) -> Iterator[Use]:
    """Yield every use in the order of the template."""
    for node in body.nodes:
        for item in node.items():
            if item.expression is not None:
                yield from _in_expression(item.expression, known)
            if item.filter is not None:
                yield from _in_filter(item.filter, known)
            if item.inner is not None:
                yield from uses(item.inner, known.union(item.binds))
            else:
                known = known.union(item.binds)


def _in_expression(expression: Expression, known: frozenset[str]) -> Iterator[Use]:
    match expression:
        case Variable():
            yield from _in_variable(expression, known)
        case Filtered():
            yield from _in_expression(expression.value, known)
            for each in expression.filters:
                yield from _in_filter(each, known)
        case Signed():
            yield from _in_expression(expression.operand, known)
        case Operation():
            for operand in expression.operands:
                yield from _in_expression(operand, known)


def _in_filter(call: FilterCall, known: frozenset[str]) -> Iterator[Use]:
    written = call.argument.value if isinstance(call.argument, Literal) else None
    yield Use("filter", (call.name,), call.place, argument=written)
    if call.argument is not None:
        yield from _in_expression(call.argument, known)


def _in_variable(variable: Variable, known: frozenset[str]) -> Iterator[Use]:
    first = variable.parts[0]
    local = str(first.key) in known
    if first.arguments is not None:
        argument = first.arguments[0] if first.arguments else None
        written = argument.value if isinstance(argument, Literal) else None
        yield Use("function", (first.key,), variable.place, local, written)
    else:
        yield Use("variable", variable.path, variable.place, local)
    for part in variable.parts:
        for argument in part.arguments or ():
            yield from _in_expression(argument, known)
