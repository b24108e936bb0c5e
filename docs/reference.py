"""Writes docs/commands.md, docs/events.md and the list in the README from the code.

`make docs` runs it; a test holds that the pages are current.
"""

import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flyte_slack.slack.offer import COMMANDS, EVENTS

ROOT = Path(__file__).parent.parent
_WRITTEN = "<!-- Written by `make docs` from the code: change it there. -->\n"


def pages() -> dict[Path, str]:
    """Return every page that is made from the code, by its path."""
    return {
        ROOT / "docs/commands.md": "\n".join(_commands()),
        ROOT / "docs/events.md": "\n".join(_events()),
        ROOT / "README.md": readme((ROOT / "README.md").read_text()),
    }


def readme(page: str) -> str:
    """Return the README with its list of events and commands as they are now.

    The anchors are where the pack's help links lead.
    """
    events = " · ".join(
        f'<a name="event-{each.name.lower()}"></a>[`{each.name}`](docs/events.md#{each.name.lower()})'
        for each in EVENTS
    )
    commands = " · ".join(
        f'<a name="command-{each.name.lower()}"></a>[`{each.name}`](docs/commands.md#{each.name.lower()})'
        for each in COMMANDS
    )
    text = f"**Events:** {events}\n\n**Commands:** {commands}"
    return re.sub(r"(<!-- offer -->\n).*?(<!-- /offer -->)", rf"\g<1>{text}\n\g<2>", page, flags=re.DOTALL)


def _commands() -> Iterator[str]:
    yield "# Commands\n"
    yield _WRITTEN
    yield (
        "Each command ends in exactly one event: its success, its failure, or `FATAL`. A failure has `error` "
        "(a sentence: what is wrong, what to do), `code` and `kind` "
        "([contract, section 4](contract.md#4-the-command-sendmessage)), and gives back some inputs as they "
        'were given. Input is read leniently: a template makes every value a text, so `"true"` is a boolean, '
        '`""` is absent, lists and objects may be texts that hold JSON.\n'
    )
    yield from (f"- [`{each.name}`](#{each.name.lower()}): {_first_sentence(each)}" for each in COMMANDS)
    for each in COMMANDS:
        yield f"\n## {each.name}\n"
        yield _described(each)
        yield "| input | required | meaning |\n|---|---|---|"
        yield from _rows(each.input)
        for name, payload in each.succeeds.items():
            yield f"\n**`{name}`**: {_keys(payload)}"
        echoes = [f"`{key}`" for key in each.echoes]
        yield f"\n**`{each.fails}`**: {', '.join([*echoes, '`error`', '`code`', '`kind`'])}"
        yield f"\n*After a crash, or an answer that was lost:* {each.after_crash}"
        if each.scopes:
            yield f"\n*Scopes:* {_scopes(each.scopes)}"
        yield f"\n```yaml\ncommand:\n  packName: Slack\n  name: {each.name}\n  input:"
        yield "\n".join(f"    {line}" for line in each.example.strip().splitlines()) + "\n```"


def _events() -> Iterator[str]:
    yield "# Events\n"
    yield _WRITTEN
    yield (
        "Every value is a text, or an object or list of texts; every key is always there, and what is "
        "unknown is empty. `FLYTE_SLACK_EVENTS` chooses events. Events that a command answers, too, have "
        "`origin`: `channel` for what was seen in Slack, `command` for a result.\n"
    )
    yield from (f"- [`{each.name}`](#{each.name.lower()}): {_first_sentence(each)}" for each in EVENTS)
    for each in EVENTS:
        yield f"\n## {each.name}\n"
        yield _described(each)
        yield "| key | meaning |\n|---|---|"
        yield from _rows(each.payload, required=False)
        if each.scopes:
            yield f"\n*Scopes:* {_scopes(each.scopes)}"
        yield f'\n```yaml\ncriteria: "{each.criteria}"\n```'
        if example := _example(each.name):
            yield f"\n```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```"


def _example(name: str) -> Any:
    """Return the payload that the first recording of an event is expected to become."""
    for path in sorted((ROOT / "tests/payloads").rglob("*.json")):
        recorded = json.loads(path.read_text())
        for event in recorded["flyte"]:
            if event["event"] == name:
                return event["payload"]
    return None


def _rows(model: type[BaseModel], *, required: bool = True) -> Iterator[str]:
    for name, field in model.model_fields.items():
        cells = [f"`{field.alias or name}`"]
        if required:
            cells.append("yes" if field.is_required() else "no")
        yield f"| {' | '.join([*cells, _meaning(field)])} |"


def _meaning(field: FieldInfo) -> str:
    below = next(_models(field.annotation), None)
    keys = f": {_keys(below)}" if below else ""
    return (field.description or "").rstrip(".").replace("|", "\\|") + keys


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models(each)


def _keys(model: type[BaseModel]) -> str:
    return ", ".join(f"`{field.alias or name}`" for name, field in model.model_fields.items())


def _scopes(scopes: Iterable[Any]) -> str:
    return ", ".join(f"`{scope.name}` ({scope.purpose})" for scope in scopes)


def _described(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n\nAttributes:")[0].partition("\n\nArgs:")[0] + "\n"


def _first_sentence(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split()).rstrip(".")


def main(*, check: bool) -> int:
    """Write every page, or only say which are not current; return 1 if any is not."""
    stale = 0
    for path, text in pages().items():
        current = text.rstrip() + "\n"
        if not check:
            path.write_text(current)
        elif not path.exists() or path.read_text() != current:
            print(f"{path.relative_to(ROOT)} is not current: make docs")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
