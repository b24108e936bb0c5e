"""The workspace that the app is installed in: what commands and events ask of it."""

from dataclasses import dataclass

from .channels import ChannelNames
from .directory import Directory
from .identity import Identity


@dataclass(frozen=True, slots=True)
class Workspace:
    """What is known of the workspace.

    Attributes:
        directory: names users and channels by id.
        channels: tells which channel a name or a user stands for.
        identity: who the bot is, and where.
    """

    directory: Directory
    channels: ChannelNames
    identity: Identity
