"""The one list: every command and every event of the pack.

What is registered, `FLYTE_SLACK_COMMANDS` and `FLYTE_SLACK_EVENTS`, the manifest, the scopes, `check`,
`schema` and the reference documents are made from what these say of themselves.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .commands.add_reaction import AddReaction, RemoveReaction
from .commands.archive_channel import ArchiveChannel
from .commands.base import SlackCommand
from .commands.call_slack_api import CallSlackApi
from .commands.cancel_scheduled_message import CancelScheduledMessage
from .commands.create_channel import CreateChannel
from .commands.delete_message import DeleteMessage
from .commands.find_channel import FindChannel
from .commands.find_user import FindUser
from .commands.invite_to_channel import InviteToChannel
from .commands.open_modal import OpenModal
from .commands.pin_message import PinMessage, UnpinMessage
from .commands.read_thread import ReadThread
from .commands.respond import Respond
from .commands.schedule_message import ScheduleMessage
from .commands.send_ephemeral_message import SendEphemeralMessage
from .commands.send_message import SendMessage
from .commands.set_channel_topic import SetChannelTopic
from .commands.tools import Tools
from .commands.update_message import UpdateMessage
from .commands.update_modal import UpdateModal
from .commands.upload_file import UploadFile
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

HELP_URL = "https://github.com/ExpediaGroup/flyte-slack"
"""The README, which names every command and every event."""

COMMANDS: tuple[type[SlackCommand[Any]], ...] = (
    SendMessage,
    SendEphemeralMessage,
    ScheduleMessage,
    CancelScheduledMessage,
    UpdateMessage,
    DeleteMessage,
    AddReaction,
    RemoveReaction,
    PinMessage,
    UnpinMessage,
    UploadFile,
    OpenModal,
    UpdateModal,
    Respond,
    FindChannel,
    FindUser,
    ReadThread,
    CreateChannel,
    InviteToChannel,
    SetChannelTopic,
    ArchiveChannel,
    CallSlackApi,
)

COMMAND_NAMES = tuple(command.name for command in COMMANDS)
"""What `FLYTE_SLACK_COMMANDS` knows, beside `all`."""

_SCOPES_OF_FEW = (
    PinMessage,
    UnpinMessage,
    CreateChannel,
    InviteToChannel,
    SetChannelTopic,
    ArchiveChannel,
)

DEFAULT_COMMANDS = tuple(command.name for command in COMMANDS if command not in _SCOPES_OF_FEW)
"""The default of `FLYTE_SLACK_COMMANDS`: all that need no scope which many would not give."""

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


def chosen_events(names: Sequence[str] = ()) -> tuple[EventKind, ...]:
    """Return the kinds of events that were chosen, in the list's order.

    Args:
        names: names of events, `all`, or Slack's own types, which are forwarded as `SlackEvent`; if there
            are none, the default.
    """
    names = names or DEFAULT_EVENTS
    wanted = set(EVENT_NAMES) if ALL in names else set(names) & set(EVENT_NAMES)
    types = slack_types(names)
    kinds = [kind() for kind in EVENTS if kind is not SlackEvent and kind.name in wanted]
    if types or SlackEvent.name in wanted:
        kinds.append(SlackEvent(types))
    return tuple(kinds)


def slack_types(names: Sequence[str]) -> list[str]:
    """Return the names that are in Slack's own spelling."""
    return [name for name in names if name != ALL and name not in EVENT_NAMES]


def chosen_commands(
    names: Sequence[str] = (), *, api_methods: Sequence[str] = ()
) -> tuple[type[SlackCommand[Any]], ...]:
    """Return the commands that were chosen, in the list's order.

    Args:
        names: names of commands, or `all`; if there are none, the default.
        api_methods: what `callSlackApi` may call; without any it is not offered.
    """
    names = names or DEFAULT_COMMANDS
    wanted = set(COMMAND_NAMES) if ALL in names else set(names)
    if not api_methods:
        wanted.discard(CallSlackApi.name)
    return tuple(command for command in COMMANDS if command.name in wanted)


def commands(tools: Tools, names: Sequence[str] = ()) -> tuple[SlackCommand[Any], ...]:
    """Return the chosen commands, ready to be executed.

    Args:
        tools: what they work with.
        names: names of commands, or `all`; if there are none, the default.
    """
    chosen = chosen_commands(names, api_methods=tools.api_methods)
    return tuple(command(tools) for command in chosen)


def problems(environment: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the choice of events and commands, a sentence a problem."""
    found = []
    for name in _names(environment, "FLYTE_SLACK_EVENTS"):
        if name not in EVENT_NAMES and name != ALL and not _SLACKS_SPELLING.fullmatch(name):
            found.append(f"FLYTE_SLACK_EVENTS: there is no event {name!r}{_nearest(name, EVENT_NAMES)}")
    named = _names(environment, "FLYTE_SLACK_COMMANDS")
    for name in named:
        if name not in COMMAND_NAMES and name != ALL:
            found.append(f"FLYTE_SLACK_COMMANDS: there is no command {name!r}{_nearest(name, COMMAND_NAMES)}")
    if CallSlackApi.name in named and not _names(environment, "FLYTE_SLACK_API_METHODS"):
        found.append(
            "FLYTE_SLACK_COMMANDS: callSlackApi needs FLYTE_SLACK_API_METHODS: "
            "name the methods that it may call"
        )
    return found


_SLACKS_SPELLING = re.compile(r"[a-z]+(_[a-z]+)*")


def _names(environment: Mapping[str, str], variable: str) -> list[str]:
    return [name.strip() for name in environment.get(variable, "").split(",") if name.strip()]


def _nearest(name: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, known, 1, 0.5)
    return f": did you mean {nearest[0]}?" if nearest else f": there are {', '.join(known)}"
