"""Logs: one style, every record, no secret (contract, section 1)."""

import contextlib
import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest
import structlog

from flyte_slack import logs

BOT = "xoxb-123456789012-abcdefGHIJKL"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmbHl0ZSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
Style = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error"]


class Log:
    """What was written, in one style."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def configure(self, level: Level = "debug", style: Style = "json") -> None:
        logs.configure(level, style, self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("httpx", "slack_sdk", "slack_bolt")}
    literals = logs._literals.copy()
    yield Log()
    root.handlers[:] = before
    root.setLevel(level)
    for name, value in levels.items():
        logging.getLogger(name).setLevel(value)
    logs._literals.clear()
    logs._literals.update(literals)
    structlog.reset_defaults()


def fail(secret: str) -> None:
    raise ValueError(f"cannot use {secret}")


def test_json_is_one_object_a_line(log: Log) -> None:
    """Each record is one line of JSON with its event, level, logger, time and fields, umlauts readable."""
    log.configure()
    logs.get("flyte_slack.x").info("grüße\nzwei", channel="C1", n=1)
    (line,) = log.lines
    assert log.text.count("\n") == 1
    assert (line["event"], line["level"], line["logger"]) == ("grüße\nzwei", "info", "flyte_slack.x")
    assert (line["channel"], line["n"]) == ("C1", 1)
    assert line["timestamp"].endswith("Z")
    assert "grüße" in log.text


def test_records_of_other_libraries_are_in_the_same_style(log: Log) -> None:
    """What other libraries log through `logging` is JSON too, with its arguments and extra fields."""
    log.configure()
    logging.getLogger("some.library").warning("lost %d of %s", 3, "them", extra={"peer": "h"})
    (line,) = log.lines
    assert (line["event"], line["level"], line["logger"]) == ("lost 3 of them", "warning", "some.library")
    assert line["peer"] == "h"


def test_line_that_cannot_be_rendered_stops_nothing(log: Log) -> None:
    """Whatever a field holds, the line is written, with what can be said of it."""
    log.configure()
    circle: list[Any] = []
    circle.append(circle)
    logs.get("x").info("odd", keys={("a", 1): 2}, circle=circle)
    (line,) = log.lines
    assert (line["event"], line["level"], line["keys"]) == ("'odd'", "'info'", "{('a', 1): 2}")


def test_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """A full disk or a closed pipe below the log costs lines, and nothing else."""
    stream = (tmp_path / "log").open("w")
    stream.close()
    logs._Lines(logs._Output(stream), "x").info("lost")
    went_on = False
    with contextlib.suppress(OSError), open("/dev/full", "w") as full:  # closing it fails again
        logs._Lines(logs._Output(full), "x").info("lost")
        went_on = True
    assert went_on


def test_console_is_for_people(log: Log) -> None:
    """The console style has the event and its fields in plain words, and no colours in a file."""
    log.configure(style="console")
    logs.get("x").warning("the event", channel="C1")
    logging.getLogger("some.library").error("theirs")
    assert "the event" in log.text
    assert "channel=C1" in log.text
    assert "theirs" in log.text
    assert "\x1b" not in log.text


@pytest.mark.parametrize(
    ("level", "written"),
    [("debug", "dbg inf wrn err"), ("info", "inf wrn err"), ("warning", "wrn err"), ("error", "err")],
)
def test_level(log: Log, level: Level, written: str) -> None:
    """Less than the level is not written, by whomever."""
    log.configure(level)
    for logger in (logs.get("flyte_slack.level"), logging.getLogger("some.library")):
        logger.debug("dbg")
        logger.info("inf")
        logger.warning("wrn")
        logger.error("err")
    assert [line["event"] for line in log.lines] == written.split() * 2


def test_chatter_of_libraries_is_for_debug(log: Log) -> None:
    """A line a request, as httpx writes it, is not info of the pack's."""
    log.configure("info")
    logging.getLogger("httpx").info("HTTP Request: POST …")
    logging.getLogger("slack_sdk.web").info("…")
    assert log.text == ""
    logging.getLogger("httpx").warning("odd")
    assert len(log.lines) == 1


