"""``users.*``, ``usergroups.*``, ``bots.*``, ``team.*``, ``emoji.*``: who and what there is."""

from __future__ import annotations

from typing import Any

from ...workspace import Workspace
from ..arguments import Arguments
from ..errors import MethodError
from .base import Answer, Methods, Table


class Users(Methods):
    """The methods that describe people, bots and the workspace."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.table: Table = {
            "bots.info": self.bots_info,
            "emoji.list": lambda _arguments: {"emoji": {}, "cache_ts": "0"},
            "team.info": self.team_info,
            "usergroups.list": self.usergroups_list,
            "usergroups.users.list": self.usergroups_users_list,
            "users.info": self.info,
            "users.list": self.list_all,
            "users.lookupByEmail": self.lookup_by_email,
        }

    def info(self, arguments: Arguments) -> Answer:
        """Describe one user."""
        user = self.workspace.users.get(arguments.required("user"))
        if user is None:
            raise MethodError("user_not_found")
        return {"user": user.as_slack(self.workspace.team_id)}

    def list_all(self, arguments: Arguments) -> Answer:
        """List the users of the workspace."""
        users = [user.as_slack(self.workspace.team_id) for user in self.workspace.users.values()]
        return {**arguments.page("members", users), "cache_ts": int(self.workspace.now())}

    def lookup_by_email(self, arguments: Arguments) -> Answer:
        """Describe the user of that address."""
        email = arguments.required("email").lower()
        for user in self.workspace.users.values():
            if user.email and user.email.lower() == email:
                return {"user": user.as_slack(self.workspace.team_id)}
        raise MethodError("users_not_found")

    def usergroups_list(self, arguments: Arguments) -> Answer:
        """List the user groups."""
        groups = []
        for group_id, (handle, members) in self.workspace.usergroups.items():
            group: dict[str, Any] = {"id": group_id, "team_id": self.workspace.team_id, "handle": handle}
            group |= {"name": handle.title(), "is_usergroup": True, "date_delete": 0}
            group["user_count"] = len(members)
            if arguments.flag("include_users"):
                group["users"] = members
            groups.append(group)
        return {"usergroups": groups}

    def usergroups_users_list(self, arguments: Arguments) -> Answer:
        """List the members of a user group."""
        found = self.workspace.usergroups.get(arguments.required("usergroup"))
        if found is None:
            raise MethodError("no_such_subteam")
        return {"users": found[1]}

    def bots_info(self, arguments: Arguments) -> Answer:
        """Describe the bot behind a bot id."""
        bot = self.workspace.bot
        if arguments.text("bot") not in ("", bot.bot_id):
            raise MethodError("bot_not_found")
        return {"bot": {**self.bot_profile(), "user_id": bot.id}}

    def team_info(self, _arguments: Arguments) -> Answer:
        """Describe the workspace."""
        workspace = self.workspace
        team = {"id": workspace.team_id, "name": workspace.team_name, "domain": workspace.domain}
        return {
            "team": {**team, "url": f"https://{workspace.domain}.slack.com/", "email_domain": "", "icon": {}}
        }
