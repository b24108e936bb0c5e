"""Settings, read from environment variables (contract, section 1)."""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url

from ..errors import SettingsError
from .values import HeaderToken, Labels, Names, PackName, Seconds, StoreUrl, Url, lower, token


class Mode(StrEnum):
    """How events are received from Slack."""

    SOCKET = "socket"
    HTTP = "http"


def _expected(text: str) -> dict[str, Any]:
    return {"expected": text}


_SECONDS = "a number of seconds above 0"


class StoreSettings(BaseSettings):
    """What commands need that look into the store only.

    Use `load()`: it reports every problem at once.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        case_sensitive=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        validate_by_alias=True,
    )

    store: StoreUrl = Field(
        SecretStr("sqlite:///flyte-slack.db"),
        validation_alias="FLYTE_SLACK_STORE",
        json_schema_extra=_expected(
            "sqlite:///relative.db, sqlite:////absolute/path.db or postgresql://USER:PASSWORD@HOST/DB"
        ),
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = Field(
        "info", validation_alias="LOGLEVEL", json_schema_extra=_expected("debug, info, warning or error")
    )
    log_format: Annotated[Literal["json", "console"], BeforeValidator(lower)] | None = Field(
        None, validation_alias="LOG_FORMAT", json_schema_extra=_expected("json or console")
    )

    @classmethod
    def load(cls) -> Self:
        """Read the settings from the environment.

        Raises:
            SettingsError: with every problem, each naming its variable and what would be right.
        """
        problems: list[str] = []
        settings = None
        try:
            settings = cls()
        except ValidationError as error:
            problems += [_sentence(cls, dict(detail)) for detail in error.errors(include_url=False)]
        named = {problem.partition(":")[0] for problem in problems}
        problems += [one for one in cls.conflicts(os.environ) if one.partition(":")[0] not in named]
        if problems or settings is None:
            raise SettingsError(problems)
        return settings

    @classmethod
    def conflicts(cls, environment: Mapping[str, str]) -> list[str]:
        """Return problems between two variables, found whatever else is wrong with each."""
        return []

    def secrets(self) -> list[str]:
        """Return every secret value, for the log's redaction."""
        password = make_url(self.store.get_secret_value()).password
        return [str(password)] if password else []


class Settings(StoreSettings):
    """All that the pack can be told, with each variable's default and what is accepted."""

    flyte_api: Url = Field(
        validation_alias="FLYTE_API",
        json_schema_extra=_expected("the base URL of the Flyte API, such as https://flyte.example.com"),
    )
    flyte_jwt: HeaderToken | None = Field(
        None,
        validation_alias="FLYTE_JWT",
        json_schema_extra=_expected("a bearer token: printable ASCII characters without a blank"),
    )
    flyte_jwt_file: Path | None = Field(
        None,
        validation_alias="FLYTE_JWT_FILE",
        json_schema_extra=_expected("the path of a readable file that holds the token"),
    )
    flyte_labels: Labels = Field(
        default_factory=dict,
        validation_alias="FLYTE_LABELS",
        json_schema_extra=_expected("key=value,key=value, each key once, without / ? # %"),
    )
    flyte_api_timeout: Seconds = Field(
        10, validation_alias="FLYTE_API_TIMEOUT", json_schema_extra=_expected(_SECONDS)
    )
    flyte_api_insecure: bool = Field(
        False, validation_alias="FLYTE_API_INSECURE", json_schema_extra=_expected("true or false")
    )
    pack_name: PackName = Field(
        "Slack",
        min_length=1,
        validation_alias="PACK_NAME",
        json_schema_extra=_expected("a name without / ? # %"),
    )
    slack_bot_token: Annotated[SecretStr, token("xoxb-", "xoxe.xoxb-")] = Field(
        validation_alias=AliasChoices("SLACK_BOT_TOKEN", "FLYTE_SLACK_TOKEN"),
        json_schema_extra=_expected(
            "the bot token of the Slack app (xoxb-…), from its page OAuth & Permissions"
        ),
    )
    slack_app_token: Annotated[SecretStr, token("xapp-")] | None = Field(
        None,
        validation_alias="SLACK_APP_TOKEN",
        json_schema_extra=_expected(
            "an app-level token (xapp-…) with connections:write, from Basic Information"
        ),
    )
    slack_signing_secret: SecretStr | None = Field(
        None,
        validation_alias="SLACK_SIGNING_SECRET",
        json_schema_extra=_expected("the signing secret, from the app's page Basic Information"),
    )
    mode: Annotated[Mode, BeforeValidator(lower)] | None = Field(
        None, validation_alias="FLYTE_SLACK_MODE", json_schema_extra=_expected("socket or http")
    )
    slack_api_url: Annotated[Url, AfterValidator(lambda url: url + "/")] = Field(
        "https://slack.com/api/",
        validation_alias="SLACK_API_URL",
        json_schema_extra=_expected("the base URL of the Slack Web API, such as https://slack.com/api/"),
    )
    poll_interval: Seconds = Field(
        1,
        le=30,
        validation_alias="FLYTE_SLACK_POLL_INTERVAL",
        json_schema_extra=_expected(f"{_SECONDS}, at most 30"),
    )
    port: int = Field(
        8090,
        ge=0,
        le=65535,
        validation_alias="FLYTE_SLACK_PORT",
        json_schema_extra=_expected("a port from 1 to 65535, or 0 for any that is free"),
    )
    host: str = Field(
        "0.0.0.0",  # noqa: S104 - a container's probes come from outside
        min_length=1,
        validation_alias="FLYTE_SLACK_HOST",
        json_schema_extra=_expected("an address of this machine, such as 0.0.0.0 or 127.0.0.1"),
    )
    connections: int = Field(
        2,
        ge=1,
        le=10,
        validation_alias="FLYTE_SLACK_CONNECTIONS",
        json_schema_extra=_expected("a whole number from 1 to 10, Slack's own limit"),
    )
    catch_up: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        3600,
        validation_alias="FLYTE_SLACK_CATCH_UP",
        json_schema_extra=_expected("a number of seconds, 0 for off"),
    )
    channels: Names = Field(
        (),
        validation_alias="FLYTE_SLACK_CHANNELS",
        json_schema_extra=_expected("channel ids or #names, separated by commas"),
    )
    shutdown_grace: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        20,
        validation_alias="FLYTE_SLACK_SHUTDOWN_GRACE",
        json_schema_extra=_expected("a number of seconds, 0 or more"),
    )

    @field_validator("flyte_jwt_file")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                value.read_text()
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"cannot be read ({error.__class__.__name__})") from None
        return value

    @property
    def receives_by(self) -> Mode:
        """How events are received: as set, or by which token there is."""
        return self.mode or (Mode.SOCKET if self.slack_app_token else Mode.HTTP)

    @classmethod
    def conflicts(cls, environment: Mapping[str, str]) -> list[str]:
        """Return problems between two variables, found whatever else is wrong with each."""
        return _conflicts(environment)

    def secrets(self) -> list[str]:
        """Return every secret value, for the log's redaction."""
        held = [self.flyte_jwt, self.slack_bot_token, self.slack_app_token, self.slack_signing_secret]
        return [*(secret.get_secret_value() for secret in held if secret), *super().secrets()]


