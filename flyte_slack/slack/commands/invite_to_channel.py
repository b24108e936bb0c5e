"""`inviteToChannel` (contract, section 10)."""

from typing import Annotated, ClassVar

from pydantic import Field

from ...errors import CallRefused
from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown, Answer
from ..api.failures import Kind
from ..api.scopes import Scope
from ..events.base import Payload
from ..workspace.profiles import objects, text
from .base import SlackCommand
from .inputs import ChannelReference, Input, Words

_IN_ALREADY = "already_in_channel"


class InviteToChannelInput(Input):
    """Input of `inviteToChannel`."""

    channel_id: ChannelReference = Field(description="channel id or `#name`")
    user_ids: Annotated[Words, Field(min_length=1, max_length=100)] = Field(
        description="ids of the users: a list, or with commas between them; 100 at most"
    )


class MembersInvited(Payload):
    """All of them are in the channel now."""

    channel_id: str = Field(description="channel id")
    user_ids: list[str] = Field(description="ids of the users")


class InviteToChannel(SlackCommand[InviteToChannelInput]):
    """Invites users to a channel that the bot is in.

    Who is in already is a success too, and keeps no other out.
    """

    name = "inviteToChannel"
    input = InviteToChannelInput
    succeeds: ClassVar = {"MembersInvited": MembersInvited}
    fails = "MembersInviteFailure"
    echoes = ("channelId", "userIds")
    scopes = (
        Scope("channels:manage", "invites to public channels", alternatives=("channels:write.invites",)),
        Scope(
            "groups:write",
            "invites to private channels",
            alternatives=("groups:write.invites",),
            required=False,
        ),
    )
    example = 'channelId: "#incident-7"\nuserIds: "{{ Event.Payload.user.id }}"'

    async def execute(self, given: InviteToChannelInput, action: ActionContext) -> Event:
        """Invite them."""
        channel = await self.channel(given.channel_id)
        users = list(dict.fromkeys(given.user_ids))
        answer = await self._invite(channel, users, action)
        if answer.get("error") and len(users) > 1:  # a Slack that knows no `force` has invited nobody
            for user in users:
                await self._invite(channel, [user], action)
        return self.succeeded(MembersInvited(channel_id=channel, user_ids=given.user_ids))

    async def _invite(self, channel: str, users: list[str], action: ActionContext) -> Answer:
        answer = await self.tools.calls.call(
            "conversations.invite",
            {"channel": channel, "users": ",".join(users), "force": True if len(users) > 1 else None},
            action,
            after_unknown=AfterUnknown.REPEAT,
            done={_IN_ALREADY},
        )
        refused = [
            (text(one.get("user")), text(one.get("error")))
            for one in objects(answer.get("errors"))
            if text(one.get("error")) not in {"", _IN_ALREADY}
        ]
        if refused:
            raise CallRefused(
                refused[0][1],
                Kind.CONFIGURATION,
                sentence="not all users could be invited: "
                + ", ".join(f"{user} ({error})" for user, error in refused),
            )
        return answer
