"""The language of Flyte's templates: the strings in a flow's context, criteria and command input.

The server renders them with pongo2, to which it adds filters and functions. This is that language anew: a
lexer that is the server's in every quirk, a grammar for expressions, a tree of nodes and values with Go's
rules. A template can reach the data it is given and nothing else, and what it may cost is limited.

    parse("{{ Event.Payload.text|upper }}").render({"Event": {"Payload": {"text": "hi"}}})
"""

from .errors import Place, TemplateError
from .filters import FILTERS
from .functions import decoded_object, json_number
from .gotime import GoTime
from .inspection import Use
from .scope import World
from .template import FUNCTIONS, Template, as_boolean, parse, render, render_value
from .values import Struct, Value, from_json, text_map

__all__ = [
    "FILTERS",
    "FUNCTIONS",
    "GoTime",
    "Place",
    "Struct",
    "Template",
    "TemplateError",
    "Use",
    "Value",
    "World",
    "as_boolean",
    "decoded_object",
    "from_json",
    "json_number",
    "parse",
    "render",
    "render_value",
    "text_map",
]
