"""CONTRIBUTING's walk-throughs, followed to the letter in a copy of the package."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

COMMAND = '''"""`sayHello`."""

from typing import ClassVar

from pydantic import Field

from ...pack import ActionContext, Event
from ..api.scopes import Scope
from ..events.base import Payload
from .base import SlackCommand
from .inputs import Input, Text


class SayHelloInput(Input):
    """Input of `sayHello`."""

    name: Text = Field(description="who is greeted")


class HelloSaid(Payload):
    """It was said."""

    name: str = Field(description="who was greeted")


class SayHello(SlackCommand[SayHelloInput]):
    """Says hello."""

    name = "sayHello"
    input = SayHelloInput
    succeeds: ClassVar = {"HelloSaid": HelloSaid}
    fails = "HelloSayFailure"
    echoes = ("name",)
    scopes = (Scope("hello:write", "says hello"),)
    writes_to_channel = False
    example = "name: alice"

    async def execute(self, given: SayHelloInput, action: ActionContext) -> Event:
        """Say it."""
        return self.succeeded(HelloSaid(name=given.name))
'''

EVENT = '''"""Somebody waved."""

from pydantic import Field

from ..api.scopes import Scope
from ..workspace.workspace import Workspace
from .base import Body, Bot, EventKind, Payload, Received


class WavedPayload(Payload):
    """A wave."""

    who: str = Field(description="who waved")


class Waved(EventKind):
    """Somebody waved."""

    name = "Waved"
    payload = WavedPayload
    subscriptions = ("hand_waved",)
    scopes = (Scope("hands:read", "sees waves"),)
    criteria = "{{ Event.Payload.who }}"

    def read(self, body: Body, bot: Bot) -> Received | None:
        """Return which wave it is."""
        event = body.get("event", {})
        return Received(f"Waved:{event['id']}", "", 0.0) if event.get("type") == "hand_waved" else None

    async def event(self, body: Body, workspace: Workspace) -> WavedPayload:
        """Return who waved."""
        return WavedPayload(who=str(body["event"]["user"]))
'''


def listed(offer: str, which: str, import_: str, name: str) -> str:
    """Return the list with one more in it: one word, and its import."""
    with_import = offer.replace("from .commands.base import", f"{import_}\nfrom .commands.base import", 1)
    return re.sub(rf"({which}: [^\n]+ = \(\n)", rf"\g<1>    {name},\n", with_import, count=1)


def test_a_command_and_an_event_are_one_file_each(tmp_path: Path) -> None:
    """One new file and one word in the list: everything else knows it from there."""
    shutil.copytree(ROOT / "flyte_slack", tmp_path / "flyte_slack")
    slack = tmp_path / "flyte_slack/slack"
    (slack / "commands/say_hello.py").write_text(COMMAND)
    (slack / "events/waved.py").write_text(EVENT)
    offer = (slack / "offer.py").read_text()
    offer = listed(offer, "COMMANDS", "from .commands.say_hello import SayHello", "SayHello")
    offer = listed(offer, "EVENTS", "from .events.waved import Waved", "Waved")
    (slack / "offer.py").write_text(offer)

    def run(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "flyte_slack", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    schema = json.loads(run("schema"))
    assert schema["commands"]["sayHello"]["events"] == ["HelloSaid", "HelloSayFailure", "FATAL"]
    assert schema["events"]["Waved"]["properties"].keys() == {"who"}
    manifest = run("manifest", "--events", "Waved", "--commands", "sayHello")
    for needed in ("hand_waved", "hands:read", "hello:write"):
        assert needed in manifest
