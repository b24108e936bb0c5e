"""The modals that an app has opened, person by person, and their state."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from ..workspace import Change, NotInWorkspaceError, Workspace
from .elements import State, initial_state
from .errors import MethodError

STACK_LIMIT = 3
OPEN_LIMIT = 100
"""How many modals a person can have open; Slack shows one at a time, and tests may leave some behind."""


@dataclass(slots=True)
class View:
    """A modal that is open for a person; ``previous_id`` is what it lies on."""

    id: str
    user_id: str
    content: dict[str, Any]
    root_id: str
    previous_id: str = ""
    hash: str = ""
    values: State = field(default_factory=dict)

    @property
    def callback_id(self) -> str:
        """The app's own name for this kind of modal."""
        return str(self.content.get("callback_id") or "")


class Views:
    """The views of one workspace; the newest of a person's is the one on top."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._views: dict[str, View] = {}
        self.homes: dict[str, dict[str, Any]] = {}

    def of(self, user_id: str) -> list[View]:
        """Return a person's open modals, the one on top last."""
        return [view for view in self._views.values() if view.user_id == user_id]

    def find(self, view_id: str, user_id: str) -> View:
        """Return a modal that this person has open. Raises :class:`NotInWorkspaceError`."""
        view = self._views.get(view_id)
        if view is None or view.user_id != user_id:
            name = self._workspace.users[user_id].name
            raise NotInWorkspaceError(f"{name} has no modal {view_id!r} open.")
        return view

    def by_reference(self, view_id: str, external_id: str) -> View:
        """Return the view of that id or external id as ``views.update`` means it."""
        for view in self._views.values():
            if view.id == view_id or (external_id and view.content.get("external_id") == external_id):
                return view
        raise MethodError("not_found")

    def open(self, content: dict[str, Any], user_id: str, below: View | None = None) -> View:
        """Show a modal to a person, ``below`` it the one it was pushed onto."""
        self._check_external_id(content)
        view_id = self._workspace.new_id("V")
        if (
            below is not None
            and len([v for v in self.of(user_id) if v.root_id == below.root_id]) >= STACK_LIMIT
        ):
            raise MethodError("push_limit_reached")
        root_id = below.root_id if below else view_id
        view = View(view_id, user_id, content, root_id, below.id if below else "")
        self._renew(view)
        self._views[view_id] = view
        for oldest in self.of(user_id)[:-OPEN_LIMIT]:
            del self._views[oldest.id]
        self._tell(user_id)
        return view

    def update(self, view: View, content: dict[str, Any], expected_hash: str = "") -> None:
        """Replace what a view shows; what was filled in stays where block and element are the same."""
        if expected_hash and expected_hash != view.hash:
            raise MethodError("hash_conflict")
        self._check_external_id(content, view)
        view.content = content
        self._renew(view)
        self._tell(view.user_id)

    def close(self, view: View, *, everything: bool = False) -> list[View]:
        """Take a modal away, with all it lies on if asked for or if it says so; return what is gone."""
        stack = everything or bool(view.content.get("clear_on_close"))
        gone = [v for v in self.of(view.user_id) if v is view or (stack and v.root_id == view.root_id)]
        for closed in gone:
            del self._views[closed.id]
        self._tell(view.user_id)
        return gone

    def publish(self, user_id: str, content: dict[str, Any]) -> dict[str, Any]:
        """Set a person's App Home."""
        view = View(self._workspace.new_id("V"), user_id, content, "")
        self._renew(view)
        self.homes[user_id] = self.as_slack(view)
        return self.homes[user_id]

    def as_slack(self, view: View) -> dict[str, Any]:
        """Return the ``view`` object of answers and payloads."""
        content = view.content
        kept = {key: content.get(key) for key in ("title", "submit", "close")}
        return {
            "id": view.id,
            "team_id": self._workspace.team_id,
            "type": content["type"],
            "blocks": content["blocks"],
            "private_metadata": content.get("private_metadata") or "",
            "callback_id": view.callback_id,
            "state": {"values": view.values},
            "hash": view.hash,
            **kept,
            "clear_on_close": bool(content.get("clear_on_close")),
            "notify_on_close": bool(content.get("notify_on_close")),
            "previous_view_id": view.previous_id or None,
            "root_view_id": view.root_id or view.id,
            "app_id": self._workspace.app_id,
            "external_id": content.get("external_id") or "",
            "app_installed_team_id": self._workspace.team_id,
            "bot_id": self._workspace.bot.bot_id,
        }

    def _check_external_id(self, content: dict[str, Any], but: View | None = None) -> None:
        wanted = content.get("external_id")
        others = [view for view in self._views.values() if view is not but]
        if wanted and any(view.content.get("external_id") == wanted for view in others):
            raise MethodError("duplicate_external_id")

    def _renew(self, view: View) -> None:
        view.hash = f"{int(self._workspace.now())}.{secrets.token_hex(4)}"
        before, view.values = view.values, initial_state(view.content["blocks"])
        for block_id, actions in view.values.items():
            for action_id, fresh in actions.items():
                kept = before.get(block_id, {}).get(action_id)
                if kept is not None and kept["type"] == fresh["type"]:
                    actions[action_id] = kept

    def _tell(self, user_id: str) -> None:
        self._workspace.changed(Change("modals", user_id=user_id))
