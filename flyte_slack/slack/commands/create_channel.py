"""`createChannel` (contract, section 10)."""

from functools import partial
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from ...errors import OutcomeUnknown
from ...pack import ActionContext, Event
from ..api.calls import Answer
from ..api.scopes import Scope
from ..api.timestamps import seconds
from ..events.channels import ChannelPayload
from ..sending.reconciliation import SETTLED_AFTER
from ..workspace.history import CannotLook
from ..workspace.profiles import mapping, text
from .base import SlackCommand
from .inputs import Boolean, Input, Word
from .results import was_done_to

_LISTING_TAKES = 300.0
_TOLERANCE = 2.0  # seconds by which a channel may seem older than the attempt it is of


def _bare(value: object) -> object:
    return value.strip().removeprefix("#") if isinstance(value, str) else value


class CreateChannelInput(Input):
    """Input of `createChannel`."""

    name: Annotated[Word, BeforeValidator(_bare)] = Field(
        description="name: small letters, digits, hyphens and underscores, 80 at most"
    )
    private: Boolean = Field(False, description="whether it is a private channel")


class CreateChannel(SlackCommand[CreateChannelInput]):
    """Creates a channel, with the bot as its first member."""

    name = "createChannel"
    input = CreateChannelInput
    succeeds: ClassVar = {"ChannelCreated": ChannelPayload}
    fails = "ChannelCreateFailure"
    echoes = ("name",)
    scopes = (
        Scope("channels:manage", "creates public channels"),
        Scope("groups:write", "creates private channels", required=False),
        Scope(
            "channels:read", "finds a channel that was created although Slack did not say so", required=False
        ),
    )
    writes_to_channel = False
    after_crash = "It is found by its name, its creator and its time, and created again if it is not there."
    example = "name: incident-{{ Event.Payload.number }}\nprivate: false"

    async def execute(self, given: CreateChannelInput, action: ActionContext) -> Event:
        """Create it."""
        answer = await self.tools.calls.call(
            "conversations.create",
            {"name": given.name, "is_private": given.private},
            action,
            after_unknown=partial(self._find, given.name),
            promises={"channel"},
        )
        channel = mapping(answer["channel"])
        return self.succeeded(await was_done_to(self.tools.workspace, text(channel.get("id")), channel))

    async def _find(self, name: str, begun_at: float) -> Answer | None:
        """Return the channel if this action created it, or None if it surely did not."""
        identity, machine = self.tools.workspace.identity, self.tools.calls.clock.machine
        await identity.known()
        own = identity.user_id
        if not own:
            raise OutcomeUnknown(
                f"whether {name} was created is not known, since Slack has not told who the bot is"
            )
        begun = machine.monotonic()
        while True:
            asked_at = machine.monotonic()
            try:
                async for channel in self.tools.history.all_channels(asked_at + _LISTING_TAKES):
                    is_it = text(channel.get("name")) == name.lower() and channel.get("creator") == own
                    if is_it and seconds(channel.get("created")) >= int(begun_at) - _TOLERANCE:
                        return {"ok": True, "channel": channel}
            except CannotLook as error:
                raise OutcomeUnknown(
                    f"whether {name} was created is not known, and channels cannot be listed "
                    f"({error.failure.code}): look for it before it is created again"
                ) from error
            if asked_at - begun >= SETTLED_AFTER:
                return None
            await machine.sleep(SETTLED_AFTER / 3)
