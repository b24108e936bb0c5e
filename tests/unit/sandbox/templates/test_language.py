"""The language beyond the recordings: what pongo2's code says of expressions, filters, tags and functions."""

from datetime import UTC, datetime

import pytest
from given import GIVEN, PAYLOAD, refused

from flyte_slack.sandbox.templates import Value, World, decoded_object, render, render_value


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{{ 1 == 1 == true }}", "False"),
        ("{{ false and false or true }}", "False"),
        ("{{ not P.n }}", "0.000000"),
        ("{{ not 0 }}{{ not 'a' }}", "1False"),
        ("{{ -P.n * 2 }}", "-6.000000"),
        ("{{ 7 % 3 }} {{ -7 / 2 }} {{ -7 % 2 }}", "1 -3 -1"),
        ("{{ P.n / 0 }} {{ 0.0 / 0 }}", "+Inf NaN"),
        ("{{ 2 ^ 3 ^ 2 }}", "512.000000"),
        ("{{ 10 - 2 - 3 }}", "5"),
        ("{{ 9223372036854775807 + 1 }}", "-9223372036854775808"),
        ("{{ 1 <> 2 }}{{ 1 != 1 }}{{ '2' >= 1 }}", "TrueFalseTrue"),
        ("{{ 3 in P.list }}{{ 'env' in Event.Pack.Labels }}{{ 'Name' in Event }}", "FalseTrueTrue"),
        ("{{ P.list == 'x' }}{{ P.nope == P.null }}", "FalseTrue"),
        ("{{ P.text.0 }}", "100"),
        ("{{ P.objects.1.n }}{{ P.list.9 }}{{ P.nope.deeper.still }}", "y"),
        ("{{-5}}|{{ -5 }}", "5|-5"),
        ("{{ nope('x', 1).y }}", ""),
        (
            "{{ Event }} {{ Event.Pack }} {{ pongo2.version }}",
            "<execution.Event Value> <execution.Pack Value> dev",
        ),
        ("{{ 'a\\\"b\\\\c' }}", 'a"b\\c'),
        ("{{ Event.ReceivedAt.Unix }} {{ Event.ReceivedAt.Weekday }}", "1795423311 1"),
    ],
)
def test_expressions(template: str, rendered: str) -> None:
    """Operators rank, bind and calculate as in Go."""
    assert render(template, GIVEN) == rendered


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{{ P.text|slice:'0:' }}|{{ P.text|slice:':3' }}|{{ P.text|slice:'3:1' }}", "|dep|loy web"),
        ("{{ P.n|floatformat:2 }} {{ P.f|floatformat:'-2' }} {{ P.n|floatformat }}", "3.00 1.50 3"),
        ("{{ P.f|floatformat:'0' }} {{ 3.14159|floatformat:'2' }}", "2 3.14"),
        (
            "{{ P.text|rjust:12 }}|{{ P.text|ljust:12 }}|{{ P.n|center:2 }}",
            "  deploy web|deploy web  | 3.000000 ",
        ),
        ("{{ P.text|truncatechars:2 }} {{ P.text|truncatewords:1 }}", "de deploy ..."),
        ("{{ P.text|truncatechars_html:7 }}", "depl..."),
        ("{{ '<b>hello you</b>'|truncatewords_html:1 }}", "<b>hello ...</b>"),
        ("{{ P.text|capfirst }}{{ P.n|capfirst }}", "Deploy web"),
        ("{{ P.text|get_digit:1 }} {{ 123|get_digit:2 }} {{ 12|get_digit:9 }}", "50 2 12"),
        ("{{ '1-800-FLOWERS'|phone2numeric }}", "1-800-3569377"),
        ("{{ \"it's\"|title }} {{ 'a-b'|title }}", "It'S A-B"),
        ("{{ 'straße'|upper }}", "STRAßE"),
        ("{{ 'a b c d'|wordwrap:2 }}", "a b\nc d"),
        ("{{ P.spaces|removedupwhitespaces }}|", " a b c|"),
        ("{{ P.text|extractMatch:'(w.*)' }} {{ P.text|extractMatch:'w' }}", "web deploy web"),
        ("{{ P.text|match:'(a' }}", "False"),
        ("{{ 'mail me@x.org'|urlize }}", 'mail <a href="mailto:me@x.org">me@x.org</a>'),
        ("{{ 'www.x.com'|urlizetrunc:8 }}", '<a href="http://www.x.com" rel="nofollow">www.x...</a>'),
        ("{{ Event.ReceivedAt|date:'Mon 2 Jan 06, 15:04:05.000 MST' }}", "Mon 23 Nov 26, 08:41:51.297 UTC"),
        ("{{ Event.ReceivedAt.Format('2006-01-02T15:04:05Z07:00') }}", "2026-11-23T08:41:51Z"),
        ("{{ P.list|random|length }}{{ P.list|make_list|first }}", "1<"),
        ("{{ P|key:'a.b' }}", "dotted"),
        ("{{ P.text|default }}{{ P.null|default }}", "deploy web"),
        ("{{ P.list|length_is:3 }}", "True"),
        ("{{ 'x\ty'|linebreaksbr }}", "x\ty"),
    ],
)
def test_filters(template: str, rendered: str) -> None:
    """Filters do what pongo2's code does, oddities included."""
    assert render(template, GIVEN) == rendered


