"""What the Slack pack can be told (contract, section 1)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr

from . import base
from .base import expected
from .flyte import PACK_NAME, PackSettings
from .values import Names, PackName, Url, lower, token


class Mode(StrEnum):
    """How events are received from Slack."""

    SOCKET = "socket"
    HTTP = "http"


class Settings(PackSettings):
    """All that the Slack pack can be told."""

    pack_name: PackName = Field(
        "Slack", min_length=1, validation_alias="PACK_NAME", json_schema_extra=expected(PACK_NAME)
    )
    slack_bot_token: Annotated[SecretStr, token("xoxb-", "xoxe.xoxb-")] = Field(
        validation_alias=AliasChoices("SLACK_BOT_TOKEN", "FLYTE_SLACK_TOKEN"),
        json_schema_extra=expected(
            "the bot token of the Slack app (xoxb-…), from its page OAuth & Permissions"
        ),
    )
    slack_app_token: Annotated[SecretStr, token("xapp-")] | None = Field(
        None,
        validation_alias="SLACK_APP_TOKEN",
        json_schema_extra=expected(
            "an app-level token (xapp-…) with connections:write, from Basic Information"
        ),
    )
    slack_signing_secret: SecretStr | None = Field(
        None,
        validation_alias="SLACK_SIGNING_SECRET",
        json_schema_extra=expected("the signing secret, from the app's page Basic Information"),
    )
    mode: Annotated[Mode, BeforeValidator(lower)] | None = Field(
        None, validation_alias="FLYTE_SLACK_MODE", json_schema_extra=expected("socket or http")
    )
    slack_api_url: Annotated[Url, AfterValidator(lambda url: url + "/")] = Field(
        "https://slack.com/api/",
        validation_alias="SLACK_API_URL",
        json_schema_extra=expected("the base URL of the Slack Web API, such as https://slack.com/api/"),
    )
    connections: int = Field(
        2,
        ge=1,
        le=10,
        validation_alias="FLYTE_SLACK_CONNECTIONS",
        json_schema_extra=expected("a whole number from 1 to 10, Slack's own limit"),
    )
    catch_up: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        3600,
        validation_alias="FLYTE_SLACK_CATCH_UP",
        json_schema_extra=expected("a number of seconds, 0 for off"),
    )
    channels: Names = Field(
        (),
        validation_alias="FLYTE_SLACK_CHANNELS",
        json_schema_extra=expected("channel ids or #names, separated by commas"),
    )
    events: Names = Field(
        (),
        validation_alias="FLYTE_SLACK_EVENTS",
        json_schema_extra=expected("names of events, separated by commas, or all"),
    )
    commands: Names = Field(
        (),
        validation_alias="FLYTE_SLACK_COMMANDS",
        json_schema_extra=expected("names of commands, separated by commas, or all"),
    )
    api_methods: Names = Field(
        (),
        validation_alias="FLYTE_SLACK_API_METHODS",
        json_schema_extra=expected("Web API methods, separated by commas, such as conversations.*"),
    )
    forward_bots: Names = Field(
        (),
        validation_alias="FLYTE_SLACK_FORWARD_BOTS",
        json_schema_extra=expected("ids of bots (B…), of their users (U…) or apps (A…), or all"),
    )
    mentions: Annotated[Literal["all", "people", "none"], BeforeValidator(lower)] = Field(
        "people", validation_alias="FLYTE_SLACK_MENTIONS", json_schema_extra=expected("all, people or none")
    )
    classic: bool = Field(
        False, validation_alias="FLYTE_SLACK_CLASSIC", json_schema_extra=expected("true or false")
    )
    renew_conversation_list: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        24,
        validation_alias="RENEW_CONVERSATION_LIST",
        json_schema_extra=expected("a number of hours above 0"),
    )

    @property
    def receives_by(self) -> Mode:
        """How events are received: as set, or by which token there is."""
        return self.mode or (Mode.SOCKET if self.slack_app_token else Mode.HTTP)

    @classmethod
    def conflicts(cls, environment: Mapping[str, str]) -> list[str]:
        """Return problems between two variables, found whatever else is wrong with each."""
        return [*super().conflicts(environment), *_conflicts(environment)]

    def secrets(self) -> list[str]:
        """Return every secret value, for the log's redaction."""
        held = [self.slack_bot_token, self.slack_app_token, self.slack_signing_secret]
        return [*(secret.get_secret_value() for secret in held if secret), *super().secrets()]


def variables() -> dict[str, str]:
    """Return every variable and what it accepts; the table of the docs and the error texts agree on it."""
    return base.variables(Settings)


def _conflicts(environment: Mapping[str, str]) -> list[str]:
    mode = environment.get("FLYTE_SLACK_MODE", "").strip().lower()
    app_token = environment.get("SLACK_APP_TOKEN", "").strip()
    secret = environment.get("SLACK_SIGNING_SECRET", "").strip()
    problems = [
        f"{variable}: cannot be set in classic mode, which offers what the Go pack does: unset it, or "
        "FLYTE_SLACK_CLASSIC"
        for variable in ("FLYTE_SLACK_EVENTS", "FLYTE_SLACK_COMMANDS")
        if environment.get(variable, "").strip() and _is_true(environment.get("FLYTE_SLACK_CLASSIC", ""))
    ]
    if mode == Mode.SOCKET and not app_token:
        problems.append("SLACK_APP_TOKEN: is required if FLYTE_SLACK_MODE is socket: set an xapp-… token")
    elif mode == Mode.HTTP and not secret:
        problems.append("SLACK_SIGNING_SECRET: is required if FLYTE_SLACK_MODE is http: set the app's secret")
    elif mode not in set(Mode) and not app_token and not secret:
        problems.append(
            "SLACK_APP_TOKEN: is required to receive events over Socket Mode: set an xapp-… token "
            "(or SLACK_SIGNING_SECRET to receive them over HTTP)"
        )
    return problems


def _is_true(value: str) -> bool:
    return value.strip().lower() in {"1", "true", "t", "yes", "y", "on"}
