"""`findUser` (contract, section 10)."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ...errors import CallRefused
from ...pack import ActionContext, Event
from ..api.failures import Kind
from ..api.scopes import Scope
from ..events.base import Payload
from ..events.common import UserObject
from ..workspace.profiles import Json, User, mapping, objects, text
from .base import SlackCommand
from .inputs import Input, Word


class FindUserInput(Input):
    """Input of `findUser`: the first that is given of user id, e-mail address and name counts."""

    user_id: Word | None = Field(None, description="user id")
    email: Word | None = Field(None, description="e-mail address")
    name: Word | None = Field(None, description="Slack's user name, with or without `@`")

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not (self.user_id or self.email or self.name):
            raise ValueError("userId, email or name is required")
        return self


class UserFound(Payload):
    """A user of the workspace."""

    user: UserObject = Field(description="who it is")
    timezone: str = Field(description="time zone, such as `Europe/London`")
    is_deactivated: Literal["true", "false"] = Field(description="whether the account is deactivated")
    is_guest: Literal["true", "false"] = Field(description="whether the user is a guest")


class FindUser(SlackCommand[FindUserInput]):
    """Finds a user by id, e-mail address or user name."""

    name = "findUser"
    input = FindUserInput
    succeeds: ClassVar = {"UserFound": UserFound}
    fails = "UserFindFailure"
    echoes = ("userId", "email", "name")
    scopes = (Scope("users:read", "finds users"), Scope("users:read.email", "finds users by e-mail address"))
    writes_to_channel = False
    after_crash = "It is repeated: it changes nothing."
    example = 'email: "{{ Event.Payload.author }}"'

    async def execute(self, given: FindUserInput, action: ActionContext) -> Event:
        """Find the user."""
        user = await self._found(given)
        guest = user.get("is_restricted") is True or user.get("is_ultra_restricted") is True
        payload = UserFound(
            user=UserObject.of(User.from_slack(text(user.get("id")), user)),
            timezone=text(user.get("tz")),
            is_deactivated="true" if user.get("deleted") is True else "false",
            is_guest="true" if guest else "false",
        )
        return self.succeeded(payload)

    async def _found(self, given: FindUserInput) -> Json:
        calls = self.tools.calls
        if given.user_id:
            return mapping((await calls.read("users.info", {"user": given.user_id})).get("user"))
        if given.email:
            return mapping((await calls.read("users.lookupByEmail", {"email": given.email})).get("user"))
        return await self._named(str(given.name).removeprefix("@"))

    async def _named(self, name: str) -> Json:
        cursor = ""
        while True:
            page = await self.tools.calls.read("users.list", {"limit": 200, "cursor": cursor or None})
            for user in objects(page.get("members")):
                if text(user.get("name")).lower() == name.lower():
                    return user
            cursor = text(mapping(page.get("response_metadata")).get("next_cursor"))
            if not cursor:
                raise CallRefused("user_not_found", Kind.CONFIGURATION)
