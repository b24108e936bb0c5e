"""Logs: one JSON object a line, or lines for people, with every secret taken out."""

import contextlib
import json
import logging
import os
import re
import select
import sys
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Literal, TextIO
from urllib.parse import quote

import structlog

REDACTED = "[redacted]"

# each with what a text must hold, in lower case, to be worth a look
_SHAPES = (
    ("xox", re.compile(r"\bxox[a-z](?:\.xox[a-z])?-[\w-]+")),
    ("xapp-", re.compile(r"\bxapp-[\w-]+")),
    ("bearer ", re.compile(r"(?<=bearer )[\w.~+/=-]{8,}", re.IGNORECASE)),
    ("eyj", re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")),
    ("://", re.compile(r"(?<=://)[^/\s:@\"']*:[^\s\"']+(?=@)")),
    ("ticket=", re.compile(r"(?<=ticket=)[\w.~%-]+")),
)
_MOST_UNWRITTEN = 4_000_000  # bytes
_SHORTEST = 4  # a shorter "secret" would blank out ordinary words

_JSON = structlog.processors.JSONRenderer(ensure_ascii=False)

_literals: set[str] = set()


def add_secrets(values: Iterable[str]) -> None:
    """Take these values out of every line logged from now on, in plain, JSON and URL spelling.

    Args:
        values: secrets as they are used on the wire; those under four characters are passed over.
    """
    for value in values:
        if len(value) >= _SHORTEST:
            spellings = {value, repr(value)[1:-1], repr({"": value})[6:-2], quote(value, safe="")}
            escaped = {
                json.dumps(text, ensure_ascii=plain)[1:-1] for text in spellings for plain in (True, False)
            }
            _literals.update(spellings | escaped)


def redact(text: str) -> str:
    """Replace every known secret, and whatever has the shape of one, in a text."""
    for literal in sorted(_literals, key=len, reverse=True):
        text = text.replace(literal, REDACTED)
    lowered = text.lower()
    for hint, shape in _SHAPES:
        if hint in lowered:
            text = shape.sub(REDACTED, text)
    return text


class _Output:
    """Writes to a stream, and never waits for whoever reads it.

    A pipe that nobody reads would stop the whole process. What cannot be written now is kept, and comes
    with the next line that can; of too much, the oldest is dropped, and said to be.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = b""  # rest of a line that is partly written
        self._unwritten: deque[bytes] = deque()
        self._size = 0
        self._dropped = 0
        try:
            self._fd = stream.fileno()
        except (OSError, ValueError, AttributeError):
            self._fd = -1  # in memory: nobody has to read it
            return
        self._ready = select.poll()
        self._ready.register(self._fd, select.POLLOUT)

    def write(self, text: str) -> int:
        """Write a whole line, or keep it; a full disk or a closed pipe stops nothing."""
        if self._fd < 0:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(text)
                self._stream.flush()
            return len(text)
        self._keep(text.encode("utf-8", "backslashreplace"))
        with contextlib.suppress(OSError, ValueError):
            self._write_what_fits()
        return len(text)

    def flush(self) -> None:
        """Do nothing: what can be written is written."""

    def _keep(self, line: bytes) -> None:
        self._unwritten.append(line)
        self._size += len(line)
        while self._size > _MOST_UNWRITTEN:
            self._size -= len(self._unwritten.popleft())
            self._dropped += 1

    def _write_what_fits(self) -> None:
        while (self._begun or self._unwritten) and self._ready.poll(0):
            if not self._begun:
                self._begun = self._unwritten.popleft()
                self._size -= len(self._begun)
            written = os.write(self._fd, self._begun[: select.PIPE_BUF])  # so much never blocks
            self._begun = self._begun[written:]
            if self._dropped and not self._begun:
                dropped, self._dropped = self._dropped, 0
                get(__name__).warning("log lines were dropped: nobody read them", number=dropped)


class _Lines:
    """What structlog hands finished lines to."""

    def __init__(self, output: _Output, name: str) -> None:
        self._output = output
        self.name = name

    def msg(self, line: str) -> None:
        self._output.write(f"{line}\n")

    debug = info = warning = error = critical = msg


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """For records of other libraries; redacts the finished line, so that tracebacks are covered too."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def configure(
    level: Literal["debug", "info", "warning", "error"],
    style: Literal["json", "console"] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send every log record of the process to standard error, in one style.

    The pack's own do not go through `logging`: that takes twice as long.

    Args:
        level: least severe level that is written.
        style: `json` for one object a line, `console` for people; by default `console` on a terminal.
        stream: written to instead of standard error.
    """
    stream = stream or sys.stderr
    output = _Output(stream)
    style = style or ("console" if stream.isatty() else "json")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[structlog.typing.Processor] = (
        [
            structlog.processors.format_exc_info,
            _what_comes_first,
            _as_json,
        ]
        if style == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(),
                exception_formatter=structlog.dev.plain_traceback,  # others show local variables
            )
        ]
    )
    structlog.configure(
        processors=[*shared, *render, _redacted],
        logger_factory=partial(_Lines, output),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        _RedactingFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.captureWarnings(True)
    _quiet_libraries(level)


def _as_json(logger: object, method: str, fields: structlog.typing.EventDict) -> str | bytes:
    """Render a line, whatever is in it: no log line stops what it tells of."""
    try:
        return _JSON(logger, method, fields)
    except (TypeError, ValueError, RecursionError):
        return _JSON(logger, method, {name: repr(value) for name, value in fields.items()})


def _redacted(_logger: object, _method: str, line: structlog.typing.EventDict) -> str:
    return redact(str(line))


def _what_comes_first(
    _logger: object, _method: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    first = {name: fields[name] for name in ("timestamp", "level", "event") if name in fields}
    return {**first, **fields}


def _quiet_libraries(level: str) -> None:
    """Hold other libraries' chatter back to `debug`; what they warn of is passed on."""
    if level != "debug":
        for name in ("httpx", "httpcore", "slack_bolt", "slack_sdk", "aiohttp.access"):
            logging.getLogger(name).setLevel(logging.WARNING)


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the structured logger of a module."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger
