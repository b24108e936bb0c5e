"""Links brought home to FLYTE_API: rebasing rules in all variants (promise 9)."""

import pytest
from structlog.testing import capture_logs

from flyte_slack.errors import LinkNotFound
from flyte_slack.flyte.links import Base, find, has
from flyte_slack.flyte.models import Link

REL = "http://127.0.0.1:8080/swagger#!"


def url(own: str, server: str | None, href: str) -> str:
    """Return what is called for an href, with FLYTE_API and the self link of the server's root as given."""
    base = Base(own)
    if server is not None:
        base.learn(server)
    return base.url(base.reference(href))


@pytest.mark.parametrize(
    ("own", "server", "href", "called"),
    [
        # the server knows its address
        (
            "http://flyte:8080",
            "http://flyte:8080/",
            "http://flyte:8080/v1/packs",
            "http://flyte:8080/v1/packs",
        ),
        ("http://h/flyte", "http://h/flyte/", "http://h/flyte/v1/packs", "http://h/flyte/v1/packs"),
        # other host, scheme, port
        (
            "https://flyte.example.com",
            "http://10.0.0.7/",
            "http://10.0.0.7/v1",
            "https://flyte.example.com/v1",
        ),
        (
            "https://flyte.example.com",
            "http://flyte.example.com/",
            "http://flyte.example.com/v1",
            "https://flyte.example.com/v1",
        ),
        ("http://h:9000", "http://h:8080/", "http://h:8080/v1/packs", "http://h:9000/v1/packs"),
        # FLYTE_API has a prefix that the server does not know of, or the other way round
        ("https://h/flyte", "http://srv:8080/", "http://srv:8080/v1/packs", "https://h/flyte/v1/packs"),
        ("https://h/a/b", "http://srv:8080/", "http://srv:8080/v1/packs", "https://h/a/b/v1/packs"),
        ("https://h", "http://srv/inner/", "http://srv/inner/v1/packs", "https://h/v1/packs"),
        ("https://h/outer", "http://srv/inner/", "http://srv/inner/v1/packs", "https://h/outer/v1/packs"),
        # an href elsewhere keeps path and query on FLYTE_API's origin
        ("https://h/flyte", "http://srv:8080/", "http://other/v1/packs?a=b", "https://h/v1/packs?a=b"),
        ("https://h/outer", "http://srv/inner/", "http://srv/elsewhere/v1", "https://h/elsewhere/v1"),
        ("https://h/outer", "http://srv/inner/", "http://srv/innermost/v1", "https://h/innermost/v1"),
        ("http://h:9000", "http://srv:8080/", "http://srv:80801/v1", "http://h:9000/v1"),
        # relative hrefs
        ("https://h/flyte", "http://srv/", "/v1/packs?x=1", "https://h/v1/packs?x=1"),
        ("https://h", "http://srv/", "v1/packs", "https://h/v1/packs"),
        ("https://h/flyte", None, "//evil.example.com/v1", "https://h/v1"),
        # default ports and letter case are no difference
        ("https://h/flyte", "https://srv:443/", "https://srv/v1", "https://h/flyte/v1"),
        ("http://h/flyte", "http://srv", "http://srv:80/v1", "http://h/flyte/v1"),
        ("http://h/flyte", "HTTP://Srv/", "http://srv/v1", "http://h/flyte/v1"),
        ("http://h/flyte", "http://srv:443/", "http://srv/v1", "http://h/v1"),
        # a chain of proxies
        (
            "https://h/flyte",
            "http://a.example.com, b.example.com/",
            "http://a.example.com, b.example.com/v1/packs",
            "https://h/flyte/v1/packs",
        ),
        # spaces are not encoded by the server; queries are kept
        (
            "https://h",
            "http://srv/",
            "http://srv/v1/packs/My Pack/events",
            "https://h/v1/packs/My Pack/events",
        ),
        (
            "https://h/p",
            "http://srv/",
            "http://srv/v1/take?commandName=a b",
            "https://h/p/v1/take?commandName=a b",
        ),
        # the base itself
        ("https://h/p", "http://srv/", "http://srv/", "https://h/p"),
        ("https://h/p", "http://srv/", "http://srv/?a=b", "https://h/p?a=b"),
        # nothing was learned: the server is taken to be where FLYTE_API says
        ("https://h/p", None, "https://h/p/v1", "https://h/p/v1"),
        ("https://h/p", "not absolute", "https://h/p/v1", "https://h/p/v1"),
        # a login in FLYTE_API is kept, and is no difference
        ("https://u:p@h/f", "https://h/f/", "https://h/f/v1", "https://u:p@h/f/v1"),
    ],
)
def test_href_is_called_on_flyte_api(own: str, server: str | None, href: str, called: str) -> None:
    """An href under the server's base is rebased; any other keeps path and query on FLYTE_API's origin."""
    assert url(own, server, href) == called


