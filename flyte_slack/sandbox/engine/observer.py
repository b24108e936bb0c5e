"""What the engine tells about its work, for a trace."""

from typing import Any, Protocol


class Observer(Protocol):
    """Is told of everything the engine does, as it does it.

    Kinds are `event` and `result` (what came in), `criteria` (a step that waits for it, and whether it runs),
    `action` (what came of the step) and `error` (why nothing did).
    """

    def __call__(
        self, kind: str, detail: dict[str, Any], *, flow: str = "", step: str = "", correlation: str = ""
    ) -> None:
        """Note something. `correlation` is the same for all that one event set off."""


def unobserved(
    kind: str, detail: dict[str, Any], *, flow: str = "", step: str = "", correlation: str = ""
) -> None:
    """Note nothing."""
