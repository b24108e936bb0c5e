"""Which proxy leads where: what the environment says in any of the usual ways, and garbage (section 7)."""

import os

import pytest

from flyte_slack.errors import SettingsError
from flyte_slack.flyte import FlyteClient
from flyte_slack.proxies import proxy_for

FLYTE = "http://flyte.example.com:8080/flyte"
GARBAGE = [
    "socks5://proxy:1080",
    "http://",
    "http:///proxy",
    "::::",
    "http://[proxy",
    "http://127.0.0.1\u2100:1",
    "http://user:hunter2@proxy:port",
    "http://user:hunter2@proxy:99999",
]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy of the machine's be known."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def test_no_proxy_is_a_direct_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a proxy, or with an empty one, connections are direct."""
    assert proxy_for(FLYTE) is None
    monkeypatch.setenv("HTTP_PROXY", "")
    monkeypatch.setenv("ALL_PROXY", "")
    assert proxy_for(FLYTE) is None


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    ("value", "proxy"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("https://user:pw@proxy:3128", "https://user:pw@proxy:3128"),
        ("proxy:3128", "http://proxy:3128"),
        ("proxy", "http://proxy"),
        ("user:pw@127.0.0.1:3128", "http://user:pw@127.0.0.1:3128"),
    ],
)
def test_with_or_without_a_scheme(monkeypatch: pytest.MonkeyPatch, name: str, value: str, proxy: str) -> None:
    """A proxy may be named without its scheme, as curl lets it, and for all schemes at once."""
    monkeypatch.setenv(name, value)
    assert proxy_for(FLYTE) == proxy


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://flyte", "http://plain:1"),
        ("ws://slack/link", "http://plain:1"),
        ("https://slack.com/api/", "http://secure:2"),
        ("wss://slack.com/link", "http://secure:2"),
    ],
)
def test_each_scheme_has_its_own(monkeypatch: pytest.MonkeyPatch, url: str, proxy: str) -> None:
    """A web socket goes the way of its scheme's HTTP; the proxy for all is only for what has none."""
    monkeypatch.setenv("HTTP_PROXY", "http://plain:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:2")
    monkeypatch.setenv("ALL_PROXY", "http://other:3")
    assert proxy_for(url) == proxy


@pytest.mark.parametrize(
    ("without", "direct"),
    [
        ("flyte.example.com", True),
        ("flyte.example.com:8080", True),
        ("flyte.example.com:9090", False),
        (".example.com", True),
        ("other.example.com, example.com", True),
        ("*", True),
        ("lyte.example.com", False),
    ],
)
@pytest.mark.parametrize("url", [FLYTE, FLYTE.replace("//", "//user:pw@")])
def test_no_proxy_with_and_without_a_port(
    monkeypatch: pytest.MonkeyPatch, url: str, without: str, direct: bool
) -> None:
    """NO_PROXY names hosts, domains, or one port of a host, whatever login the URL has."""
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", without)
    assert (proxy_for(url) is None) is direct


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("value", GARBAGE)
def test_garbage_is_a_setting_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """What is no HTTP proxy is refused by its variable's name, without what it holds, and nothing else is."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        FlyteClient(FLYTE)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name}: ")
    assert "hunter2" not in problem
    monkeypatch.setenv("NO_PROXY", "flyte.example.com")
    FlyteClient(FLYTE)
