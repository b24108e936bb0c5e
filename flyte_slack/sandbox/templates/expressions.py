"""The nodes of an expression, and what each of them is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from . import values
from .errors import Failure, Panic, PanicError, Place, TemplateError
from .filters import FILTERS
from .numbers import as_float, at_most, calculated, int64, less, power
from .scope import Scope
from .values import Function, List, Map, Struct, Value


def located(failure: Failure, place: Place) -> TemplateError:
    """Return what went wrong with its place."""
    return (PanicError if isinstance(failure, Panic) else TemplateError)(str(failure), place)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, `true` or `false`."""

    place: Place
    value: Value

    def evaluate(self, scope: Scope) -> Value:
        """Return it."""
        return self.value

    def has_filter(self, name: str) -> bool:
        """Whether a filter of this name is applied to the whole."""
        return False


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a variable: its name or number, and the arguments it is called with, if it is."""

    key: str | int
    arguments: "tuple[Expression, ...] | None" = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A path such as `Event.Payload.list.0`, with calls such as `randomInt(5)` in it."""

    place: Place
    parts: tuple[Part, ...]

    @property
    def path(self) -> tuple[str | int, ...]:
        """The keys, without the calls."""
        return tuple(part.key for part in self.parts)

    def __str__(self) -> str:
        return ".".join(map(str, self.path))

    def has_filter(self, name: str) -> bool:
        """Whether a filter of this name is applied to the whole."""
        return False

    def evaluate(self, scope: Scope) -> Value:
        """Follow the path; what is missing is nothing, and so is whatever would come after it."""
        scope.run.budget.step()
        current: Value = None
        try:
            for number, part in enumerate(self.parts):
                if number == 0:
                    current = scope.look_up(str(part.key))
                    known = current is not None
                else:
                    scope.run.budget.look_at(current)
                    current, known = self._member(current, part.key)
                if not known:
                    return None
                if part.arguments is not None or isinstance(current, Function):
                    current = self._call(current, part.arguments or (), scope)
                if current is None:
                    return None
        except Failure as failure:
            raise located(failure, self.place) from None
        return current

    def _member(self, value: Value, key: str | int) -> tuple[Value, bool]:
        match value, key:
            case List(items), int():
                return (items[key], True) if key < len(items) else (None, False)
            case str(), int():
                # Not the character: the number of a byte.
                octets = value.encode("utf-8", "surrogateescape")
                return (octets[key], True) if key < len(octets) else (None, False)
            case Struct(), str():
                member = value.member(key)
                return member, member is not None
            case Map(items), str():
                return items.get(key), key in items
        what = "item" if isinstance(key, int) else "member"
        raise Failure(f"{self}: a value of type {values.go_type(value)} has no {what} {key}")

    def _call(self, function: Value, arguments: "Sequence[Expression]", scope: Scope) -> Value:
        if not isinstance(function, Function):
            raise Failure(f"{self} is not a function, it is of type {values.go_type(function)}")
        parameters = function.parameters
        if parameters is not None and len(arguments) != len(parameters):
            raise Failure(f"{self} takes {len(parameters)} arguments, not {len(arguments)}")
        given = []
        for number, argument in enumerate(arguments):
            value = argument.evaluate(scope)
            scope.run.budget.look_at(value)
            wanted = parameters[number] if parameters is not None else "*Value"
            if wanted not in ("*Value", values.go_type(value)):
                raise Failure(
                    f"argument {number + 1} of {self} must be of type {wanted}, not {values.go_type(value)}"
                )
            given.append(value)
        return function.call(scope.run, tuple(given))


@dataclass(frozen=True, slots=True)
class FilterCall:
    """A filter by name, with its argument."""

    place: Place
    name: str
    argument: "Literal | Variable | None" = None

    def apply(self, value: Value, scope: Scope) -> Value:
        """Return the filtered value."""
        budget = scope.run.budget
        budget.step()
        budget.look_at(value)
        argument = None if self.argument is None else self.argument.evaluate(scope)
        run = FILTERS.get(self.name)
        if run is None:
            raise TemplateError(f"there is no filter {self.name}", self.place)
        try:
            result = run(value, argument, budget)
            if isinstance(result, str):
                budget.text(len(result))
            else:
                budget.look_at(result)
        except Failure as failure:
            raise located(failure, self.place) from None
        return result