@pytest.mark.parametrize(
    ("pattern", "printed"),
    [
        ("P.n|stringformat:'%5.1f|'", "  3.0|"),
        ("P.n|stringformat:'%d'", "%!d(float64=3)"),
        ("P.n|integer|stringformat:'%05d'", "00003"),
        ("P.n|stringformat:'%v %v'", "3 %!v(MISSING)"),
        ("P.text|stringformat:'x'", "x%!(EXTRA string=deploy web)"),
        ("P.text|stringformat:'%-12s|%%'", "deploy web  |%"),
        ("P.text|stringformat:'%q %'", '"deploy web" %!(NOVERB)'),
        ("P.object|stringformat:'%v'", "map[k:v]"),
        ("P.list|stringformat:'%s'", "[c a b]"),
        ("P.null|stringformat:'%v'", "<nil>"),
        ("1234567.0|stringformat:'%v'", "1.234567e+06"),
        ("0.00001|stringformat:'%g'", "1e-05"),
        ("P.true_|stringformat:'%t'", "true"),
    ],
)
def test_stringformat(pattern: str, printed: str) -> None:
    """`stringformat` is Go's `Sprintf`, complaints included."""
    assert render(f"{{{{ {pattern} }}}}", GIVEN) == printed


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("{% for k, v in P.object %}{{ k }}={{ v }}{% endfor %}", "k=v"),
        ("{% for c in P.uni %}{{ forloop.Counter }}{% endfor %}", "1234"),
        ("{% for c in P.uni %}{{ c }}{% endfor %}", "üé"),
        ("{% for w in 'a b'|split:' ' reversed sorted %}{{ w }}{{ forloop.Revcounter }}{% endfor %}", "b2a1"),
        ("{% for a in '1' %}{% for b in a %}{{ forloop.Parentloop.Last }}{% endfor %}{% endfor %}", "True"),
        ("{% for x in P.list %}{{ forloop.counter }}{% endfor %}", ""),
        ("{% for x in P.list %}{% set y = x %}{% endfor %}{{ y }}|{{ x }}", "|"),
        ("{% for x in 5 %}a{% empty %}b{% endfor %}", "b"),
        ("{% if P.null %}1{% elif P.n > 2 %}2{% else %}3{% endif %}", "2"),
        ("{% if P.null %}a{% else %}b{% elif P.n %}c{% endif %}", "b"),
        ("{% cycle 'a' 'b' as x silent %}{{ x }}{% cycle x %}{{ x|upper }}", "aB"),
        ("{% for i in P.list %}{% cycle 'a' 'b' %}{% endfor %}", "aba"),
        ("{% filter upper|cut:'B' %}a{{ 'b' }}c{% endfilter %}", "AC"),
        ("{% macro m(a, b='z') %}{{ a }}{{ b }}{% endmacro %}{{ m('q') }}{{ m(1, 2) }}{{ m }}", "qz12z"),
        ("{% macro m(a) %}<{{ a }}{% endmacro %}{% autoescape on %}{{ m('<') }}{% endautoescape %}", "<&lt;"),
        ("{% with P.n as x %}{{ x }}{% endwith %}{% with x='a' y=x %}{{ y }}{% endwith %}", "3.000000"),
        ("{% ifnotequal 1 2 %}y{% else %}n{% endifnotequal %}", "y"),
        ("{% for i in P.list %}{% ifchanged %}x{% endifchanged %}{% endfor %}", "x"),
        ("{% for i in P.list %}{% ifchanged P.n %}x{% else %}-{% endifchanged %}{% endfor %}", "x--"),
        ("{% spaceless %}<a>  <b> </b>\n</a>{% endspaceless %}", "<a><b></b></a>"),
        ("{% verbatim %}{{ x }}{% endverbatim %}{{ 1 }}", "{{ x }}1"),
        ("{% comment %}{{ x | }}{% endcomment %}k", "k"),
        ("{% block a %}q{% endblock a %}", "q"),
        ("{% widthratio 5 0 10 %} {% widthratio 1 3 10 as r %}{{ r }}", "-9223372036854775808 4"),
        ("{% lorem 3 w %}", "Lorem ipsum dolor"),
        ("{% now '2006-01-02' fake %}", "2014-02-05"),
        ("a {%- if true -%} b {%- endif -%} c", "abc"),
        ("{% autoescape on %}{{ '<' }}{{ '<'|safe }}{% firstof '>' %}{% endautoescape %}", "&lt;<&gt;"),
        ("{% firstof P.null 0 '' %}", ""),
        ("{% templatetag closecomment %}", "#}"),
    ],
)  # fmt: skip
def test_tags(template: str, rendered: str) -> None:
    """Tags do what pongo2's code does."""
    assert render(template, GIVEN) == rendered


