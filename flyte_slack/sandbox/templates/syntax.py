"""From tokens to expressions and the arguments of tags, with the grammar in `grammar.lark`."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

from lark import Lark, Transformer, UnexpectedToken
from lark import Token as Terminal

from .errors import Place, TemplateError
from .expressions import (
    Calculation,
    Comparison,
    Expression,
    FilterCall,
    Filtered,
    Literal,
    Logic,
    Operation,
    Part,
    Signed,
    Variable,
)
from .filters import FILTERS
from .lexer import Kind, Token

STARTS = (
    *("expression", "nothing", "name", "names", "expressions", "pair", "for", "set", "with", "with_as"),
    *("cycle", "macro", "filters", "now", "lorem", "widthratio"),
)

_SYMBOLS = {
    **dict.fromkeys(["==", "<=", ">=", "!=", "<>", ">", "<"], "COMPARISON"),
    **dict.fromkeys(["+", "-"], "ADDITION"),
    **dict.fromkeys(["*", "/", "%"], "MULTIPLICATION"),
    **{"^": "_POWER", "&&": "AND", "||": "OR", "!": "NOT"},
    **{"(": "_LPAR", ")": "_RPAR", ",": "_COMMA", ".": "_DOT", "|": "_BAR", ":": "_COLON", "=": "_EQUAL"},
}
_KEYWORDS = {
    **{"and": "AND", "or": "OR", "not": "NOT", "true": "TRUE", "false": "FALSE"},
    **{"in": "_IN", "as": "_AS", "export": "EXPORT"},
}
_KINDS = {Kind.NAME: "NAME", Kind.NUMBER: "NUMBER", Kind.STRING: "STRING"}

_SHOWN = {
    **{"NAME": "a name", "_LPAR": "(", "_RPAR": ")", "_COMMA": "a comma", "_EQUAL": "=", "_IN": "in"},
    **{"_AS": "as", "NUMBER": "a number", "STRING": "a string", "$END": "the end"},
}


@dataclass(frozen=True, slots=True)
class Name:
    """A name among a tag's arguments."""

    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class Binding:
    """A name and what it is to stand for."""

    name: Name
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a tag was given: names, expressions and bindings, each in their order."""

    names: tuple[Name, ...] = ()
    expressions: tuple[Expression, ...] = ()
    bindings: tuple[Binding, ...] = ()
    filters: tuple[FilterCall, ...] = ()
    literal: Literal | None = None
    flag: bool = False


def _place(terminal: Terminal) -> Place:
    return Place(terminal.line or 1, terminal.column or 1)


def _names(children: Sequence[Any]) -> tuple[Name, ...]:
    return tuple(
        Name(str(each), _place(each))
        for each in children
        if isinstance(each, Terminal) and each.type == "NAME"
    )


def _expressions(children: Sequence[Any]) -> tuple[Expression, ...]:
    return tuple(each for each in children if isinstance(each, Expression))


def _number(terminal: Terminal) -> int:
    number = int(terminal) if len(terminal) < 100 else 2**63
    if number >= 2**63:
        raise TemplateError("the number is too big", _place(terminal))
    return number


def _operation(kind: type[Operation], children: Sequence[Any]) -> Any:
    operators = children[1::2]
    return kind(_place(operators[0]), tuple(map(str, operators)), tuple(children[::2]))


def _plain_arguments(_: Any, children: list[Any]) -> Arguments:
    return Arguments(_names(children), _expressions(children))


def _flagged_arguments(_: Any, children: list[Any]) -> Arguments:
    return Arguments(_names(children), _expressions(children), flag=True)


def _bindings(_: Any, children: list[Any]) -> Arguments:
    names, expressions = _names(children), _expressions(children)
    return Arguments(bindings=tuple(map(Binding, names, expressions)))


class _Builder(Transformer[Terminal, Any]):
    """Makes the nodes, called from the bottom up as the grammar's rules are recognised."""

    def logic(self, children: list[Any]) -> Logic:
        operands = tuple(children[::2])
        return Logic(_place(children[1]), tuple(map(str, children[1::2])), operands)

    def comparison(self, children: list[Any]) -> Any:
        return _operation(Comparison, children)

    def membership(self, children: list[Any]) -> Comparison:
        return Comparison(children[0].place, ("in",), tuple(children))

    def chain(self, children: list[Any]) -> Any:
        return _operation(Calculation, children)

    def power(self, children: list[Any]) -> Calculation:
        return Calculation(children[0].place, ("^",), tuple(children))

    def signs(self, children: list[Any]) -> list[Any]:
        return children

    def signed(self, children: list[Any]) -> Signed:
        signs, operand = children
        return Signed(_place(signs[0]), "-" in signs, any(each.type == "NOT" for each in signs), operand)

    def signed_chain(self, children: list[Any]) -> Any:
        return _operation(Calculation, [self.signed(children[:2]), *children[2:]])

    def filtered(self, children: list[Any]) -> Filtered:
        value, *filters = children
        for each in filters:
            if each.name not in FILTERS:
                raise TemplateError(f"there is no filter {each.name}", each.place)
        return Filtered(value.place, value, tuple(filters))

    def filter(self, children: list[Any]) -> FilterCall:
        return FilterCall(_place(children[0]), str(children[0]), *children[1:])

    def integer(self, children: list[Any]) -> Literal:
        return Literal(_place(children[0]), _number(children[0]))

    def decimal(self, children: list[Any]) -> Literal:
        number = float(".".join(children))
        if number == float("inf"):
            raise TemplateError("the number is too big", _place(children[0]))
        return Literal(_place(children[0]), number)

    def string(self, children: list[Any]) -> Literal:
        return Literal(_place(children[0]), str(children[0]))

    def true(self, children: list[Any]) -> Literal:
        return Literal(_place(children[0]), True)

    def false(self, children: list[Any]) -> Literal:
        return Literal(_place(children[0]), False)

    def variable(self, children: list[Any]) -> Variable:
        name, *rest = children
        parts = [Part(str(name))]
        for each in rest:
            if isinstance(each, Part):
                parts.append(each)
            else:
                # As on the server, `f(a)(b)` is `f(a, b)`.
                parts[-1] = Part(parts[-1].key, (*(parts[-1].arguments or ()), *each))
        return Variable(_place(name), tuple(parts))

    def member(self, children: list[Any]) -> Part:
        return Part(str(children[0]))

    def item(self, children: list[Any]) -> Part:
        return Part(_number(children[0]))

    def call(self, children: list[Any]) -> tuple[Expression, ...]:
        return tuple(children)

    nothing = name = names = expressions = pair = widthratio = cycle = _plain_arguments
    for_pairs = cycle_as = widthratio_as = _flagged_arguments
    set = with_as = _bindings

    def parameter(self, children: list[Any]) -> Binding:
        return Binding(_names(children)[0], children[1] if len(children) > 1 else None)

    def macro(self, children: list[Any]) -> Arguments:
        parameters = tuple(each for each in children if isinstance(each, Binding))
        exported = any(isinstance(each, Terminal) and each.type == "EXPORT" for each in children)
        return Arguments(_names(children), bindings=parameters, flag=exported)

    def filters(self, children: list[Any]) -> Arguments:
        return Arguments(filters=tuple(children))

    def now(self, children: list[Any]) -> Arguments:
        return Arguments(_names(children), literal=self.string(children))

    def lorem(self, children: list[Any]) -> Arguments:
        count = [each for each in children if each.type == "NUMBER"]
        return Arguments(_names(children), literal=self.string(count) if count else None)