@dataclass(frozen=True, slots=True)
class Filtered:
    """A value and the filters it goes through."""

    place: Place
    value: "Literal | Variable"
    filters: tuple[FilterCall, ...]

    def evaluate(self, scope: Scope) -> Value:
        """Return what comes out of the last filter."""
        value = self.value.evaluate(scope)
        for each in self.filters:
            value = each.apply(value, scope)
        return value

    def has_filter(self, name: str) -> bool:
        """Whether a filter of this name is applied to the whole."""
        return any(each.name == name for each in self.filters)


@dataclass(frozen=True, slots=True)
class Operation:
    """Operands with operators between them; `operators` is one shorter than `operands`."""

    place: Place
    operators: tuple[str, ...]
    operands: "tuple[Expression, ...]"

    def has_filter(self, name: str) -> bool:
        """Whether a filter of this name is applied to each operand."""
        return all(each.has_filter(name) for each in self.operands)


class Logic(Operation):
    """`and` and `or`, of equal rank, read from the right."""

    __slots__ = ()

    def evaluate(self, scope: Scope) -> Value:
        """Return a boolean; what does not matter any more is not evaluated."""
        for operator, operand in zip(self.operators, self.operands, strict=False):
            holds = values.truth(operand.evaluate(scope))
            if holds == (operator in ("or", "||")):
                return holds
        return values.truth(self.operands[-1].evaluate(scope))


class Comparison(Operation):
    """`==`, `<`, `in` and the like."""

    __slots__ = ()

    def evaluate(self, scope: Scope) -> Value:
        """Return a boolean."""
        left, right = (each.evaluate(scope) for each in self.operands)
        try:
            scope.run.budget.look_at(left)
            scope.run.budget.look_at(right)
            return _compared(self.operators[0], left, right)
        except Failure as failure:
            raise located(failure, self.place) from None


def _compared(operator: str, left: Value, right: Value) -> bool:
    match operator:
        case "==":
            return values.equal(left, right)
        case "!=" | "<>":
            return not values.equal(left, right)
        case "<":
            return less(left, right)
        case "<=":
            return at_most(left, right)
        case ">":
            return less(right, left)
        case ">=":
            return at_most(right, left)
        case _:
            return values.contains(right, left)


class Calculation(Operation):
    """`+`, `-`, `*`, `/`, `%`, from the left, and `^`."""

    __slots__ = ()

    def evaluate(self, scope: Scope) -> Value:
        """Return a number."""
        result = self.operands[0].evaluate(scope)
        try:
            for operator, operand in zip(self.operators, self.operands[1:], strict=True):
                right = operand.evaluate(scope)
                if operator == "^":
                    result = power(as_float(result), as_float(right))
                else:
                    result = calculated(operator, result, right)
        except Failure as failure:
            raise located(failure, self.place) from None
        return result


@dataclass(frozen=True, slots=True)
class Signed:
    """A product with `-`, `not` or both before it."""

    place: Place
    negative: bool
    negated: bool
    operand: "Expression"

    def evaluate(self, scope: Scope) -> Value:
        """Return it negated, then with its sign changed."""
        value = self.operand.evaluate(scope)
        if self.negated:
            value = values.negated(value)
        if not self.negative:
            return value
        if isinstance(value, float):
            return -value
        if values.is_integer(value):
            return int64(-int(value))  # type: ignore[arg-type]
        raise TemplateError(f"a value of type {values.go_type(value)} cannot be negative", self.place)

    def has_filter(self, name: str) -> bool:
        """Whether a filter of this name is applied to the whole."""
        return self.operand.has_filter(name)


Expression: TypeAlias = Literal | Variable | Filtered | Logic | Comparison | Calculation | Signed