def test_functions() -> None:
    """The server's own functions take exactly the types they are declared with."""
    assert {render("{{ randomInt(2) }}", {}) for _ in range(200)} == {"0", "1"}
    assert render("{{ template('x {{ Channel }}', Context) }}", GIVEN) == "x C1"
    assert render("{{ base64Decode(base64Encode('ü?>')) }}", {}) == "ü?>"
    assert render("{{ unmarshalJson('{\"a\": [1]}').a.0 }}", {}) == "1.000000"
    for call in (
        "randomInt(0)",
        "randomInt(P.n)",
        "randomInt()",
        "randomAlpha(-1)",
        "base64Encode(1)",
        "base64Decode('Zg==')",
        "template('x')",
        "unmarshalJson('[]')",
        "unmarshalJson('{')",
        "P.text()",
        "P.null()",
    ):
        refused(f"{{{{ {call} }}}}")


def test_tags_of_an_inner_template_remember_nothing() -> None:
    """Each call of `template` begins anew."""
    inner = "{% cycle 'a' 'b' %}"
    assert render("{{ template(t, o) }}{{ template(t, o) }}", {"t": inner, "o": {}}) == "aa"


def test_template_takes_no_object_of_the_event() -> None:
    """The server would add its functions to the event and then fail to save it."""
    assert "event" in refused("{{ template('x', Event.Payload.object) }}").message


def test_datastore() -> None:
    """Templates read what is kept: JSON as an object, all else as text."""
    kept: dict[str, Value] = {"object": decoded_object('{"a": {"b": 1}}'), "text": "hi"}
    world = World(datastore=lambda key: kept[key])
    assert render("{{ datastore('object').a.b }} {{ datastore('text') }}", {}, world) == "1.000000 hi"
    assert "no item" in refused("{{ datastore('other') }}").message


def test_the_time_is_the_worlds() -> None:
    """`now` takes a layout of Go's."""
    world = World(now=lambda: datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC))
    assert render("{% now 'Monday, 02-Jan-06 03:04PM' %}", {}, world) == "Friday, 02-Jan-26 03:04PM"


@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("20 10 * * *", True),
        ("*/5 9-17 * NOV MON-FRI", True),
        ("20 10 27 * SUN", True),
        ("20 10 26 * SUN", False),
        ("20 10 * * 5#4", True),
        ("20 10 * * FRIL", True),
        ("20 10 L * *", False),
        ("@hourly", False),
        ("20 10 * * * 2027", False),
    ],
)
def test_matches_cron(schedule: str, due: bool) -> None:
    """A time is held against a schedule, to the minute."""
    assert render(f"{{{{ '2026-11-27T10:20:30Z'|matchesCron:'{schedule}' }}}}", {}) == str(due)


def test_values_of_an_input() -> None:
    """Strings are rendered wherever they are; keys are left alone, numbers become floats, null goes."""
    value = {
        "{{ key }}": ["{{ Context.Channel }}", 1, 9007199254740993, True],
        "object": {"n": 1.5, "no": None},
    }
    result = render_value(value, GIVEN)
    assert result == {"{{ key }}": ["C1", 1.0, 9007199254740992.0, True], "object": {"n": 1.5}}
    assert [type(each) for each in result["{{ key }}"]] == [str, float, float, bool]


def test_templates_see_data_only() -> None:
    """No name leads to a Python attribute or method, and nothing that is given is changed."""
    before = repr(PAYLOAD)
    for path in ("object.clear", "object.__class__", "nope.upper"):
        assert render(f"{{{{ P.{path} }}}}", GIVEN) == ""
    for path in ("text.upper", "list.pop", "text.__class__", "n.real"):
        refused(f"{{{{ P.{path} }}}}")
    assert repr(PAYLOAD) == before