setattr(_Builder, "for", _plain_arguments)
setattr(_Builder, "with", _bindings)


@cache
def _grammar() -> Lark:
    return Lark.open(
        "grammar.lark",
        rel_to=__file__,
        parser="lalr",
        lexer="basic",
        start=list(STARTS),
        transformer=_Builder(),
        maybe_placeholders=False,
    )


def parsed(start: str, tokens: Sequence[Token], end: Place) -> Any:
    """Parse all the tokens of one tag or variable.

    Args:
        start: The grammar's rule.
        tokens: What stands between the braces, a tag's name excepted.
        end: Where they end.

    Returns:
        An expression, or `Arguments`.

    Raises:
        TemplateError: The tokens are not what the rule wants.
    """
    parser = _grammar().parse_interactive(start=start)
    for token in tokens:
        match token.kind:
            case Kind.SYMBOL:
                name = _SYMBOLS.get(token.value, "")
            case Kind.KEYWORD:
                name = _KEYWORDS[token.value]
            case kind:
                name = _KINDS.get(kind, "")
        if not name:
            raise TemplateError(f"{_quoted(token)} cannot stand here", token.place)
        try:
            parser.feed_token(Terminal(name, token.value, line=token.place.line, column=token.place.column))
        except UnexpectedToken:
            _refuse(parser.accepts(), token, token.place)  # type: ignore[no-untyped-call]
    try:
        return parser.feed_eof()  # type: ignore[no-untyped-call]
    except UnexpectedToken:
        _refuse(parser.accepts(), None, end)  # type: ignore[no-untyped-call]


def _refuse(wanted: Set[str], token: Token | None, place: Place) -> NoReturn:
    if "STRING" in wanted and "NAME" in wanted:
        expected = ": a value is expected"
    else:
        expected = " or ".join(sorted(_SHOWN[each] for each in wanted if each in _SHOWN))
        expected = f": {expected} is expected" if expected and len(wanted) < 6 else ""
    if token is None:
        message = "something is missing at the end"
    elif token.kind is Kind.KEYWORD and "NAME" in wanted:
        message = f"{_quoted(token)} is a reserved word"
    else:
        message = f"{_quoted(token)} cannot stand here"
    raise TemplateError(message + expected, place) from None


def _quoted(token: Token) -> str:
    value = token.value if len(token.value) <= 30 else token.value[:29] + "…"
    return f'"{value}"' if token.kind is Kind.STRING else f"'{value}'"
