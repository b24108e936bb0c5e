"""The one list: every command and every event of the pack.

What is registered, `FLYTE_SLACK_COMMANDS` and `FLYTE_SLACK_EVENTS`, the manifest, the scopes, `check`,
`schema` and the reference documents are made from what these say of themselves.
"""

from collections.abc import Sequence
from typing import Any

from .commands.base import SlackCommand
from .events.app_home import AppHomeOpened
from .events.base import EventKind
from .events.channels import ChannelArchived, ChannelCreated, ChannelRenamed
from .events.controls import ButtonClicked, OptionSelected
from .events.members import MemberJoined, MemberLeft
from .events.message_deleted import MessageDeleted
from .events.message_sent import MessageSent
from .events.message_updated import MessageUpdated
from .events.modals import ModalClosed, ModalSubmitted
from .events.reactions import ReactionAdded, ReactionRemoved
from .events.shortcut import ShortcutUsed
from .events.slack_event import SlackEvent
from .events.slash_command import SlashCommandUsed
from .events.user_joined import UserJoined

COMMANDS: tuple[type[SlackCommand[Any]], ...] = ()

EVENTS: tuple[type[EventKind], ...] = (
    MessageSent,
    MessageUpdated,
    MessageDeleted,
    ReactionAdded,
    ReactionRemoved,
    MemberJoined,
    MemberLeft,
    UserJoined,
    ChannelCreated,
    ChannelRenamed,
    ChannelArchived,
    AppHomeOpened,
    ButtonClicked,
    OptionSelected,
    ModalSubmitted,
    ModalClosed,
    SlashCommandUsed,
    ShortcutUsed,
    SlackEvent,
)

EVENT_NAMES = tuple(kind.name for kind in EVENTS)
"""What `FLYTE_SLACK_EVENTS` knows, beside `all` and Slack's own spelling."""

DEFAULT_EVENTS = tuple(
    kind.name
    for kind in (
        MessageSent,
        ButtonClicked,
        OptionSelected,
        ModalSubmitted,
        ModalClosed,
        SlashCommandUsed,
        ShortcutUsed,
    )
)
"""The default of `FLYTE_SLACK_EVENTS`."""

ALL = "all"


def chosen_events(names: Sequence[str] = DEFAULT_EVENTS) -> tuple[EventKind, ...]:
    """Return the kinds of events that were chosen, in the list's order.

    Args:
        names: names of events, `all`, or Slack's own types, which are forwarded as `SlackEvent`.
    """
    wanted = set(EVENT_NAMES) if ALL in names else set(names) & set(EVENT_NAMES)
    slack_types = [name for name in names if name != ALL and name not in EVENT_NAMES]
    kinds = [kind() for kind in EVENTS if kind is not SlackEvent and kind.name in wanted]
    if slack_types or SlackEvent.name in wanted:
        kinds.append(SlackEvent(slack_types))
    return tuple(kinds)
