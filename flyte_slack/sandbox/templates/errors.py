"""What can be wrong with a template, and where in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a template's text; lines and columns count from 1, columns in characters."""

    line: int = 1
    column: int = 1


class TemplateError(Exception):
    """A template that the server would refuse: it makes no action, and the event is accepted all the same.

    Args:
        message: What is wrong.
        place: Where in the template.

    Attributes:
        source: The template, once it is known.
        path: Where in an input the template stands, such as `.blocks.0.text`.
    """

    def __init__(self, message: str, place: Place = Place()) -> None:
        super().__init__(message, place)
        self.message = message
        self.place = place
        self.source = ""
        self.path = ""

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.place.line

    @property
    def column(self) -> int:
        """The column in characters, from 1."""
        return self.place.column

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class Failure(Exception):
    """What a value, filter or function cannot do; with its place it becomes a `TemplateError`."""


class Panic(Failure):
    """A failure that is a Go panic on the server: it gets through a macro, which other failures do not."""


class PanicError(TemplateError):
    """A `Panic` with its place."""
