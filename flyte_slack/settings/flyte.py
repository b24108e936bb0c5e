"""What any pack can be told: where Flyte is, where work is kept, how it is watched."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from sqlalchemy.engine import make_url

from .base import EnvironmentSettings, expected
from .values import HeaderToken, Labels, PackName, Seconds, StoreUrl, Url, lower

PACK_NAME = "a name without / ? # %"
SECONDS = "a number of seconds above 0"


class StoreSettings(EnvironmentSettings):
    """What commands need that look into the store only."""

    store: StoreUrl = Field(
        SecretStr("sqlite:///flyte-slack.db"),
        validation_alias="FLYTE_SLACK_STORE",
        json_schema_extra=expected(
            "sqlite:///relative.db, sqlite:////absolute/path.db or postgresql://USER:PASSWORD@HOST/DB"
        ),
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)] = Field(
        "info", validation_alias="LOGLEVEL", json_schema_extra=expected("debug, info, warning or error")
    )
    log_format: Annotated[Literal["json", "console"], BeforeValidator(lower)] | None = Field(
        None, validation_alias="LOG_FORMAT", json_schema_extra=expected("json or console")
    )

    def secrets(self) -> list[str]:
        """Return every secret value, for the log's redaction."""
        password = make_url(self.store.get_secret_value()).password
        return [str(password)] if password else []


class PackSettings(StoreSettings):
    """What a pack needs, whatever tool it is for."""

    flyte_api: Url = Field(
        validation_alias="FLYTE_API",
        json_schema_extra=expected("the base URL of the Flyte API, such as https://flyte.example.com"),
    )
    flyte_jwt: HeaderToken | None = Field(
        None,
        validation_alias="FLYTE_JWT",
        json_schema_extra=expected("a bearer token: printable ASCII characters without a blank"),
    )
    flyte_jwt_file: Path | None = Field(
        None,
        validation_alias="FLYTE_JWT_FILE",
        json_schema_extra=expected("the path of a readable file that holds the token"),
    )
    flyte_labels: Labels = Field(
        default_factory=dict,
        validation_alias="FLYTE_LABELS",
        json_schema_extra=expected("key=value,key=value, each key once, without / ? # %"),
    )
    flyte_api_timeout: Seconds = Field(
        10, validation_alias="FLYTE_API_TIMEOUT", json_schema_extra=expected(SECONDS)
    )
    flyte_api_insecure: bool = Field(
        False, validation_alias="FLYTE_API_INSECURE", json_schema_extra=expected("true or false")
    )
    pack_name: PackName = Field(
        min_length=1,
        validation_alias="PACK_NAME",
        json_schema_extra=expected(PACK_NAME),
    )
    poll_interval: Seconds = Field(
        1,
        le=30,
        validation_alias="FLYTE_SLACK_POLL_INTERVAL",
        json_schema_extra=expected(f"{SECONDS}, at most 30"),
    )
    port: int = Field(
        8090,
        ge=0,
        le=65535,
        validation_alias="FLYTE_SLACK_PORT",
        json_schema_extra=expected("a port from 1 to 65535, or 0 for any that is free"),
    )
    host: str = Field(
        "0.0.0.0",  # noqa: S104 - a container's probes come from outside
        min_length=1,
        validation_alias="FLYTE_SLACK_HOST",
        json_schema_extra=expected("an address of this machine, such as 0.0.0.0 or 127.0.0.1"),
    )
    shutdown_grace: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        20,
        validation_alias="FLYTE_SLACK_SHUTDOWN_GRACE",
        json_schema_extra=expected("a number of seconds, 0 or more"),
    )

    adopt: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        900,
        validation_alias="FLYTE_SLACK_ADOPT",
        json_schema_extra=expected("a number of seconds, 0 for off"),
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

    @classmethod
    def conflicts(cls, environment: Mapping[str, str]) -> list[str]:
        """Return problems between two variables, found whatever else is wrong with each."""
        if environment.get("FLYTE_JWT") and environment.get("FLYTE_JWT_FILE"):
            return ["FLYTE_JWT: FLYTE_JWT_FILE is set too: set only one of them"]
        return []

    def secrets(self) -> list[str]:
        """Return every secret value, for the log's redaction."""
        held = [self.flyte_jwt.get_secret_value()] if self.flyte_jwt else []
        return [*held, *super().secrets()]
