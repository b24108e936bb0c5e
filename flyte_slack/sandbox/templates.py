"""Flyte's templates: the strings in a flow's context, criteria and command input.

The server renders them with pongo2, which took its language from Django, so Django's own engine does the
work here. What this module adds is where the two part, each point as measured on the server: JSON numbers
are Go floats (`3` renders as `3.000000` and equals no integer), objects and lists render as Go type names,
null and missing values as nothing, `{{ a == b }}` is an expression, and a member of a value can only be
data: Django would call a Python method of that name.

Arithmetic and parentheses are not understood; they are a `TemplateError`, never a guess.
"""

import html
import re
import secrets
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings  # type: ignore[import-untyped]
from django.template import Context, Engine, Library, Template, TemplateSyntaxError  # type: ignore[import-untyped]
from django.template.base import (  # type: ignore[import-untyped]
    FilterExpression,
    Lexer,
    Parser,
    TokenType,
    Variable,
    VariableDoesNotExist,
    tag_re,
)
from django.template.defaulttags import TemplateIfParser  # type: ignore[import-untyped]

_WORDS = frozenset({"and", "as", "export", "false", "in", "not", "or", "true"})
"""Words of pongo2's grammar: a template using one as a member's name is an error on the server."""

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})

_OPERATORS = {"&&": "and", "||": "or", "!": "not", "<>": "!="}

_OPEN = re.compile(r"\{[{%#]")

_CALL = re.compile(r"^randomInt\((\d+|[A-Za-z][\w.]*)\)")

_PARTS = re.compile(
    r"""[=!<>]=|<>|&&|\|\||[!<>]                                        # an operator, or an operand: a
    |(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s"'=!<>&|]|\s*\|(?!\|)\s*)+  # value and its filters
    |\S""",
    re.VERBOSE,
)


class TemplateError(Exception):
    """A template that the server would refuse: it makes no action, and the event is accepted all the same."""


class StringMap(dict[str, str]):
    """An object with strings only, such as a pack's labels: Go knows it as a type of its own."""

    def __str__(self) -> str:
        return "<map[string]string Value>"


class _Object(dict[str, Any]):
    def __str__(self) -> str:
        return "<map[string]interface {} Value>"


class _List(list[Any]):
    def __str__(self) -> str:
        return "<[]interface {} Value>"


class _Number(float):
    """A JSON number: Go compares it with its type, so that no integer literal ever equals it."""

    __hash__ = float.__hash__

    def __str__(self) -> str:
        return f"{float(self):.6f}"

    def __eq__(self, other: object) -> bool:
        return not isinstance(other, int) and super().__eq__(other)


def _as_go(value: Any) -> Any:
    """Dress a JSON value so that Django prints and compares it as Go would."""
    match value:
        case bool() | str() | StringMap():
            return value
        case int() | float():
            return _Number(value)
        case Mapping():
            return _Object({key: _as_go(member) for key, member in value.items()})
        case list():
            return _List(map(_as_go, value))
        case _:
            return value


