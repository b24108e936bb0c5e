"""``views.*``: modals and the App Home."""

from __future__ import annotations

from typing import Any

from ...workspace import NotInWorkspaceError, Workspace
from ..arguments import Arguments
from ..blocks import checked_view
from ..capabilities import Capabilities
from ..errors import MethodError
from ..views import Views
from .base import Answer, Methods, Table

VIEW_LIMIT = 250_000


class ViewMethods(Methods):
    """The methods that show modals."""

    def __init__(self, workspace: Workspace, views: Views, capabilities: Capabilities) -> None:
        super().__init__(workspace)
        self._views = views
        self._capabilities = capabilities
        self.table: Table = {
            "views.open": self.open,
            "views.publish": self.publish,
            "views.push": self.push,
            "views.update": self.update,
        }

    def open(self, arguments: Arguments) -> Answer:
        """Open a modal for the person whose trigger this is."""
        content = self._content(arguments, "modal")
        trigger = self._capabilities.exchange(arguments.required("trigger_id"))
        return {"view": self._views.as_slack(self._views.open(content, trigger.user_id))}

    def push(self, arguments: Arguments) -> Answer:
        """Lay a modal onto the one in which the trigger was made."""
        content = self._content(arguments, "modal")
        trigger = self._capabilities.exchange(arguments.required("trigger_id"))
        try:
            below = self._views.find(trigger.view_id, trigger.user_id)
        except NotInWorkspaceError:
            raise MethodError("view_not_found") from None
        return {"view": self._views.as_slack(self._views.open(content, trigger.user_id, below))}

    def update(self, arguments: Arguments) -> Answer:
        """Replace what an open modal shows."""
        view_id, external_id = arguments.text("view_id"), arguments.text("external_id")
        if not (view_id or external_id):
            raise MethodError("invalid_arguments", "[ERROR] missing required field: view_id")
        content = self._content(arguments, "modal")
        view = self._views.by_reference(view_id, external_id)
        self._views.update(view, content, arguments.text("hash"))
        return {"view": self._views.as_slack(view)}

    def publish(self, arguments: Arguments) -> Answer:
        """Set a person's App Home."""
        user_id = arguments.required("user_id")
        if user_id not in self.workspace.users:
            raise MethodError("user_not_found")
        return {"view": self._views.publish(user_id, self._content(arguments, "home"))}

    @staticmethod
    def _content(arguments: Arguments, kind: str) -> dict[str, Any]:
        view = arguments.structure("view", "invalid_arguments")
        if view is None:
            raise MethodError("invalid_arguments", "[ERROR] missing required field: view")
        if len(str(view)) > VIEW_LIMIT:
            raise MethodError("view_too_large")
        checked = checked_view(view)
        if checked["type"] != kind:
            raise MethodError("invalid_arguments", f"[ERROR] must be a {kind} [json-pointer:/view/type]")
        return checked
