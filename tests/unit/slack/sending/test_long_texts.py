"""Long texts are cut where it does not hurt, and nothing of them is lost (contract, section 10)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_slack.slack.sending.long_texts import PART, split


def squeezed(text: str) -> str:
    """Return what people read of a text: all but blanks."""
    return "".join(text.split())


def test_short_text_is_one_part() -> None:
    """What fits is left as it is."""
    assert split("a\n\nb  c") == ["a\n\nb  c"]


@given(st.text(alphabet="ab \n", max_size=600), st.integers(20, 80))
def test_nothing_is_lost(text: str, size: int) -> None:
    """Parts hold all that people read, in order, and none is too long or blank."""
    parts = split(text, size)
    assert squeezed("".join(parts)) == squeezed(text)
    assert all(0 < len(part) <= size for part in parts)
    assert all(part.strip() for part in parts)


def test_cut_at_paragraphs_then_lines_then_words() -> None:
    """A part ends at the best place near its end: a paragraph, else a line, else a word."""
    assert split("aaaa aaaa\nbbbb\n\ncccc dddd eeee", 20) == ["aaaa aaaa\nbbbb", "cccc dddd eeee"]
    assert split("aaaaaaaa\nbb cccccccccccc", 20) == ["aaaaaaaa", "bb cccccccccccc"]
    assert split("aaaaaaaa bb cccccccccccc", 20) == ["aaaaaaaa bb", "cccccccccccc"]
    assert "".join(split("x" * 50, 20)) == "x" * 50


@pytest.mark.parametrize(
    "whole",
    [
        "<https://a.example/path|a label of words>",
        "<@U0123456789>",
        "&amp;",
        "[label of words](https://a.example)",
        ":tada:",
    ],
)
@pytest.mark.parametrize("before", range(60, 100))
def test_no_cut_inside_of_what_is_one(whole: str, before: int) -> None:
    """An entity, a mention, a link and an emoji stay whole, wherever a cut would fall."""
    parts = split("x" * before + whole + "y" * 50, 100)
    assert sum(part.count(whole) for part in parts) == 1


def test_code_fences_are_closed_and_opened_again() -> None:
    """A code block that is cut is one in each part, in its language, and holds all its lines."""
    lines = [f"    line {number}" for number in range(500)]
    text = "before\n```python\n" + "\n".join(lines) + "\n```\nafter"
    parts = split(text, 500)
    assert len(parts) > 10
    assert all(part.count("```") % 2 == 0 for part in parts)
    assert all(part.startswith("```python\n") for part in parts[1:-1])
    assert all(len(part) <= 500 for part in parts)
    kept = [line for part in parts for line in part.split("\n") if re.fullmatch(r" *line \d+", line)]
    assert kept == lines, "with their indentation"


def test_parts_are_as_long_as_slack_advises() -> None:
    """A part has 4,000 characters at most."""
    assert PART == 4_000
    assert max(map(len, split("word " * 10_000))) <= 4_000
