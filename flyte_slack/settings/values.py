"""Kinds of values that settings have, and what is refused of each."""

import importlib.util
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an http(s) URL")
    _ = parts.port  # a port that is no number raises here
    if parts.query or parts.fragment:
        raise ValueError("a base URL has no query and no fragment")
    return value.rstrip("/")


def token(*prefixes: str) -> AfterValidator:
    """Return the check of a token that begins with one of these."""

    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(prefixes):
            raise ValueError("not a token of this kind")
        return value

    return AfterValidator(check)


def is_header_token(value: str) -> bool:
    """Whether a value can be sent in a header: printable ASCII characters without a blank."""
    return value.isascii() and value.isprintable() and " " not in value


def _header_token(value: SecretStr) -> SecretStr:
    if not is_header_token(value.get_secret_value()):
        raise ValueError("it cannot be sent in a header")
    return value


def _for_urls(value: str) -> str:
    if set(value) & set("/?#%"):
        raise ValueError("Flyte puts names and labels into URLs without encoding them")
    return value


def _labels(value: object) -> object:
    if not isinstance(value, str):
        return value
    labels: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        key, equals, label = (piece.strip() for piece in part.partition("="))
        if not equals or not key or key in labels:
            raise ValueError(f"{part!r} is no key=value, or its key is there twice")
        _for_urls(part)
        labels[key] = label
    return labels


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(filter(None, (part.strip() for part in value.split(","))))


def lower(value: object) -> object:
    """Return a text in lower case, and anything else as it is."""
    return value.lower() if isinstance(value, str) else value


def _store_url(value: SecretStr) -> SecretStr:
    try:
        url = make_url(value.get_secret_value())
    except (ArgumentError, ValueError):
        raise ValueError("not a URL") from None
    if url.drivername == "sqlite":
        if not url.database or url.host or ":memory:" in url.database or url.database.startswith("file:"):
            raise ValueError("a store in memory would lose everything: name a file, as sqlite:///PATH")
        if url.query:
            raise ValueError("a file has no options: nothing follows its path, no ? either")
    elif url.drivername == "postgresql":
        if not url.host or not url.database or "@" in url.host:
            raise ValueError("host and database are needed, and an @ in the password is written %40")
        if importlib.util.find_spec("asyncpg") is None:
            raise ValueError("PostgreSQL needs an extra: pip install 'flyte-slack[postgres]'")
    else:
        raise ValueError("neither sqlite nor postgresql")
    return value


Labels = Annotated[dict[str, str], NoDecode, BeforeValidator(_labels)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Url = Annotated[str, AfterValidator(_http_url)]
PackName = Annotated[str, AfterValidator(_for_urls)]
HeaderToken = Annotated[SecretStr, AfterValidator(_header_token)]
StoreUrl = Annotated[SecretStr, AfterValidator(_store_url)]
