"""`UserJoined`: who is new in the workspace."""

from pydantic import Field

from ..api.scopes import Scope
from ..api.timestamps import seconds
from ..workspace.profiles import User, mapping, text
from ..workspace.workspace import Workspace
from .base import Body, Bot, EventKind, Received
from .common import ByUser, UserObject, event_key, inner, person, team_of
from .scopes import PEOPLE


class UserJoinedPayload(ByUser):
    """A new member of the workspace."""

    event_timestamp: str = Field(description="when it happened, as Slack has it")


class UserJoined(EventKind):
    """Somebody joined the workspace."""

    name = "UserJoined"
    payload = UserJoinedPayload
    subscriptions = ("team_join",)
    scopes = (Scope("users:read", "tells who joins the workspace"), PEOPLE[1])
    criteria = "{{ Event.Payload.user.isBot == 'false' }}"

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return who it is."""
        event = inner(body, "team_join")
        user = text(mapping(event.get("user")).get("id")) or text(event.get("user"))
        return Received(event_key(self.name, body), user, seconds(event.get("event_ts"))) if user else None

    async def event(self, body: Body, workspace: Workspace) -> UserJoinedPayload:
        """Return the user as the event itself describes it."""
        event = mapping(body.get("event"))
        told = mapping(event.get("user"))
        if told:
            user = UserObject.of(User.from_slack(text(told.get("id")), told))
        else:
            user = await person(workspace.directory, text(event.get("user")))
        return UserJoinedPayload(
            team_id=team_of(body, workspace), user=user, event_timestamp=text(event.get("event_ts"))
        )
