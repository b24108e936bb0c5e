"""`AppHomeOpened`: a person looks at the app's page in Slack."""

from pydantic import Field

from ..api.timestamps import seconds
from ..workspace.profiles import mapping, text
from ..workspace.workspace import Workspace
from .base import Body, Bot, EventKind, Received
from .common import InChannel, channel_keys, event_key, inner, person, team_of
from .scopes import PEOPLE


class AppHomeOpenedPayload(InChannel):
    """Who opened the app's page; the channel is their direct message with the app."""

    tab: str = Field(description="`home` or `messages`")
    event_timestamp: str = Field(description="when it happened, as Slack has it")


class AppHomeOpened(EventKind):
    """A person opened the app's page in Slack."""

    name = "AppHomeOpened"
    payload = AppHomeOpenedPayload
    subscriptions = ("app_home_opened",)
    scopes = PEOPLE
    criteria = "{{ Event.Payload.tab == 'home' }}"

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return whose page it is."""
        event = inner(body, "app_home_opened")
        lane = text(event.get("channel")) or text(event.get("user"))
        return Received(event_key(self.name, body), lane, seconds(event.get("event_ts"))) if lane else None

    async def event(self, body: Body, workspace: Workspace) -> AppHomeOpenedPayload:
        """Return who opened which tab."""
        event, directory = mapping(body.get("event")), workspace.directory
        return AppHomeOpenedPayload(
            **await channel_keys(directory, text(event.get("channel")), kind="im"),
            tab=text(event.get("tab")),
            event_timestamp=text(event.get("event_ts")),
            team_id=team_of(body, workspace),
            user=await person(directory, text(event.get("user"))),
        )
