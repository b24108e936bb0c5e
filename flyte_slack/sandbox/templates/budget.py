"""What one rendering may cost, so that no template holds up the sandbox."""

from dataclasses import dataclass

from .errors import Panic
from .values import List, Value

TEXT_LIMIT = 16 * 1024 * 1024
"""Characters in one text or in all output: more than that the server's database does not keep either."""

STEP_LIMIT = 2_000_000
"""Nodes evaluated, and blocks of text handled."""

_BLOCK = 1024


@dataclass(slots=True)
class Budget:
    """Steps and output left; what exceeds either ends the rendering."""

    steps: int = STEP_LIMIT
    output: int = TEXT_LIMIT

    def step(self, count: int = 1) -> None:
        """Spend steps."""
        self.steps -= count
        if self.steps < 0:
            raise Panic("the template takes too long: it is stopped after many steps")

    def text(self, length: int) -> None:
        """Spend what it takes to make a text of this length; to be called before the text is made."""
        if length > TEXT_LIMIT:
            raise Panic(f"a text of {length} characters is too long")
        self.step(length // _BLOCK)

    def look_at(self, value: Value) -> None:
        """Spend what it takes to go through a value."""
        match value:
            case str():
                self.step(len(value) // _BLOCK)
            case List(items):
                self.step(len(items) // 16)

    def write(self, length: int) -> None:
        """Spend output."""
        self.output -= length
        if self.output < 0:
            raise Panic("the template renders too much text")
