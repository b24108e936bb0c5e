"""A typed client of the Flyte API. It knows nothing of Slack, nor of the store."""

from .audit import PendingAction
from .client import FlyteClient
from .models import Action, PackLinks, PackRegistration
from .token import FileToken, FixedToken, Token

__all__ = [
    "Action",
    "FileToken",
    "FixedToken",
    "FlyteClient",
    "PackLinks",
    "PackRegistration",
    "PendingAction",
    "Token",
]
