"""The manifest of the Slack app: what Slack accepts, with the scopes and events that the code uses.

What is accepted follows Slack's own schema (slackapi/manifest-schema, version 1): the keys of each
object, which of them are required, the length of each text and the number of each list's items.
"""

from typing import Any

import pytest
import yaml

from flyte_slack.slack.app.manifest import Declared
from flyte_slack.slack.app.manifest import manifest as manifest_of
from flyte_slack.slack.offer import ALL, chosen_commands, chosen_events

URL = "https://pack.example.com/slack/events"

NAMES = ("list of", 50)
SHAPE: dict[str, Any] = {
    "display_information!": {"name!": 35, "description": 140},
    "features": {
        "app_home": {
            "home_tab_enabled": bool,
            "messages_tab_enabled": bool,
            "messages_tab_read_only_enabled": bool,
        },
        "bot_user": {"display_name!": 80, "always_online": bool},
        "slash_commands": [{"command!": 32, "url": 3000, "description!": 2000, "should_escape": bool}],
        "shortcuts": [{"name!": 24, "type!": 10, "callback_id!": 255, "description!": 150}],
    },
    "oauth_config": {"scopes": {"bot": NAMES}},
    "settings": {
        "event_subscriptions": {"request_url": 3500, "bot_events": NAMES},
        "interactivity": {"is_enabled!": bool, "request_url": 3500},
        "socket_mode_enabled": bool,
    },
}
"""What of Slack's schema the pack has use for: `!` marks what is required, a number the longest text."""


def manifest(url: str | None = None, *, events: str = "", commands: str = "", **declared: Any) -> str:
    """Return the manifest of what is chosen by these names."""
    kinds = chosen_events(events.split(",") if events else ())
    chosen = chosen_commands(commands.split(",") if commands else (), api_methods=["*"])
    return manifest_of(kinds, chosen, url, Declared(**declared))


def problems(value: Any, shape: Any, where: str = "") -> list[str]:
    """Return what Slack would not accept."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        inner = {name.rstrip("!"): of for name, of in shape.items()}
        required = {name.rstrip("!") for name in shape if name.endswith("!")}
        found = [f"{where}.{name} is missing" for name in required - value.keys()]
        found += [f"{where}.{name} is not known" for name in value.keys() - inner.keys()]
        for name in value.keys() & inner.keys():
            found += problems(value[name], inner[name], f"{where}.{name}")
        return found
    if isinstance(shape, list):
        return [problem for item in value for problem in problems(item, shape[0], where)]
    if shape is bool:
        return [] if isinstance(value, bool) else [f"{where} is no boolean"]
    if isinstance(shape, tuple):
        if not isinstance(value, list) or len(value) > 100 or len(set(value)) != len(value):
            return [f"{where} is no list of at most 100 different texts"]
        return [problem for item in value for problem in problems(item, shape[1], where)]
    return (
        [] if isinstance(value, str) and 0 < len(value) <= shape else [f"{where} is no text of this length"]
    )


@pytest.mark.parametrize("url", [None, URL])
def test_slack_accepts_it(url: str | None) -> None:
    """Slack's own schema holds for the manifest, for Socket Mode and for HTTP."""
    assert problems(yaml.safe_load(manifest(url)), SHAPE) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"display_information": {}},
        {"display_information": {"name": "x" * 36}},
        {"display_information": {"name": "x"}, "other": 1},
        {"display_information": {"name": "x"}, "settings": {"socket_mode_enabled": "yes"}},
        {"display_information": {"name": "x"}, "oauth_config": {"scopes": {"bot": ["a", "a"]}}},
    ],
)
def test_slack_would_refuse(wrong: dict[str, Any]) -> None:
    """The test above would notice a manifest that Slack refuses."""
    assert problems(wrong, SHAPE)


def test_socket_mode() -> None:
    """Without a URL, events come over Socket Mode."""
    settings = yaml.safe_load(manifest())["settings"]
    assert settings["socket_mode_enabled"] is True
    assert "request_url" not in settings["event_subscriptions"]


def test_http() -> None:
    """With a URL, events are posted there, and Socket Mode is off."""
    settings = yaml.safe_load(manifest(URL))["settings"]
    assert settings["socket_mode_enabled"] is False
    assert settings["event_subscriptions"]["request_url"] == URL


def test_only_what_is_chosen() -> None:
    """The manifest asks for the scopes and events of what is chosen, and for nothing else."""
    document = yaml.safe_load(manifest(events="ReactionAdded", commands="pinMessage"))
    assert document["settings"]["event_subscriptions"] == {"bot_events": ["reaction_added"]}
    scopes = document["oauth_config"]["scopes"]["bot"]
    assert {"reactions:read", "pins:write"} <= set(scopes)
    assert not {"reactions:write", "chat:write", "channels:history", "commands"} & set(scopes)


def test_everything() -> None:
    """Whatever is chosen, Slack accepts it, and each scope is there once."""
    document = yaml.safe_load(manifest(events=f"{ALL},pin_added", commands=ALL))
    assert problems(document, SHAPE) == []
    assert {"pins:read", "users:read", "files:write", "channels:manage"} <= set(
        document["oauth_config"]["scopes"]["bot"]
    )


@pytest.mark.parametrize("url", [None, URL])
def test_slash_commands_and_shortcuts(url: str | None) -> None:
    """They are declared, with their scope."""
    document = yaml.safe_load(
        manifest(
            url,
            slash_commands={"/deploy": "Deploys a service"},
            shortcuts={"new": "New incident"},
            message_shortcuts={"ack": "Acknowledge"},
        )
    )
    assert problems(document, SHAPE) == []
    assert "commands" in document["oauth_config"]["scopes"]["bot"]
    assert document["features"]["slash_commands"][0]["command"] == "/deploy"
    assert [each["type"] for each in document["features"]["shortcuts"]] == ["global", "message"]
    assert document["settings"]["interactivity"]["is_enabled"] is True
    assert document["features"]["slash_commands"][0].get("url") == url
