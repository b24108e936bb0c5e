"""Errors: each says what is wrong and where, and no template does harm."""

import contextlib
import time

import pytest
from given import GIVEN, refused
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from flyte_slack.sandbox.templates import Place, TemplateError, parse, render, render_value


@pytest.mark.parametrize(
    ("template", "line", "column", "problem"),
    [
        ("{{", 1, 1, "not closed"),
        ("{{}}", 1, 3, "missing"),
        ("a\n{{ a", 2, 1, "not closed"),
        ("a\n  {{ a\n}}", 2, 7, "more than one line"),
        ("{# comment", 1, 1, "not closed"),
        ("{# a\nb #}", 1, 5, "more than one line"),
        ("{% nope %}", 1, 4, "no tag nope"),
        ("{% if true %}", 1, 4, "if is not closed: {% endif %}"),
        ("x\n{% for a in b %}\n{% if c %}{% endfor %}", 3, 14, "if in line 3 is open"),
        ("{% endif %}", 1, 4, "nothing is open"),
        ("{% if %}x{% endif %}", 1, 7, "a value is expected"),
        ("{% if a b %}x{% endif %}", 1, 9, "'b' cannot stand here"),
        ("{% for x of y %}{% endfor %}", 1, 4, "the word 'in'"),
        ("{% for x in y upwards %}{% endfor %}", 1, 15, "'upwards' cannot"),
        ("{{ a|nope }}", 1, 6, "no filter nope"),
        ("{{ a | upper:'x }}", 1, 14, "string is not closed"),
        ("{{ 'it\\'s' }}", 1, 7, "unknown escape"),
        ("{{ Event.Payload.in }}", 1, 18, "'in' is a reserved word"),
        ("{{ f(a b) }}", 1, 8, "'b' cannot stand here"),
        ("{{ (a)|upper }}", 1, 7, "'|' cannot stand here"),
        ("{{ a ; }}", 1, 6, "';' cannot stand here"),
        ("ü {{ a } }}", 1, 8, "'}' cannot stand here"),
        ("{{ 99999999999999999999 }}", 1, 4, "too big"),
        ("{% include 'file' %}", 1, 4, "refused"),
        ("{% ssi 'file' %}", 1, 4, "refused"),
        ("{% verbatim %}{% endverbatim %}", 1, 1, "not closed"),
        ("{% set x y %}", 1, 10, "= is expected"),
        ("{% lorem q %}", 1, 10, "lorem makes"),
        ("{% templatetag x %}", 1, 16, "templatetag knows"),
        ("{% macro a() export %}{% endmacro %}{% macro a() export %}{% endmacro %}", 1, 40, "exported"),
    ],
)  # fmt: skip
def test_syntax_errors(template: str, line: int, column: int, problem: str) -> None:
    """Parsing says what is wrong and where."""
    with pytest.raises(TemplateError) as caught:
        parse(template)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert problem in caught.value.message
    assert caught.value.source == template


@pytest.mark.parametrize(
    ("template", "line", "column", "problem"),
    [
        ("a\n {{ 7 / 0 }}", 2, 7, "division by zero"),
        ("{{ P.text.x }}", 1, 4, "no member x"),
        ("{{ P.list == P.list }}", 1, 11, "cannot be compared"),
        ("{{ 1 in P.object }}", 1, 4, "no numbers as keys"),
        ("{{ P.text|pluralize }}", 1, 11, "only a number"),
        ("{{ P.text|slice:'1' }}", 1, 11, "slice"),
        ("{{ P.text|extractMatch:'(' }}", 1, 11, "regular expression"),
        ("{{ 'x'|matchesCron:'* * * * *' }}", 1, 8, "no time"),
        ("{{ '2026-11-27T10:20:30Z'|matchesCron:'x' }}", 1, 27, "no schedule"),
        ("{{ -P.text }}", 1, 4, "cannot be negative"),
        ("{% for a in P.text sorted %}{% endfor %}", 1, 4, "in order"),
        ("{% set forloop = 1 %}{% for a in P.list %}{% endfor %}", 1, 25, "forloop"),
        ("{% cycle %}", 1, 4, "cycle"),
        ("{% for i in P.list %}{% ifchanged P.n %}{% endifchanged %}{% endfor %}", 1, 25, "ifchanged"),
        ("{% filter nope %}{% endfilter %}", 1, 11, "no filter nope"),
        ("{{ template('{{ a|b }}', Context) }}", 1, 4, "in the inner template, line 1, column 6"),
    ],
)
def test_errors_of_rendering(template: str, line: int, column: int, problem: str) -> None:
    """Rendering says so too, and parsing does not mind."""
    parse(template)
    error = refused(template)
    assert (error.line, error.column) == (line, column)
    assert problem in error.message