SECRETS = [
    pytest.param(BOT, BOT, id="bot token"),
    pytest.param("xoxe.xoxb-1-abcdef", "abcdef", id="rotated bot token"),
    pytest.param("xapp-1-A1-123-abcdef", "abcdef", id="app token"),
    pytest.param("Authorization: Bearer opaque-0123456789", "opaque", id="bearer"),
    pytest.param("authorization: bearer opaque-0123456789", "opaque", id="bearer in lower case"),
    pytest.param("AUTHORIZATION: BEARER opaque-0123456789", "opaque", id="bearer in upper case"),
    pytest.param(f"token {JWT}", "c2lnbmF0dXJl", id="JWT"),
    pytest.param("postgresql://flyte:hunter2@db/flyte", "hunter2", id="database password"),
    pytest.param("postgresql+asyncpg://flyte:hun%40ter2@db:5432/flyte", "ter2", id="encoded password"),
    pytest.param("postgresql://flyte:a@b:hunter2@db/flyte", "hunter2", id="password with @"),
    pytest.param("https://user:hunter2@flyte.example.com/v1", "hunter2", id="login in a URL"),
    pytest.param(
        "wss://wss-primary.slack.com/link/?ticket=12345678-1234&app_id=a", "12345678-1234", id="ticket"
    ),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
@pytest.mark.parametrize("style", ["json", "console"])
def test_what_looks_like_a_secret_is_redacted(log: Log, style: Style, text: str, secret: str) -> None:
    """What has the shape of a secret is taken out: in events, fields and extras, of any library."""
    log.configure(style=style)
    for level in ("debug", "info", "warning", "error", "critical"):
        ours, theirs = logs.get("flyte_slack.s"), logging.getLogger("some.library")
        getattr(ours, level)(text)
        getattr(ours, level)("field", value=text, deep={"list": [text]})
        getattr(theirs, level)("%s", text)
        getattr(theirs, level)("extra", extra={"headers": {"x": text}})
    assert log.text.count("\n") >= 20
    assert secret not in log.text
    if style == "json":
        assert len(log.lines) == 20, "redaction leaves JSON readable"


LITERALS = [
    "0123456789abcdef0123456789abcdef",
    "opaque jwt with blanks",
    'quo"te\\backslash',
    "pä\"ss wörd'x",
    "per%cent/slash+plus",
]


@pytest.mark.parametrize("secret", LITERALS)
@pytest.mark.parametrize("style", ["json", "console"])
def test_known_secrets_are_redacted_in_every_spelling(log: Log, style: Style, secret: str) -> None:
    """A secret without a tell-tale shape is taken out as it is, in JSON, in a repr and in a URL."""
    log.configure(style=style)
    logs.add_secrets([secret])
    logger = logs.get("flyte_slack.l")
    logger.info(f"plain {secret} end")
    logger.info("field", value=secret, url=f"https://h/?t={quote(secret, safe='')}")
    logging.getLogger("some.library").error("%r", {"token": secret})
    try:
        fail(secret)
    except ValueError:
        logger.exception("failed")
    longest = max(secret.replace("\\", '"').replace("'", '"').split('"'), key=len)
    assert longest not in log.text
    assert logs.REDACTED in log.text


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize(
    "secret", [BOT, JWT, "postgresql://u:hunter2-hunter2@db/x", "literal-secret-value-" * 3]
)
def test_tracebacks_are_redacted(log: Log, style: Style, secret: str) -> None:
    """A secret in an error's text, or beside it in the traceback, is taken out: ours and other libraries'."""
    log.configure(style=style)
    logs.add_secrets(["literal-secret-value-" * 3])
    for logger in (logs.get("flyte_slack.t"), logging.getLogger("some.library")):
        try:
            try:
                fail(secret)
            except ValueError as error:
                raise RuntimeError(f"because of {secret}") from error
        except RuntimeError:
            logger.exception("it failed")
    assert "RuntimeError" in log.text
    assert "fail" in log.text, "the traceback is there"
    tell_tale = {BOT: "abcdefGHIJKL", JWT: "c2lnbmF0dXJl"}.get(
        secret, "hunter2" if "hunter2" in secret else "literal"
    )
    assert tell_tale not in "".join(log.text.split()), "nor in pieces, where a traceback is wrapped"


def test_console_traceback_shows_no_local_variables(log: Log) -> None:
    """Variables beside an error may hold message texts and half a secret: a traceback does not print them."""
    log.configure("info", "console")
    message_text = "what a person wrote".upper()
    try:
        fail("it")
    except ValueError:
        logs.get("flyte_slack.v").exception("failed")
    assert message_text not in log.text


def test_short_values_are_left_alone(log: Log) -> None:
    """A "secret" of three characters would blank out ordinary words."""
    logs.add_secrets(["abc", ""])
    assert logs.redact("abc abcdef") == "abc abcdef"


def test_ordinary_text_is_left_alone() -> None:
    """What is no secret is not touched."""
    text = "bearer of news: http://h:8080/v1/packs/Slack at 12:30, user@example.com, https://h/a:b"
    assert logs.redact(text) == text


def test_a_pipe_that_nobody_reads_stops_nothing() -> None:
    """Lines are kept for a reader that comes late; of too many the oldest are dropped, and that is told."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "w") as stream:
        logs.configure("info", "json", stream)
        log = logs.get("full")
        for number in range(60_000):
            log.info("x" * 100, number=number)
        os.set_blocking(reader.fileno(), False)
        seen, asked = b"", 0
        while f'"asked": {asked},'.encode() not in seen[-2000:] or not asked:
            asked += 1
            log.info("more", asked=asked, number=0)
            seen += reader.read() or b""
        lines = [json.loads(line) for line in seen.splitlines()]
    told = [line for line in lines if "were dropped" in line["event"]]
    numbers = [line["number"] for line in lines if line["event"].startswith("xx")]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 59_999
    assert sum(line["number"] for line in told) == 60_000 - len(numbers) > 0


def test_warnings_of_libraries_are_log_lines() -> None:
    """What a library warns of is one JSON object, not a loose line on standard error."""
    stream = io.StringIO()
    with warnings.catch_warnings():
        logging.captureWarnings(False)  # pytest has put its own recorder in between
        logs.configure("info", "json", stream)
        warnings.warn("an argument is missing", UserWarning, stacklevel=1)
    assert "an argument is missing" in json.loads(stream.getvalue())["event"]