def variables() -> dict[str, str]:
    """Return every variable and what it accepts; the README's table and the error texts agree on it."""
    return {
        name: _extra(field.json_schema_extra)
        for field in Settings.model_fields.values()
        for name in _aliases(field.validation_alias)
    }


def _aliases(alias: object) -> list[str]:
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [str(alias)]


def _extra(extra: object) -> str:
    return str(extra["expected"]) if isinstance(extra, dict) else ""


def _sentence(model: type[StoreSettings], detail: dict[str, Any]) -> str:
    """Say which value is wrong, why, and what would be right, without the value of a secret."""
    alias = str(detail["loc"][0])
    field = next(
        field
        for name, field in model.model_fields.items()
        if alias in _aliases(field.validation_alias) or alias == name
    )
    names = _aliases(field.validation_alias)
    variable = next((name for name in names if os.environ.get(name)), names[0])
    expected = _extra(field.json_schema_extra)
    if detail["type"] == "missing":
        return f"{variable}: is required: set it to {expected}"
    secret = "SecretStr" in str(field.annotation)
    given = os.environ.get(variable, "")
    a_token = field.annotation == Path | None and os.sep not in given  # in place of its file's path
    hidden = secret or a_token or "@" in given
    own_words = detail["type"] == "value_error" and (secret or not hidden)
    reason = f" ({detail['ctx']['error']})" if own_words else ""
    value = "the value" if hidden else repr(given)
    return f"{variable}: {value} cannot be used{reason}: it must be {expected}"


def _conflicts(environment: Mapping[str, str]) -> list[str]:
    mode = environment.get("FLYTE_SLACK_MODE", "").strip().lower()
    app_token = environment.get("SLACK_APP_TOKEN", "").strip()
    secret = environment.get("SLACK_SIGNING_SECRET", "").strip()
    problems = []
    if environment.get("FLYTE_JWT") and environment.get("FLYTE_JWT_FILE"):
        problems.append("FLYTE_JWT: FLYTE_JWT_FILE is set too: set only one of them")
    if mode == Mode.SOCKET and not app_token:
        problems.append("SLACK_APP_TOKEN: is required where FLYTE_SLACK_MODE is socket: set an xapp-… token")
    elif mode == Mode.HTTP and not secret:
        problems.append(
            "SLACK_SIGNING_SECRET: is required where FLYTE_SLACK_MODE is http: set the app's secret"
        )
    elif mode not in set(Mode) and not app_token and not secret:
        problems.append(
            "SLACK_APP_TOKEN: is required to receive events over Socket Mode: set an xapp-… token "
            "(or SLACK_SIGNING_SECRET to receive them over HTTP)"
        )
    return problems
