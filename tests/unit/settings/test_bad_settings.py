"""Settings that cannot be used: every problem at once, with variable and remedy, and no secret."""

from pathlib import Path

import pytest
from environment import problems

from flyte_slack.settings.slack import variables


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"SLACK_APP_TOKEN": None}, "SLACK_APP_TOKEN"),
        ({"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": ""}, "SLACK_APP_TOKEN"),
        ({"FLYTE_SLACK_MODE": "http"}, "SLACK_SIGNING_SECRET"),
        (
            {"FLYTE_SLACK_MODE": "socket", "SLACK_APP_TOKEN": None, "SLACK_SIGNING_SECRET": "s"},
            "SLACK_APP_TOKEN",
        ),
    ],
)
def test_mode_without_its_token(changes: dict[str, str | None], variable: str) -> None:
    """A mode whose token is missing, or no token at all, is one problem that names the token."""
    (problem,) = problems(**changes)
    assert problem.startswith(f"{variable}: is required")


def test_neither_token_names_both_ways() -> None:
    """Without any token both ways of receiving are named."""
    (problem,) = problems(SLACK_APP_TOKEN=None)
    assert "SLACK_SIGNING_SECRET" in problem


def test_two_flyte_tokens_are_a_conflict(tmp_path: Path) -> None:
    """FLYTE_JWT and FLYTE_JWT_FILE together are a question that the pack does not answer by itself."""
    (tmp_path / "jwt").write_text("abc")
    (problem,) = problems(FLYTE_JWT="abc", FLYTE_JWT_FILE=str(tmp_path / "jwt"))
    assert problem.startswith("FLYTE_JWT: ")
    assert "FLYTE_JWT_FILE" in problem


BAD = {
    "FLYTE_API": (
        "flyte.example.com",
        "ftp://h",
        "https://",
        "http://h:port",
        "http://h/?a=b",
        "http://h/#a",
        "/v1",
    ),
    "FLYTE_JWT_FILE": ("/no/such/file", "/"),
    "FLYTE_LABELS": ("prod", "=prod", "env=a,env=b"),
    "FLYTE_API_TIMEOUT": ("0", "-1", "soon", "inf", "nan"),
    "FLYTE_API_INSECURE": ("maybe", "2"),
    "PACK_NAME": ("a/b", "a?b", "a#b", "a%b"),
    "SLACK_BOT_TOKEN": ("xoxp-1", "xapp-1", "token"),
    "SLACK_APP_TOKEN": ("xoxb-1", "token"),
    "FLYTE_SLACK_MODE": ("rtm", "sockets"),
    "SLACK_API_URL": ("slack.com/api", "ws://slack.com"),
    "FLYTE_SLACK_STORE": (
        "flyte-slack.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///:memory:?cache=shared",
        "sqlite:///file::memory:",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:store?mode=memory&uri=true",
        "sqlite:///store.db?vfs=memdb",
        "sqlite://host/path.db",
        "mysql://u:p@h/d",
        "postgresql://",
        "postgresql://h",
    ),
    "FLYTE_SLACK_POLL_INTERVAL": ("0", "-1", "31", "x"),
    "FLYTE_SLACK_PORT": ("-1", "65536", "http", "80.5"),
    "FLYTE_SLACK_CONNECTIONS": ("0", "11", "two", "1.5"),
    "FLYTE_SLACK_CATCH_UP": ("-1", "x", "inf"),
    "FLYTE_SLACK_ADOPT": ("-1", "x", "inf"),
    "FLYTE_SLACK_SHUTDOWN_GRACE": ("-1", "x", "inf"),
    "LOGLEVEL": ("verbose", "trace"),
    "LOG_FORMAT": ("xml",),
}


@pytest.mark.parametrize(
    ("variable", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_bad_value_names_variable_and_remedy(variable: str, value: str) -> None:
    """A bad value is one problem, which begins with its variable and says what would be right."""
    (problem,) = problems(**{variable: value})
    assert problem.startswith(f"{variable}: ")
    assert variables()[variable] in problem


def test_every_problem_is_told_at_once() -> None:
    """However many settings are wrong, one start tells them all, conflicts included."""
    found = problems(**{name: values[0] for name, values in BAD.items()} | {"FLYTE_JWT": "abc"})
    assert sorted({problem.partition(":")[0] for problem in found} - {"FLYTE_JWT"}) == sorted(BAD)
    assert "FLYTE_JWT" in {problem.partition(":")[0] for problem in found}


def test_required_settings() -> None:
    """With nothing set, everything that is required is named with what to set."""
    found = problems(FLYTE_API=None, SLACK_BOT_TOKEN=None, SLACK_APP_TOKEN=None)
    assert [problem.partition(":")[0] for problem in found] == [
        "FLYTE_API",
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
    ]
    assert all("is required" in problem for problem in found)


def test_bad_alias_is_named_as_it_was_set() -> None:
    """The problem names the variable that the person set."""
    (problem,) = problems(SLACK_BOT_TOKEN=None, FLYTE_SLACK_TOKEN="nonsense")
    assert problem.startswith("FLYTE_SLACK_TOKEN: ")


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_empty_required_is_missing(empty: str) -> None:
    """A required variable set to nothing, or to blanks, is one problem that names it."""
    for variable in ("FLYTE_API", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        (problem,) = problems(**{variable: empty})
        assert problem.startswith(f"{variable}: ")


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_http_mode_never_runs_without_a_secret(empty: str) -> None:
    """A blank signing secret is none: requests signed with nothing are nobody's."""
    (problem,) = problems(FLYTE_SLACK_MODE="http", SLACK_SIGNING_SECRET=empty)
    assert problem.startswith("SLACK_SIGNING_SECRET: ")
    (problem,) = problems(SLACK_APP_TOKEN=None, SLACK_SIGNING_SECRET=empty)
    assert problem.startswith(("SLACK_SIGNING_SECRET: ", "SLACK_APP_TOKEN: "))


def test_secrets_are_never_in_the_messages(tmp_path: Path) -> None:
    """No value of a secret is in a problem, however wrong it is."""
    (tmp_path / "jwt").write_text("hunter2")
    told = problems(
        FLYTE_API="ftp://user:hunter2@h",
        FLYTE_JWT="hunter2",
        FLYTE_JWT_FILE=str(tmp_path / "jwt"),
        SLACK_BOT_TOKEN="hunter2",
        SLACK_APP_TOKEN="hunter2",
        SLACK_SIGNING_SECRET="hunter2",
        FLYTE_SLACK_STORE="postgres://user:hunter2@h/d",
        SLACK_API_URL="slack://user:hunter2@h",
    )
    assert len(told) == 6
    assert "hunter2" not in str(told)


def test_missing_extra_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL without its driver says what to install."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (problem,) = problems(FLYTE_SLACK_STORE="postgresql://u:p@h/d")
    assert "flyte-slack[postgres]" in problem
