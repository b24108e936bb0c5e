"""Every error the pack raises on purpose.

* FlyteSlackError
    - SettingsError
    - FlyteError
        + FlyteUnavailable
        + FlyteRejected
            - FlyteUnauthorized
            - FlyteNotFound
            - FlyteRefused
        + FlyteProtocolError
            - LinkNotFound
    - TokenUnreadable
    - CommandError
        + CommandNotFound
        + InvalidInput
        + OutcomeUnknown
    - StoreError
        + StoreUnavailable
        + NotStorable
        + StoreInUse
        + StoreOfAnother
        + LeaseLost
        + StoreDamaged
        + SchemaTooNew
"""

from collections.abc import Sequence
from typing import ClassVar


class FlyteSlackError(Exception):
    """Root of the pack's own errors."""


class SettingsError(FlyteSlackError):
    """Settings that cannot be used.

    Attributes:
        problems: one sentence a problem, each beginning with the name of its variable.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class FlyteError(FlyteSlackError):
    """A call to the Flyte API that did not succeed.

    Attributes:
        method: HTTP method of the call.
        url: its URL.
        status: HTTP status of the answer, or None if there was no answer.
        reply_lost: the request may have been processed although no answer came.
        waited: seconds after which an answer was given up, or None if it failed otherwise.
        retry_after: seconds that the server asked to wait, or None.
        empty: there was an answer, without a body, as Flyte's own errors are.
    """

    retryable: ClassVar[bool] = False
    """Whether the same call can succeed later without anything of it being changed."""

    slow: ClassVar[bool] = False
    """Whether a retry only makes sense after somebody changed something (a token, a policy)."""

    def __init__(
        self,
        message: str,
        *,
        method: str,
        url: str,
        status: int | None = None,
        reply_lost: bool = False,
        waited: float | None = None,
        retry_after: float | None = None,
        empty: bool = False,
    ) -> None:
        super().__init__(f"{method} {url}: {message}")
        self.method = method
        self.url = url
        self.status = status
        self.reply_lost = reply_lost
        self.waited = waited
        self.retry_after = retry_after
        self.empty = empty


class FlyteUnavailable(FlyteError):
    """Flyte could not be reached, or answered 408, 425, 429 or 5xx."""

    retryable = True


class FlyteRejected(FlyteError):
    """Flyte refuses this request, and will refuse it again: 400."""


class FlyteUnauthorized(FlyteRejected):
    """The token is missing, bad, or not enough: 401, 403, or 405 (a method that is not in the policy)."""

    retryable = True
    slow = True


class FlyteNotFound(FlyteRejected):
    """404: Flyte does not know the pack (removed as dead, or its database was emptied), or not the action."""


class FlyteRefused(FlyteRejected):
    """Another 4xx, which Flyte itself does not answer: something in front of it refuses, perhaps for now."""

    retryable = True
    slow = True


class FlyteProtocolError(FlyteError):
    """The answer is not what the Flyte API answers to this call: a redirect, or a proxy's page."""

    retryable = True
    slow = True


class LinkNotFound(FlyteProtocolError):
    """An answer lacks the link with this rel.

    Attributes:
        rel: last part of the rel that was looked for, such as `pack/listPacks`.
    """

    def __init__(self, rel: str, *, method: str, url: str) -> None:
        super().__init__(
            f"the answer has no link with rel {rel!r}: is this the Flyte API?", method=method, url=url
        )
        self.rel = rel


class TokenUnreadable(FlyteSlackError):
    """The file of the Flyte token holds none, and never did: nothing is sent without it."""


class CommandError(FlyteSlackError):
    """An action that ends without the wished result. It becomes an event and never escapes dispatch."""


class CommandNotFound(CommandError):
    """No command of the pack has this name."""


class InvalidInput(CommandError):
    """The input of a command cannot be read; the message names each field and what would be right."""


class OutcomeUnknown(CommandError):
    """What was to be done may have happened, and nobody can tell."""


class StoreError(FlyteSlackError):
    """The store cannot be used."""


class StoreUnavailable(StoreError):
    """The store could not be read or written this time (disk full, locked, database away)."""

    retryable: ClassVar[bool] = True


class NotStorable(StoreError):
    """No database takes this, now or later: a key or a reference that is too long, or not even text."""


class StoreInUse(StoreError):
    """Another process uses the store, and it is one for a single process."""


class StoreOfAnother(StoreError):
    """The store belongs to a pack of another name, or of another server or workspace."""


class LeaseLost(StoreError):
    """Another replica works on this by now; it must be left alone."""


class StoreDamaged(StoreError):
    """The store's file is not a database of the pack's, or is broken, or cannot be opened."""


class SchemaTooNew(StoreError):
    """The store was written by a newer version of the pack."""