class _Path(Variable):  # type: ignore[misc]
    """A variable such as `Event.Payload.message`, looked up in data only."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        if self.lookups and not _WORDS.isdisjoint(self.lookups[1:]):
            raise TemplateSyntaxError(f"{path} has a reserved word as a member's name")

    def _resolve_lookup(self, context: Any) -> Any:
        name, *members = self.lookups
        value = context.get(name)
        for member in members:
            match value:
                case dict():
                    value = value.get(member)
                case list() if member.isdecimal():
                    value = value[int(member)] if int(member) < len(value) else None
                case None:
                    break
                case _:
                    raise TemplateSyntaxError(f"{self.var}: what comes before {member} has no members")
        if value is None:
            raise VariableDoesNotExist("%s is null or missing", (self.var,))
        return value


def _data_only(value: Any) -> Any:
    return _Path(value.var) if isinstance(value, Variable) else value


class _Operand(FilterExpression):  # type: ignore[misc]
    """A value with its filters."""

    def __init__(self, token: str, parser: Any) -> None:
        super().__init__(token, parser)
        self.var: Any = _data_only(self.var)
        self.filters: Any = [
            (run, [(is_var, _data_only(arg)) for is_var, arg in args]) for run, args in self.filters
        ]

    def resolve(self, context: Any, ignore_failures: bool = False) -> Any:
        try:
            value = super().resolve(context, ignore_failures and not self.filters)
        except Exception as error:
            # Django's comparisons turn every error into "false"; the server does not.
            context.error = error
            raise
        return "" if value is None and not ignore_failures else value


class _Condition:
    """Operands compared or combined, which Django knows in `{% if %}` only."""

    def __init__(self, parts: list[str], parser: Any) -> None:
        self._condition = TemplateIfParser(parser, parts).parse()

    def resolve(self, context: Any, ignore_failures: bool = False) -> bool:
        return bool(self._condition.eval(context))


class _Parser(Parser):  # type: ignore[misc]
    def compile_filter(self, token: str) -> _Operand | _Condition:
        parts = [_CALL.sub(r"\1|randomInt", part.strip()) for part in _PARTS.findall(token)]
        if len(parts) == 1:
            return _Operand(parts[0], self)
        return _Condition([_OPERATORS.get(part, part) for part in parts], self)


class _Template(Template):  # type: ignore[misc]
    def compile_nodelist(self) -> Any:
        tokens = Lexer(self.source).tokenize()
        for token in tokens:
            # Django prints an unclosed tag. (Between {% verbatim %} and its end a closed one is text, too.)
            is_text = token.token_type == TokenType.TEXT
            if is_text and _OPEN.search(token.contents) and not tag_re.fullmatch(token.contents):
                raise TemplateSyntaxError(f"a tag is not closed in line {token.lineno}")
        engine = self.engine
        return _Parser(tokens, engine.template_libraries, engine.template_builtins, self.origin).parse()


def _escape(value: Any) -> str:
    return html.escape(str(value)).replace("&#x27;", "&#39;")


def _integer(value: Any) -> int:
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0


def _key(value: Any, key: Any) -> Any:
    return value.get(str(key)) if isinstance(value, dict) else None


def _match(value: Any, pattern: Any) -> bool:
    return re.search(str(pattern), str(value)) is not None


def _random_int(bound: Any) -> int:
    return secrets.randbelow(_integer(bound))


register = Library()
register.filter("escape", _escape)
register.filter("integer", _integer)
register.filter("key", _key)
register.filter("match", _match)
register.filter("randomInt", _random_int)


@cache
def _engine() -> Any:
    if not settings.configured:
        settings.configure(USE_I18N=False)
    return Engine(autoescape=False, builtins=[__name__])


def render(template: str, variables: Mapping[str, Any]) -> str:
    """Render a template as the server does; whatever is wrong with it is a `TemplateError`."""
    try:
        known = {"true": True, "false": False, **_as_go(variables)}
        context = Context(known, autoescape=False, use_l10n=False, use_tz=False)
        context.error = None
        # A plain string: Django's own kind, marked as safe, is nothing that YAML can write.
        rendered = str.__str__(_Template(template, engine=_engine()).render(context))
    except Exception as error:
        raise TemplateError(f"{type(error).__name__}: {error}") from error
    if context.error is not None:
        raise TemplateError(f"{type(context.error).__name__}: {context.error}") from context.error
    return rendered


def render_value(value: Any, variables: Mapping[str, Any]) -> Any:
    """Render every string in a JSON value; keys stay as they are and numbers become floats."""
    match value:
        case str():
            return render(value, variables)
        case Mapping():
            return {key: render_value(member, variables) for key, member in value.items()}
        case list():
            return [render_value(member, variables) for member in value]
        case bool() | None:
            return value
        case _:
            return float(value)


def holds(criteria: str, variables: Mapping[str, Any]) -> bool:
    """Whether criteria are met: none, or rendered as a word that Go's `strconv.ParseBool` calls true."""
    return not criteria or render(criteria, variables) in _TRUE
