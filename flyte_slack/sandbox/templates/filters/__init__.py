"""The filters: pongo2's own and those that the server adds.

A filter gets the value, its argument (`None` without one) and the rendering's budget.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ..budget import Budget
from ..values import Value
from . import general, html, servers, texts

Filter: TypeAlias = Callable[[Value, Value, Budget], Value]

FILTERS: Mapping[str, Filter] = {
    **general.FILTERS,
    **texts.FILTERS,
    **html.FILTERS,
    **servers.FILTERS,
}
