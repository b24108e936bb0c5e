"""Test files: what happens, and what is expected to come of it (contract, section 12)."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from .source import Unreadable, read


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Matches(_Strict):
    """A regular expression that a text has to match somewhere."""

    matches: str

    @model_validator(mode="after")
    def _compiles(self) -> "Matches":
        try:
            re.compile(self.matches)
        except re.error as error:
            raise ValueError(f"{self.matches!r} is no regular expression: {error}") from None
        return self


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Expected = Text | Matches


class Said(_Strict):
    """A person writes."""

    channel: str = "general"
    user: str = "alice"
    text: Text
    thread: bool = False


class Click(_Strict):
    """A person clicks, or chooses, on the newest message that shows it."""

    user: str = "alice"
    action_id: str
    value: Text | list[Text] | None = None


class React(_Strict):
    """A person reacts to the newest message."""

    user: str = "alice"
    reaction: str
    remove: bool = False


class Slash(_Strict):
    """A person uses a slash command."""

    channel: str = "general"
    user: str = "alice"
    command: str
    text: Text = ""


class Submit(_Strict):
    """A person submits a modal."""

    user: str = "alice"
    callback_id: str
    inputs: dict[str, Any] = {}


class Happened(_Strict):
    """An event of another pack."""

    pack: str
    name: str
    payload: Any = None


class Completed(_Strict):
    """Another pack completes an action that a flow gave it."""

    pack: str | None = None
    command: str
    event: str
    payload: Any = None


class Message(_Strict):
    """A message of the pack's."""

    channel: str | None = None
    text: Expected | None = None
    thread: bool | None = None
    buttons: list[str] | None = None
    ephemeral_to: str | None = None


class Update(_Strict):
    """A message of the pack's that it has changed."""

    channel: str | None = None
    text: Expected | None = None


class Reaction(_Strict):
    """A reaction of the pack's."""

    reaction: str
    channel: str | None = None


class Modal(_Strict):
    """A modal that is open."""

    user: str | None = None
    callback_id: str


class Command(_Strict):
    """An action for another pack."""

    pack: str
    name: str
    input: Any = None


class _OneOf(_Strict):
    """An object of exactly one key, which says what it is."""

    @model_validator(mode="after")
    def _is_one(self) -> "_OneOf":
        if len(self.model_fields_set) != 1:
            raise ValueError(f"name one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def it(self) -> Any:
        """What it is."""
        return getattr(self, next(iter(self.model_fields_set)))


class Given(_OneOf):
    """Something that happens."""

    message: Said | None = None
    click: Click | None = None
    react: React | None = None
    slash: Slash | None = None
    submit: Submit | None = None
    event: Happened | None = None
    result: Completed | None = None


class Expectation(_OneOf):
    """Something that is to be seen, or never to be."""

    message: Message | None = None
    update: Update | None = None
    reaction: Reaction | None = None
    modal: Modal | None = None
    command: Command | None = None

    def __str__(self) -> str:
        """Return it as it stands in the file."""
        kind = next(iter(self.model_fields_set))
        return f"{kind} {self.it.model_dump(exclude_unset=True)}"


class TestFile(_Strict):
    """One file."""

    name: str
    flows: list[str] | None = None
    given: list[Given]
    expect: list[Expectation] = []
    ordered: bool = False
    never: list[Expectation] = []
    within: Annotated[float, Field(gt=0, le=600)] = 5


def is_test(path: Path) -> bool:
    """Whether a file is a test: it has `given`."""
    try:
        document = yaml.safe_load(read(path))
    except yaml.YAMLError:
        return False
    return isinstance(document, dict) and "given" in document


def load(path: Path) -> TestFile:
    """Read a test file.

    Raises:
        Unreadable: it is no test, with what is wrong.
    """
    try:
        return TestFile.model_validate(yaml.safe_load(read(path)))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors()
        )
        raise Unreadable(f"{path}: {problems}") from None


def meets(expected: str | Matches | None, text: str) -> bool:
    """Whether a text is as expected; anything is, if nothing is."""
    if isinstance(expected, Matches):
        return re.search(expected.matches, text) is not None
    return expected is None or expected == text


def within(expected: Any, found: Any) -> bool:
    """Whether a value is as expected: objects may have further keys, texts may be given as `{matches}`."""
    if isinstance(expected, Mapping):
        if expected.keys() == {"matches"} and isinstance(found, str):
            return re.search(str(expected["matches"]), found) is not None
        return isinstance(found, Mapping) and all(
            key in found and within(value, found[key]) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(found, list) and len(expected) == len(found) and all(map(within, expected, found))
    return bool(expected == found)


def buttons(blocks: Iterable[Any]) -> list[str]:
    """Return the action ids of all elements in blocks, in order."""
    found: list[str] = []
    for block in blocks:
        if isinstance(block, Mapping):
            if block.get("action_id"):
                found.append(str(block["action_id"]))
            for value in block.values():
                found += buttons(value if isinstance(value, list) else [value])
    return found
