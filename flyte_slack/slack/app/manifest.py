"""The manifest of the Slack app: exactly the scopes and events that the pack uses."""

from typing import Any

import yaml

from .scopes import EVENTS, SCOPES


def manifest(url: str | None = None) -> str:
    """Return the manifest as YAML.

    Args:
        url: where Slack posts events to; without it they are received over Socket Mode.
    """
    subscriptions: dict[str, Any] = {"request_url": url} if url else {}
    document = {
        "display_information": {
            "name": "Flyte",
            "description": "Lets Flyte's flows listen and answer in Slack",
        },
        "features": {
            "app_home": {"messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
            "bot_user": {"display_name": "flyte", "always_online": True},
        },
        "oauth_config": {"scopes": {"bot": [scope.name for scope in SCOPES]}},
        "settings": {
            "event_subscriptions": {**subscriptions, "bot_events": list(EVENTS)},
            "socket_mode_enabled": url is None,
        },
    }
    return yaml.safe_dump(document, sort_keys=False, width=4000)