@pytest.mark.parametrize(
    "href",
    [
        "https://evil.example.com/v1",
        "https://h@evil.example.com/v1",
        "https://h:443@evil.example.com/v1",
        "//evil.example.com/v1",
        "///evil.example.com/v1",
        "\\\\evil.example.com/v1",
        "@evil.example.com/v1",
        "ftp://evil.example.com/v1",
        "https:evil.example.com/v1",
        "javascript:alert(1)",
        ":80/v1",
        "?x=1",
        "#x",
        "",
    ],
)
@pytest.mark.parametrize("own", ["https://h", "https://h/p"])
def test_no_href_leads_away_from_flyte_api(own: str, href: str) -> None:
    """Whatever stands in a link, what is called has FLYTE_API's origin: the token goes nowhere else."""
    import httpx

    called = httpx.URL(url(own, "http://srv/", href))
    assert (called.scheme, called.host, called.port, called.userinfo) == ("https", "h", None, b"")


def test_reference_survives_a_restart_and_another_base() -> None:
    """A reference kept in the store is used with whatever FLYTE_API is then."""
    before = Base("https://old.example.com/flyte")
    before.learn("http://srv:8080/")
    kept = before.reference("http://srv:8080/v1/packs/My Pack/actions/1/result?x=y")
    assert (
        Base("http://new:9000/other").url(kept)
        == "http://new:9000/other/v1/packs/My Pack/actions/1/result?x=y"
    )


def test_one_warning_names_the_difference() -> None:
    """However many links name another base, there is one warning, with both bases."""
    base = Base("https://h/flyte")
    with capture_logs() as logged:
        base.learn("http://srv:8080/")
        for number in range(10):
            base.reference(f"http://srv:8080/v1/{number}")
            base.reference(f"http://other/v1/{number}")
    (warning,) = logged
    assert warning["log_level"] == "warning"
    assert "https://h/flyte" in str(warning)
    assert "http://srv:8080" in str(warning)


@pytest.mark.parametrize(
    ("own", "server"),
    [
        ("http://h:8080", "http://h:8080/"),
        ("https://h/p", "https://H:443/p/"),
        ("https://u:p@h", "https://h/"),
    ],
)
def test_no_warning_without_a_difference(own: str, server: str) -> None:
    """Where the server knows its address nothing is said."""
    base = Base(own)
    with capture_logs() as logged:
        base.learn(server)
        base.reference(f"{server}v1/packs")
        base.reference("/v1/packs")
    assert logged == []


def test_warning_holds_no_login() -> None:
    """A login in FLYTE_API is not logged."""
    base = Base("https://user:hunter2@h/flyte")
    with capture_logs() as logged:
        base.reference("http://srv/v1")
    assert logged
    assert "hunter2" not in str(logged)


@pytest.mark.parametrize(
    ("own", "roots"),
    [
        ("http://h", ["/"]),
        ("http://h/", ["/"]),
        ("http://h/p", ["/p/", "/p"]),
        ("http://h/p/q/", ["/p/q/", "/p/q"]),
    ],
)
def test_roots(own: str, roots: list[str]) -> None:
    """The root below a prefix is asked with and without its slash."""
    assert Base(own).roots() == roots


LINKS = [
    Link(href="/help", rel="help"),
    Link(href="/v1", rel=f"{REL}/info/v1"),
    Link(href="/packs", rel=f"{REL}/pack/listPacks"),
    Link(href="/take", rel=f"{REL}/action/takeAction"),
    Link(href="/take2", rel=f"{REL}/action/takeAction"),
    Link(href="/events", rel="http://127.0.0.1:8080/swagger#/event"),
    Link(href="/bare", rel="actionResult"),
    Link(href="/fragment", rel="http://x#self"),
]


@pytest.mark.parametrize(
    ("rel", "href"),
    [
        ("info/v1", "/v1"),
        ("pack/listPacks", "/packs"),
        ("takeAction", "/take"),
        ("event", "/events"),
        ("actionResult", "/bare"),
        ("self", "/fragment"),
    ],
)
def test_rel_is_matched_by_its_last_part(rel: str, href: str) -> None:
    """A rel is an absolute URL on the server's own base: only its last part counts; the first link wins."""
    assert find(LINKS, rel, method="GET", url="u") == href
    assert has(LINKS, rel)


@pytest.mark.parametrize("rel", ["Action", "v", "listpacks", "events", "elp", "result"])
def test_part_of_a_word_is_no_rel(rel: str) -> None:
    """A rel matches as a whole part, and in its own case."""
    assert not has(LINKS, rel)
    with pytest.raises(LinkNotFound) as caught:
        find(LINKS, rel, method="GET", url="http://h/v1")
    assert (caught.value.rel, caught.value.method, caught.value.url) == (rel, "GET", "http://h/v1")
    assert rel in str(caught.value)
