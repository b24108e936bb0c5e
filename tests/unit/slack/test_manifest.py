"""The manifest of the Slack app: what Slack accepts, with the scopes and events that the code uses.

What is accepted follows Slack's own schema (slackapi/manifest-schema, version 1): the keys of each
object, which of them are required, the length of each text and the number of each list's items.
"""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import flyte_slack.slack
from flyte_slack.slack.app.manifest import manifest
from flyte_slack.slack.app.scopes import EVENTS, SCOPES
from flyte_slack.slack.workspace.directory import Directory

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
    },
    "oauth_config": {"scopes": {"bot": NAMES}},
    "settings": {
        "event_subscriptions": {"request_url": 3500, "bot_events": NAMES},
        "socket_mode_enabled": bool,
    },
}
"""What of Slack's schema the pack has use for: `!` marks what is required, a number the longest text."""


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


def test_scopes_and_events() -> None:
    """The manifest asks for every scope and event of the pack, once, and for nothing else."""
    document = yaml.safe_load(manifest())
    assert document["oauth_config"]["scopes"] == {"bot": [scope.name for scope in SCOPES]}
    assert document["settings"]["event_subscriptions"] == {"bot_events": list(EVENTS)}
    assert len({scope.name for scope in SCOPES}) == len(SCOPES)


METHODS = {
    "auth_test": set(),
    "chat_postMessage": {"chat:write", "chat:write.customize", "chat:write.public"},
    "conversations.history": {"channels:history", "groups:history", "im:history", "mpim:history"},
    "conversations.replies": {"channels:history", "groups:history", "im:history", "mpim:history"},
    "conversations.list": {"channels:read", "groups:read", "im:read", "mpim:read"},
    "users.conversations": {"channels:read", "groups:read", "im:read", "mpim:read"},
    "conversations_info": {"channels:read", "groups:read", "im:read", "mpim:read"},
    "users_info": {"users:read", "users:read.email"},
    "files_info": set(),  # files:read, if a command brings it: without it a file has its id alone
}
"""What each method that the pack calls with its bot token may need (docs.slack.dev on each)."""


def test_scopes_are_those_of_the_methods_that_are_called() -> None:
    """Every method that the code calls is known here, and their scopes are the manifest's, no more."""
    called = set()
    for path in Path(flyte_slack.slack.__path__[0]).rglob("*.py"):
        source = path.read_text()
        called |= set(re.findall(r"web\.((?!api_call)[a-z]+_\w+)\(", source))
        called |= {
            node.value
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Constant)
            and re.fullmatch(r"(conversations|users)\.[a-z]+", str(node.value))
        }
    assert called == METHODS.keys()
    assert set().union(*METHODS.values()) == {scope.name for scope in SCOPES}


async def test_events_are_those_that_are_understood() -> None:
    """Every event that the app subscribes to does something, and needs a scope that the app asks for."""
    needs = {
        "channel_rename": "channels:read",
        "group_rename": "groups:read",
        "user_change": "users:read",
        **{f"message.{kind}": f"{kind}:history" for kind in ("channels", "groups", "im", "mpim")},
    }
    assert set(EVENTS) == needs.keys()
    assert set(needs.values()) <= {scope.name for scope in SCOPES}
    renamed: list[str] = []
    directory = Directory(None, lambda: renamed.append("channel"))  # type: ignore[arg-type]
    for event in ("channel_rename", "group_rename"):
        directory.learn({"type": event, "channel": {"id": "C1", "name": "new"}})
    assert len(renamed) == 2
    directory.learn({"type": "user_change", "user": {"id": "U1", "name": "bobby"}})
    assert (await directory.user("U1")).name == "bobby"
