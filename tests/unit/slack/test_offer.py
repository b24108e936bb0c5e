"""The list of commands: what is offered, and what each says of itself for the reference pages."""

from typing import Any

import pytest
import yaml

from flyte_slack.slack.commands.base import SlackCommand
from flyte_slack.slack.commands.inputs import read_input
from flyte_slack.slack.offer import COMMANDS, DEFAULT_COMMANDS, chosen_commands

TS = "1602251441.001700"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_command_documents_itself(command: type[SlackCommand[Any]]) -> None:
    """The reference pages are made of this: what it does, every field, an example, what a crash does."""
    assert command.__doc__
    assert command.after_crash
    for model in (command.input, *command.succeeds.values()):
        assert [name for name, field in model.model_fields.items() if not field.description] == []
    given = yaml.safe_load(command.example)
    known = {field.alias for field in command.input.model_fields.values()}
    assert given.keys() <= known
    required = {field.alias for field in command.input.model_fields.values() if field.is_required()}
    assert required <= given.keys()
    plain = {
        name: TS if "imestamp" in name else value for name, value in given.items() if name != "responseUrl"
    }
    if "responseUrl" not in given:
        read_input(command.input, plain)


def test_default_leaves_out_what_needs_scopes_of_few() -> None:
    """Offered without being asked for are those whose scopes most would give."""
    left_out = {command.name for command in COMMANDS} - set(DEFAULT_COMMANDS)
    assert left_out == {
        "pinMessage",
        "unpinMessage",
        "createChannel",
        "inviteToChannel",
        "setChannelTopic",
        "archiveChannel",
    }


def test_call_slack_api_is_offered_if_there_are_methods() -> None:
    """Without methods that it may call there is no `callSlackApi`, whoever asks for it."""
    for names in ((), ("all",), ("callSlackApi",)):
        assert "callSlackApi" not in {command.name for command in chosen_commands(names)}
        assert "callSlackApi" in {
            command.name for command in chosen_commands(names, api_methods=("conversations.*",))
        }
