"""A template as a whole: parsed, rendered, looked at."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from .document import Document
from .errors import Failure, Panic, Place, TemplateError
from .expressions import located
from .functions import functions, json_number
from .inspection import Use, uses
from .lexer import Lexer
from .nodes import Body
from .scope import Run, Scope, World
from .tags import TAGS
from .values import Map, Value, from_json, valid_text

_BEFORE, _BEHIND = "{% autoescape off %}", "{% endautoescape %}"
"""What the server puts around each template."""

_SOURCE_LIMIT = 1024 * 1024

_CACHED_LENGTH = 10_000

_IDENTIFIER = re.compile(r"[a-zA-Z0-9_]+")

_DEEPEST = "it is nested too deeply"

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class Template:
    """A template that can be rendered, as often as one likes: it remembers nothing."""

    def __init__(self, source: str, body: Body) -> None:
        self.source = source
        self._body = body

    def render(self, context: Mapping[str, Any], world: World | None = None) -> str:
        """Render the template.

        Args:
            context: The variables, as JSON or as Go's values.
            world: What functions such as `datastore` reach.

        Raises:
            TemplateError: Something in it fails, as it would on the server, or it costs too much.
        """
        variables = {name: from_json(value) for name, value in context.items()}
        try:
            return self.run(variables, Run(world or World()))
        except RecursionError:
            raise _of(self.source, TemplateError(_DEEPEST)) from None
        except TemplateError as error:
            raise _of(self.source, error) from None

    def run(self, variables: Mapping[str, Value], run: Run) -> str:
        """Render the template within a rendering that is under way."""
        try:
            for name in variables:
                if not _IDENTIFIER.fullmatch(name):
                    raise Failure(f"'{name}' cannot be the name of a variable")
            private: dict[str, Value] = {"pongo2": Map({"version": "dev"}, "pongo2.Context")}
            return self._body.rendered(Scope(run, {**variables, **FUNCTIONS}, private))
        except Failure as failure:
            raise located(failure, Place()) from None

    def uses(self) -> Iterator[Use]:
        """Yield the variables, filters and functions the template uses, in order."""
        return uses(self._body)


def parse(source: str) -> Template:
    """Parse a template.

    Args:
        source: The template, without anything around it.

    Raises:
        TemplateError: It is not one, or uses a filter or tag that there is not.
    """
    try:
        return (_parsed if len(source) > _CACHED_LENGTH else _cached)(valid_text(source))
    except TemplateError as error:
        raise _of(source, error) from None


def _of(source: str, error: TemplateError) -> TemplateError:
    error.source = source
    return error


def _parsed(source: str) -> Template:
    if len(source) > _SOURCE_LIMIT:
        raise TemplateError("the template is too long")
    stop = len(_BEFORE) + len(source)
    lexer = Lexer(_BEFORE + source + _BEHIND, len(_BEFORE), stop)
    try:
        body = Document(lexer.tokens(), TAGS, lexer.place(stop)).parse()
    except RecursionError:
        raise TemplateError(_DEEPEST) from None
    return Template(source, body)


_cached = lru_cache(512)(_parsed)


def render(source: str, context: Mapping[str, Any], world: World | None = None) -> str:
    """Parse and render a template; see `parse` and `Template.render`."""
    return parse(source).render(context, world)


def render_value(value: Any, context: Mapping[str, Any], world: World | None = None) -> Any:
    """Render every string in a JSON value; keys stay as they are and numbers become floats.

    Members that are `null` are dropped; in a list `null` is an error, as on the server.

    Raises:
        TemplateError: One of the templates fails.
    """
    match value:
        case str():
            return render(value, context, world)
        case Mapping():
            members = {key: member for key, member in value.items() if member is not None}
            return {key: _member(key, member, context, world) for key, member in members.items()}
        case list():
            if any(member is None for member in value):
                raise TemplateError("a list in an input cannot hold null: the server makes no action of it")
            return [_member(number, member, context, world) for number, member in enumerate(value)]
        case bool() | None:
            return value
        case _:
            try:
                return json_number(str(value))
            except ValueError:
                raise TemplateError("a number in an input is too big") from None


def _member(key: str | int, value: Any, context: Mapping[str, Any], world: World | None) -> Any:
    try:
        return render_value(value, context, world)
    except TemplateError as error:
        error.path = f".{key}{error.path}"
        raise


def as_boolean(rendered: str) -> bool | None:
    """Return what Go's `strconv.ParseBool` makes of rendered criteria, `None` if they are no boolean."""
    return True if rendered in _TRUE else False if rendered in _FALSE else None


def _within(source: str, variables: Mapping[str, Value], run: Run) -> str:
    """Render the template of a template, whose errors have their place in that inner one."""
    run.budget.step(len(source))
    try:
        # Its tags remember nothing from one call to the next.
        return parse(source).run(variables, Run(run.world, run.budget))
    except TemplateError as error:
        raise Panic(f"in the inner template, {error}") from None


FUNCTIONS = functions(_within)
"""The functions every template can call, by name."""
