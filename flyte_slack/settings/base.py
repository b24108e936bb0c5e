"""How settings are read: every problem at once, each naming its variable and what would be right."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import AliasChoices, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ..errors import SettingsError

Judge = Callable[[Mapping[str, str]], list[str]]
"""Returns what is wrong with an environment, a sentence a problem, each beginning with its variable."""


def expected(text: str) -> dict[str, Any]:
    """Return what a field says of the values it accepts."""
    return {"expected": text}


class EnvironmentSettings(BaseSettings):
    """Settings from environment variables. Use `load()`: it reports every problem at once."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        case_sensitive=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        validate_by_alias=True,
    )

    @classmethod
    def load(cls, *judges: Judge) -> Self:
        """Read the settings from the environment.

        Args:
            judges: know more of what can be wrong than the fields themselves.

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
        found = [problem for judge in (cls.conflicts, *judges) for problem in judge(os.environ)]
        problems += [one for one in found if one.partition(":")[0] not in named]
        if problems or settings is None:
            raise SettingsError(problems)
        return settings

    @classmethod
    def conflicts(cls, environment: Mapping[str, str]) -> list[str]:
        """Return problems between two variables, found whatever else is wrong with each."""
        return []

    def secrets(self) -> list[str]:
        """Return every secret value, for the log's redaction."""
        return []


def variables(*models: type[EnvironmentSettings]) -> dict[str, str]:
    """Return every variable of some settings, and what it accepts."""
    return {
        name: _extra(field.json_schema_extra)
        for model in models
        for field in model.model_fields.values()
        for name in _aliases(field.validation_alias)
    }


def _aliases(alias: object) -> list[str]:
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [str(alias)]


def _extra(extra: object) -> str:
    return str(extra["expected"]) if isinstance(extra, dict) else ""


def _sentence(model: type[EnvironmentSettings], detail: dict[str, Any]) -> str:
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
