"""`callSlackApi` (contract, section 10)."""

from fnmatch import fnmatchcase
from typing import Any, ClassVar

from pydantic import Field

from ...errors import CallRefused
from ...pack import ActionContext, Event
from ..api.calls import AfterUnknown, is_read
from ..api.failures import Kind
from ..events.base import Payload
from ..events.common import strings
from .base import SlackCommand
from .inputs import Input, Object, Word


class CallSlackApiInput(Input):
    """Input of `callSlackApi`."""

    method: Word = Field(description="method of the Web API, such as `usergroups.list`")
    arguments: Object = Field(default_factory=dict, description="its arguments, as Slack names them")


class SlackApiCalled(Payload):
    """Slack's answer to a call."""

    method: str = Field(description="method that was called")
    response: dict[str, Any] = Field(
        description="Slack's answer: scalars as strings, null as an empty one; `.` and a leading `$` "
        "of a key are `_`"
    )


class CallSlackApi(SlackCommand[CallSlackApiInput]):
    """Calls a method of Slack's Web API that FLYTE_SLACK_API_METHODS allows."""

    name = "callSlackApi"
    input = CallSlackApiInput
    succeeds: ClassVar = {"SlackApiCalled": SlackApiCalled}
    fails = "SlackApiCallFailure"
    echoes = ("method",)
    writes_to_channel = False
    after_crash = "Methods that only read are repeated; any other ends in `outcome_unknown`."
    example = "method: usergroups.list\narguments: {include_users: true}"

    async def execute(self, given: CallSlackApiInput, action: ActionContext) -> Event:
        """Call the method."""
        if not any(fnmatchcase(given.method, pattern) for pattern in self.tools.api_methods):
            raise CallRefused(
                "not_allowed",
                Kind.CONFIGURATION,
                sentence=f"FLYTE_SLACK_API_METHODS does not allow {given.method}: "
                "whoever operates the pack can add it there",
            )
        if is_read(given.method):
            answer = await self.tools.calls.read(given.method, given.arguments)
        else:
            answer = await self.tools.calls.call(
                given.method, given.arguments, action, after_unknown=AfterUnknown.NEVER
            )
        return self.succeeded(SlackApiCalled(method=given.method, response=strings(answer)))
