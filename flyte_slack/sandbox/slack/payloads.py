"""The parts that Slack's interaction payloads have in common (docs.slack.dev, "Interaction payloads")."""

from __future__ import annotations

from typing import Any

from ..workspace import Channel, Workspace

Payload = dict[str, Any]

TOKEN = "sandbox-verification-token"  # noqa: S105 - made up, and deprecated at Slack


class Payloads:
    """Makes the beginnings of payloads for what a person does."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def interaction(self, kind: str, user_id: str) -> Payload:
        """Return what every interaction payload has."""
        workspace = self._workspace
        user = {"id": user_id, "username": workspace.users[user_id].name}
        return {
            "type": kind,
            "user": {**user, "name": user["username"], "team_id": workspace.team_id},
            "api_app_id": workspace.app_id,
            "token": TOKEN,
            "team": {"id": workspace.team_id, "domain": workspace.domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def channel(self, channel: Channel) -> Payload:
        """Return a channel as interaction payloads name it."""
        return {"id": channel.id, "name": placeholder(channel)}

    def slash_command(self, channel: Channel, user_id: str, command: str, text: str) -> Payload:
        """Return the fields of a slash command, without trigger and response URL."""
        workspace = self._workspace
        return {
            "token": TOKEN,
            "team_id": workspace.team_id,
            "team_domain": workspace.domain,
            "channel_id": channel.id,
            "channel_name": placeholder(channel),
            "user_id": user_id,
            "user_name": workspace.users[user_id].name,
            "command": command,
            "text": text,
            "api_app_id": workspace.app_id,
            "is_enterprise_install": "false",
        }


def placeholder(channel: Channel) -> str:
    """Return a channel's name as interactions and slash commands give it: private ones stay unnamed."""
    return {"im": "directmessage", "group": "privategroup"}.get(channel.kind, channel.name)