def test_the_place_in_an_input() -> None:
    """Of an input, the error says which of its templates it is."""
    with pytest.raises(TemplateError) as caught:
        render_value({"blocks": ["fine", {"text": "{{ a|nope }}"}]}, {})
    assert (caught.value.path, caught.value.source) == (".blocks.1.text", "{{ a|nope }}")
    with pytest.raises(TemplateError, match="null"):
        render_value({"list": [None]}, {})


def test_what_is_wrong_in_a_macro_is_text() -> None:
    """As on the server, an error in a macro is rendered."""
    template = "{% macro m() %}{{ P.text.x }}{% endmacro %}{{ m() }}{% macro p() %}{{ 1/0 }}{% endmacro %}"
    assert render(template, GIVEN).startswith("[Error (where: execution)")
    refused(template + "{{ p() }}")


HEAVY = [
    "{% set x='a' %}" + "{% set x = x|add:x %}" * 60,
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + " and ".join(["1"] * 10_000) + " }}",
    "{{ " + "1^" * 5000 + "1 }}",
    "{% if 1 %}" * 500,
    "{{ a" + ".b" * 20_000 + " }}",
    "{{ a" + "(" * 20_000 + " }}",
    "{#" * 100_000,
    "{% lorem 99999999999 w %}",
    "{{ randomAlpha(999999999) }}",
    "{{ 'x'|ljust:9999999999 }}",
    "{{ 'x'|center:16000000|split:'' }}",
    "{{ 1|floatformat:999999999 }}",
    "{{ 1|stringformat:'%999999999d' }}",
    "{% for a in 'x'|ljust:9999 %}{% for b in 'x'|ljust:9999 %}{{ a }}{% endfor %}{% endfor %}",
    "{{ '" + "a" * 5000 + "!'|match:'^(a+)+$' }}",
    "{% spaceless %}" + "<a> " * 20_000 + "{% endspaceless %}",
    "{{ template(t, unmarshalJson('{}')) }}",
]


@pytest.mark.parametrize("template", HEAVY, ids=lambda template: template[:40])
def test_no_template_holds_up_the_sandbox(template: str) -> None:
    """What would take for ever ends in seconds, in a text or an error."""
    begin = time.monotonic()
    with contextlib.suppress(TemplateError):
        assert len(render(template, GIVEN)) < 20_000_000
    assert time.monotonic() - begin < 15


PIECES = """
{{ }} {% %} {# #} {{- -%} | : ( ) , . = == + - * / % ^ ! < in not and true as Event Payload P list text object
nope 0 1 3.5 -1 99 x forloop upper slice '1:' join index add length center match '(' truncatechars wordwrap
stringformat '%5d' kvp key if endif else for endfor set with endwith macro endmacro cycle ifchanged
endifchanged firstof filter endfilter verbatim randomInt template ü ❤️ ' " \\ \x01 \udc80
"""

WHOLE = [
    "{{ P.text|%s:%s }}",
    "{{ P.%s }}",
    "{%% if %s %%}a{%% endif %%}",
    "{%% for x in %s %%}{{ x }}{%% endfor %%}",
    "{{ %s }}",
    "{%% set x = %s %%}{{ x }}",
    "{%% %s %%}",
    "{{ P.n %s P.list }}",
    "{{ P.%s|%s }}",
]

pieces = st.sampled_from([*PIECES.split(), " ", "\n"]) | st.text(max_size=3)
loose = st.lists(pieces, max_size=25).map("".join)
tight = st.lists(pieces, min_size=2, max_size=2).flatmap(
    lambda two: st.sampled_from(WHOLE).map(lambda whole: whole % tuple(two[: whole.count("%s")]))
)


@settings(max_examples=400, deadline=None)
@examples(loose | tight | st.text(max_size=40))
def test_nothing_but_template_errors(template: str) -> None:
    """Whatever is parsed and rendered gives a text or a `TemplateError`, with a place in the template."""
    place = Place()
    try:
        assert isinstance(render(template, GIVEN), str)
    except TemplateError as error:
        place = error.place
    assert 1 <= place.line <= template.count("\n") + 1
    assert 1 <= place.column <= max(map(len, template.split("\n"))) + 1
