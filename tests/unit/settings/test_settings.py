"""Settings that can be used: every variable of the contract's section 1, its default and its forms."""

import pytest
from environment import CONTRACT, load, secret

from flyte_slack.errors import SettingsError
from flyte_slack.settings.flyte import PackSettings
from flyte_slack.settings.slack import Mode, variables


def test_every_variable_of_the_contract_is_there() -> None:
    """The settings are those of the contract, each with a text that says what is accepted."""
    assert set(variables()) == set(CONTRACT)
    assert all(variables().values())


def test_defaults() -> None:
    """What is not set has the contract's default."""
    settings = load()
    assert (settings.flyte_jwt, settings.flyte_jwt_file, settings.flyte_labels) == (None, None, {})
    assert (settings.flyte_api_timeout, settings.flyte_api_insecure) == (10, False)
    assert (settings.pack_name, settings.slack_signing_secret) == ("Slack", None)
    assert settings.slack_api_url == "https://slack.com/api/"
    assert secret(settings.store) == "sqlite:///flyte-slack.db"
    assert (settings.poll_interval, settings.port, settings.host) == (1, 8090, "0.0.0.0")
    assert (settings.connections, settings.catch_up, settings.channels) == (2, 3600, ())
    assert settings.adopt == 900
    assert (settings.shutdown_grace, settings.log_level, settings.log_format) == (20, "info", None)
    assert settings.receives_by is Mode.SOCKET


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("FLYTE_API", "http://h:8080/flyte/v1/", "flyte_api", "http://h:8080/flyte/v1"),
        ("FLYTE_LABELS", "env=prod,team=sre", "flyte_labels", {"env": "prod", "team": "sre"}),
        (
            "FLYTE_LABELS",
            " env = prod , ,k=a=b,empty=",
            "flyte_labels",
            {"env": "prod", "k": "a=b", "empty": ""},
        ),
        ("FLYTE_API_TIMEOUT", "0.5", "flyte_api_timeout", 0.5),
        ("FLYTE_API_INSECURE", "true", "flyte_api_insecure", True),
        ("FLYTE_API_INSECURE", "False", "flyte_api_insecure", False),
        ("PACK_NAME", "My Slack", "pack_name", "My Slack"),
        ("SLACK_API_URL", "http://127.0.0.1:1/slack/api", "slack_api_url", "http://127.0.0.1:1/slack/api/"),
        ("SLACK_API_URL", "http://127.0.0.1:1/slack/api/", "slack_api_url", "http://127.0.0.1:1/slack/api/"),
        ("FLYTE_SLACK_POLL_INTERVAL", "0.25", "poll_interval", 0.25),
        ("FLYTE_SLACK_PORT", "65535", "port", 65535),
        ("FLYTE_SLACK_HOST", "127.0.0.1", "host", "127.0.0.1"),
        ("FLYTE_SLACK_CONNECTIONS", "1", "connections", 1),
        ("FLYTE_SLACK_CONNECTIONS", "10", "connections", 10),
        ("FLYTE_SLACK_CATCH_UP", "0", "catch_up", 0),
        ("FLYTE_SLACK_CHANNELS", "C1, #general,,#ops ", "channels", ("C1", "#general", "#ops")),
        ("FLYTE_SLACK_SHUTDOWN_GRACE", "0", "shutdown_grace", 0),
        ("FLYTE_SLACK_ADOPT", "0", "adopt", 0),
        ("LOGLEVEL", "DEBUG", "log_level", "debug"),
        ("LOGLEVEL", "error", "log_level", "error"),
        ("LOG_FORMAT", "Console", "log_format", "console"),
    ],
)
def test_value_is_read(variable: str, value: str, field: str, expected: object) -> None:
    """Each variable is read as the contract says."""
    assert getattr(load(**{variable: value}), field) == expected


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///relative.db",
        "sqlite:////absolute/path.db",
        "postgresql://user:p%40ss@db.example.com/flyte",
        "postgresql://user:pass@db:5433/flyte?ssl=require",
    ],
)
def test_store_urls(url: str) -> None:
    """A store is a SQLite file or a PostgreSQL database."""
    assert secret(load(FLYTE_SLACK_STORE=url).store) == url


