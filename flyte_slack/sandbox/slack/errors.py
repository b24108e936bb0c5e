"""The refusals of the Web API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class MethodError(Exception):
    """An ``"ok": false`` answer: Slack's error code, sentences for people, and how long to wait.

    ``fields`` are further fields of the answer, such as ``errors``.
    """

    def __init__(self, code: str, *messages: str, retry_after: int = 0, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.messages = messages
        self.retry_after = retry_after
        self.fields = fields

    def answer(self) -> dict[str, Any]:
        """Return the body that is answered with."""
        body: dict[str, Any] = {"ok": False, "error": self.code, **self.fields}
        if self.messages:
            body["response_metadata"] = {"messages": list(self.messages)}
        return body


def malformed(code: str, problems: Sequence[str]) -> MethodError:
    """Make the refusal of blocks or a view, with all that is wrong as Slack lists it."""
    return MethodError(code, *(f"[ERROR] {problem}" for problem in problems), errors=list(problems))
