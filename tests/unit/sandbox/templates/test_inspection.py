"""Looking at a template without rendering it."""

from flyte_slack.sandbox.templates import FILTERS, FUNCTIONS, Place, Use, parse


def test_uses_of_variables() -> None:
    """Every path is found, with its place; names the template gave itself are told apart."""
    template = (
        "{{ Event.Payload.list.0 }}{% set x = Context.A %}{{ x.y }}\n"
        "{% for k in Event.Payload.o %}{{ k.n }}{{ forloop.Counter }}{% endfor %}{{ k }}"
    )
    found = [(use.path, use.local) for use in parse(template).uses()]
    assert found == [
        (("Event", "Payload", "list", 0), False),
        (("Context", "A"), False),
        (("x", "y"), True),
        (("Event", "Payload", "o"), False),
        (("k", "n"), True),
        (("forloop", "Counter"), True),
        (("k",), False),
    ]
    assert [use.place for use in parse(template).uses()][3] == Place(2, 13)


def test_uses_of_filters_and_functions() -> None:
    """Filters and functions are found wherever an expression stands, with what is written out as argument."""
    template = (
        "{% if not a|match:'^x$' %}{{ f(b, 1) + g.h(c) }}{% endif %}{% filter upper|add:d %}{% endfilter %}"
    )
    uses = list(parse(template).uses())
    assert [(use.kind, use.path) for use in uses] == [
        ("variable", ("a",)),
        ("filter", ("match",)),
        ("function", ("f",)),
        ("variable", ("b",)),
        ("variable", ("g", "h")),
        ("variable", ("c",)),
        ("filter", ("upper",)),
        ("filter", ("add",)),
        ("variable", ("d",)),
    ]
    assert uses[1] == Use("filter", ("match",), Place(1, 13), argument="^x$")


def test_uses_within_macros_and_branches() -> None:
    """A macro's parameters are its own; both branches are looked at."""
    template = (
        "{% macro m(a, b=c) %}{{ a }}{% endmacro %}{{ m(d) }}"
        "{% ifequal e 1 %}{{ f }}{% else %}{{ g }}{% endifequal %}"
    )
    found = [use.path for use in parse(template).uses() if not use.local]
    assert found == [("c",), ("d",), ("e",), ("f",), ("g",)]


def test_what_there_is_is_listed() -> None:
    """Whoever checks flows knows the names of filters and functions."""
    assert {"match", "extractMatch", "kvp", "upper"} <= set(FILTERS)
    assert set(FUNCTIONS) == {
        *(
            "randomInt",
            "randomAlpha",
            "base64Encode",
            "base64Decode",
            "datastore",
            "template",
            "unmarshalJson",
        )
    }
