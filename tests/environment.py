"""Settings from an environment that a test makes."""

import os
from typing import Any
from unittest.mock import patch

import pytest

from flyte_slack.errors import SettingsError
from flyte_slack.settings.slack import Settings

LEAST = {"FLYTE_API": "https://flyte.example.com", "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
CONTRACT = [
    "FLYTE_API",
    "FLYTE_JWT",
    "FLYTE_JWT_FILE",
    "FLYTE_LABELS",
    "FLYTE_API_TIMEOUT",
    "FLYTE_API_INSECURE",
    "PACK_NAME",
    "SLACK_BOT_TOKEN",
    "FLYTE_SLACK_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_SIGNING_SECRET",
    "FLYTE_SLACK_MODE",
    "SLACK_API_URL",
    "FLYTE_SLACK_STORE",
    "FLYTE_SLACK_POLL_INTERVAL",
    "FLYTE_SLACK_PORT",
    "FLYTE_SLACK_HOST",
    "FLYTE_SLACK_CONNECTIONS",
    "FLYTE_SLACK_CATCH_UP",
    "FLYTE_SLACK_CHANNELS",
    "FLYTE_SLACK_SHUTDOWN_GRACE",
    "FLYTE_SLACK_EVENTS",
    "FLYTE_SLACK_COMMANDS",
    "FLYTE_SLACK_API_METHODS",
    "FLYTE_SLACK_FORWARD_BOTS",
    "FLYTE_SLACK_MENTIONS",
    "FLYTE_SLACK_CLASSIC",
    "RENEW_CONVERSATION_LIST",
    "FLYTE_SLACK_ADOPT",
    "LOGLEVEL",
    "LOG_FORMAT",
]
"""Every variable of the contract's section 1."""


def load(**changes: str | None) -> Settings:
    """Load settings from the least environment with changes; None takes a variable away."""
    environment = {name: value for name, value in (LEAST | changes).items() if value is not None}
    with patch.dict(os.environ, environment, clear=True):
        return Settings.load()


def problems(**changes: str | None) -> list[str]:
    """Return the problems of settings that cannot be used."""
    with pytest.raises(SettingsError) as caught:
        load(**changes)
    return list(caught.value.problems)


def secret(value: Any) -> str | None:
    """Return what a secret holds."""
    return None if value is None else str(value.get_secret_value())
