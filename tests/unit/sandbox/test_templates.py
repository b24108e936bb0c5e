"""Templates against what the real server rendered (tests/data/flyte-templates.json)."""

import json
from pathlib import Path
from typing import Any

import pytest

from flyte_slack.sandbox.templates import StringMap, TemplateError, holds, render, render_value

RECORDED = json.loads((Path(__file__).parents[2] / "data" / "flyte-templates.json").read_text("utf-8"))

VARIABLES: dict[str, Any] = {
    "Event": {
        "Payload": RECORDED["payload"],
        "Pack": {"Id": "T", "Name": "T", "Labels": StringMap()},
        "ReceivedAt": "2026-11-23 08:41:51.297886697 +0000 UTC",
    },
    "Context": {"Channel": "C1"},
}


@pytest.mark.parametrize("row", RECORDED["rows"], ids=lambda row: row["expression"])
def test_recorded_templates(row: dict[str, Any]) -> None:
    """A template renders what the real server rendered, and fails where that failed."""
    if row["rendered"] is None:
        with pytest.raises(TemplateError):
            render(row["expression"], VARIABLES)
    else:
        assert render(row["expression"], VARIABLES) == row["rendered"]


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{{ Event.Payload.strnum == '0042' && !false }}", "True"),
        ("{{ Event.Payload.strnum=='0042' and not true or false }}", "False"),
        ("{{ Event.Payload.int > 2 and Event.Payload.int <= 3 }}", "True"),
        ("{{ Event.Payload.int|integer == 3 }}", "True"),
        ("{{ Event.Payload.nope || Context.Channel }}", "True"),
        ("{{ 'k' in Event.Payload.obj }}", "True"),
        ("{% if Event.Payload.strnum=='0042' %}yes{% else %}no{% endif %}", "yes"),
        ("{{ Event.Payload.strnum | default:'x' }}", "0042"),
    ],
)
def test_expressions(template: str, rendered: str) -> None:
    """Values can be compared and combined wherever a value can stand."""
    assert render(template, VARIABLES) == rendered


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{{ Event.Payload.empty|default:'a == b && c|d' }}", "a == b && c|d"),
        ("{{ Event.Payload|key:'a.b' }}", "dotted"),
        ("{{ Event.Payload.strnum|match:'^[0-9]+$' }}", "True"),
        ("{{ Event.Payload.nope|match:'.' }}", "False"),
        ("{{ nope|upper }}", ""),
        ("{% if nope|upper == 'NONE' %}yes{% else %}no{% endif %}", "no"),
        ("{% for x in Event.Payload.list %}{{ forloop.counter }}:{{ x }};{% endfor %}", "1:a;2:2.000000;3:;"),
        ("{{ Event.Payload.list }}", "<[]interface {} Value>"),
        ("{% verbatim %}{{ x }}{% endverbatim %}", "{{ x }}"),
        ("two lines\nand {{ Context.Channel }}", "two lines\nand C1"),
    ],
)
def test_filters_and_tags(template: str, rendered: str) -> None:
    """Filters and tags work on values as on the server; a missing value is as good as an empty one."""
    assert render(template, VARIABLES) == rendered


@pytest.mark.parametrize(
    "template",
    [
        "{{",
        "{{}}",
        "{{ a",
        "{{ a\n}}",
        "{# comment",
        "{% nope %}",
        "{% if true %}",
        "{{ a|nope }}",
        "{{ 1 + 1 }}",
        "{{ randomInt(0) }}",
        "{{ Event.Payload.html|match:'[' }}",
        "{{ Event.Payload.html|match:'[' and true }}",
        "{% if Event.Payload.html|match:'[' == true %}{% endif %}",
        "{% include 'file' %}",
    ],
)
def test_errors(template: str) -> None:
    """Whatever is wrong with a template is one kind of error, also within a comparison."""
    with pytest.raises(TemplateError):
        render(template, VARIABLES)


def test_methods_are_out_of_reach() -> None:
    """A member's name never calls a method of the value, as it would in Django."""
    payload = {"list": [1], "object": {"a": 1}, "text": "x"}
    variables = {"Event": {"Payload": payload}}
    assert render("{{ Event.Payload.object.clear }}{{ Event.Payload.items }}", variables) == ""
    for template in ("{{ Event.Payload.list.pop }}", "{{ nope|default:Event.Payload.text.upper }}"):
        with pytest.raises(TemplateError):
            render(template, variables)
    assert payload == {"list": [1], "object": {"a": 1}, "text": "x"}


def test_random_int() -> None:
    """`randomInt(n)` is a whole number below n."""
    assert {render("{{ randomInt(2) }}", {}) for _ in range(200)} == {"0", "1"}


def test_values_of_an_input() -> None:
    """Strings are rendered wherever they are in an input; keys and other values are left alone."""
    value = {"{{ key }}": ["{{ Context.Channel }}", 1, 9007199254740993, True, None], "object": {"n": 1.5}}
    rendered = render_value(value, VARIABLES)
    assert rendered == {"{{ key }}": ["C1", 1.0, 9007199254740992.0, True, None], "object": {"n": 1.5}}
    assert [type(each) for each in rendered["{{ key }}"]] == [str, float, float, bool, type(None)]
    assert type(render_value("{{ 5 }}", {})) is str


@pytest.mark.parametrize("word", ["1", "t", "T", "TRUE", "true", "True", "", "{{ true }}"])
def test_criteria_that_hold(word: str) -> None:
    """Criteria hold when there are none, or when they render as one of Go's words for true."""
    assert holds(word, VARIABLES)


@pytest.mark.parametrize("word", ["0", "false", "tRUE", "yes", " true", "{{ nope }}"])
def test_criteria_that_do_not_hold(word: str) -> None:
    """Everything else does not hold."""
    assert not holds(word, VARIABLES)