def test_bot_token_has_an_alias() -> None:
    """FLYTE_SLACK_TOKEN is accepted for SLACK_BOT_TOKEN, which comes first."""
    assert secret(load(SLACK_BOT_TOKEN=None, FLYTE_SLACK_TOKEN="xoxb-2").slack_bot_token) == "xoxb-2"
    assert secret(load(SLACK_BOT_TOKEN="", FLYTE_SLACK_TOKEN="xoxb-2").slack_bot_token) == "xoxb-2"
    assert secret(load(SLACK_BOT_TOKEN="xoxb-1", FLYTE_SLACK_TOKEN="xoxb-2").slack_bot_token) == "xoxb-1"


@pytest.mark.parametrize(
    ("changes", "mode"),
    [
        ({}, Mode.SOCKET),
        ({"SLACK_SIGNING_SECRET": "s"}, Mode.SOCKET),
        ({"SLACK_APP_TOKEN": None, "SLACK_SIGNING_SECRET": "s"}, Mode.HTTP),
        ({"SLACK_SIGNING_SECRET": "s", "FLYTE_SLACK_MODE": "http"}, Mode.HTTP),
        ({"SLACK_SIGNING_SECRET": "s", "FLYTE_SLACK_MODE": "SOCKET"}, Mode.SOCKET),
    ],
)
def test_mode(changes: dict[str, str | None], mode: Mode) -> None:
    """Events come by the mode that is set, or else by the token there is."""
    assert load(**changes).receives_by is mode


@pytest.mark.parametrize(
    ("variable", "field", "value"),
    [
        ("SLACK_BOT_TOKEN", "slack_bot_token", "xoxb-1-a"),
        ("FLYTE_SLACK_TOKEN", "slack_bot_token", "xoxb-1-a"),
        ("SLACK_APP_TOKEN", "slack_app_token", "xapp-1-a"),
        ("SLACK_SIGNING_SECRET", "slack_signing_secret", "0123abcd"),
        ("FLYTE_JWT", "flyte_jwt", "abc.def"),
        ("FLYTE_SLACK_STORE", "store", "sqlite:///a.db"),
    ],
)
def test_white_space_around_a_secret_is_stripped(variable: str, field: str, value: str) -> None:
    """A secret that was made from a file ends in a newline; what is used does not."""
    base = {"SLACK_BOT_TOKEN": None} if variable == "FLYTE_SLACK_TOKEN" else {}
    settings = load(**base | {variable: f" {value}\n"})
    assert secret(getattr(settings, field)) == value
    if field != "store":
        assert value in settings.secrets()


def test_secrets_are_not_in_the_settings_text() -> None:
    """Printing the settings shows no secret; `secrets()` gives them all, for the log's redaction."""
    settings = load(
        FLYTE_JWT="hunter2-jwt",
        SLACK_SIGNING_SECRET="hunter2-sign",
        FLYTE_SLACK_STORE="postgresql://u:hunter2%40db@h/d",
    )
    assert "hunter2" not in f"{settings!r} {settings}"
    assert set(settings.secrets()) == {"hunter2-jwt", "hunter2-sign", "hunter2@db", "xoxb-1", "xapp-1"}


def test_other_variables_are_passed_over() -> None:
    """Variables of other programs, and of other letter case, are none of ours."""
    assert load(FLYTE_SLACK_SOMETHING="x", flyte_slack_port="x").port == 8090


def test_empty_counts_as_unset() -> None:
    """A variable set to nothing, as Compose and charts do, has its default."""
    required = ("FLYTE_API", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")
    assert load(**dict.fromkeys((name for name in CONTRACT if name not in required), "")) == load()


def test_another_pack_needs_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the Slack pack is called Slack by default: another would take its actions."""
    monkeypatch.setenv("FLYTE_API", "https://flyte.example.com")
    monkeypatch.delenv("PACK_NAME", raising=False)
    with pytest.raises(SettingsError) as caught:
        PackSettings.load()
    (problem,) = caught.value.problems
    assert problem.startswith("PACK_NAME: is required")
    monkeypatch.setenv("PACK_NAME", "Http")
    assert PackSettings.load().pack_name == "Http"
