"""The manifest of the Slack app: exactly the scopes and events that the chosen commands and events need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..events.base import EventKind
from .scopes import SLASH_AND_SHORTCUTS, Needs, needed


@dataclass(frozen=True, slots=True)
class Declared:
    """What the app offers people beside messages; Slack shows it before anything is used.

    Attributes:
        slash_commands: descriptions by command, such as `/deploy`.
        shortcuts: names of global shortcuts by callback id.
        message_shortcuts: names of shortcuts on messages by callback id.
    """

    slash_commands: Mapping[str, str] = field(default_factory=dict)
    shortcuts: Mapping[str, str] = field(default_factory=dict)
    message_shortcuts: Mapping[str, str] = field(default_factory=dict)

    def features(self, url: str | None) -> dict[str, Any]:
        """Return them as features of a manifest."""
        where = {"url": url} if url else {}
        commands = [
            {"command": command, **where, "description": description, "should_escape": False}
            for command, description in self.slash_commands.items()
        ]
        shortcuts = [
            {"name": name, "type": kind, "callback_id": id_, "description": name}
            for kind, of in (("global", self.shortcuts), ("message", self.message_shortcuts))
            for id_, name in of.items()
        ]
        return ({"slash_commands": commands} if commands else {}) | (
            {"shortcuts": shortcuts} if shortcuts else {}
        )


def manifest(
    events: Sequence[EventKind],
    commands: Sequence[Needs],
    url: str | None = None,
    declared: Declared | None = None,
) -> str:
    """Return the manifest as YAML.

    Args:
        events: the chosen kinds.
        commands: the chosen commands.
        url: where Slack posts events to; without it they are received over Socket Mode.
        declared: slash commands and shortcuts.
    """
    features = (declared or Declared()).features(url)
    request_url = {"request_url": url} if url else {}
    scopes = {each.name for each in needed([*events, *commands])} - {SLASH_AND_SHORTCUTS}
    subscriptions = sorted({name for kind in events for name in kind.subscriptions})
    document = {
        "display_information": {
            "name": "Flyte",
            "description": "Lets Flyte's flows listen and answer in Slack",
        },
        "features": {
            "app_home": {
                **({"home_tab_enabled": True} if "app_home_opened" in subscriptions else {}),
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "flyte", "always_online": True},
            **features,
        },
        "oauth_config": {"scopes": {"bot": sorted(scopes | ({SLASH_AND_SHORTCUTS} if features else set()))}},
        "settings": {
            "event_subscriptions": {**request_url, "bot_events": subscriptions},
            "interactivity": {"is_enabled": True, **request_url},
            "socket_mode_enabled": url is None,
        },
    }
    return yaml.safe_dump(document, sort_keys=False, width=4000)
