"""`uploadFile`: three calls, one file in the channel, whatever fails (contract, section 10)."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from command_parts import BOT, CHANNEL, execute
from scripted_slack import Answer, Call, Reply, ScriptedSlack, error, rate_limited
from slack_parts import Action, Clock, virtual_clock

from flyte_slack.pack import Event
from flyte_slack.slack.commands.upload_file import UploadFile

AMBIGUOUS = ["internal_error", "cut", Reply("", 502)]
SHARE = "files.completeUploadExternal"
GIVEN = {
    "channelId": "C1",
    "filename": "report.csv",
    "content": "a,b\n1,ü\n",
    "message": "<!here> the report",
}


class FileSlack(ScriptedSlack):
    """A Slack that takes files.

    Attributes:
        files: what it has, by id: the bytes, and where they are shared.
        statuses: of the next uploads of bytes.
        can_read: whether files may be looked up.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.files: dict[str, dict[str, Any]] = {}
        self.statuses: list[int] = []
        self.swallowed: list[Answer] = []
        self.can_read = True
        self.judge = self._judge
        self.upload = web.post("/upload/{id}", self._upload)

    def shared(self) -> list[dict[str, Any]]:
        return [file for file in self.files.values() if file.get("channels")]

    async def _upload(self, request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers, "the token stays with the Web API"
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.files[request.match_info["id"]]["content"] = await request.read()
        return web.Response(status=status)

    def _judge(self, call: Call) -> Answer | None:
        arguments = call.arguments
        if call.method == "files.getUploadURLExternal":
            id_ = f"F{len(self.files) + 1}"
            self.files[id_] = {"id": id_, "name": arguments["filename"], "size": int(arguments["length"])}
            return {"upload_url": f"{self.url}/upload/{id_}", "file_id": id_}
        if call.method == SHARE:
            file = self.files[arguments["files"][0]["id"]]
            assert len(file["content"]) == file["size"]
            file |= {"channels": [arguments["channel_id"]], "created": int(self.clock.time())}
            return self.swallowed.pop(0) if self.swallowed else {"files": [{"id": file["id"], "title": "t"}]}
        if call.method in {"files.info", "files.list"} and not self.can_read:
            return error("missing_scope", needed="files:read")
        if call.method == "files.info":
            return {"file": self._told(self.files[arguments["file"]])}
        if call.method == "files.list":
            return {"files": [self._told(file) for file in self.shared()]}
        return {"conversations.info": CHANNEL, "users.info": BOT}.get(call.method)

    def _told(self, file: dict[str, Any]) -> dict[str, Any]:
        told = {key: value for key, value in file.items() if key != "content"}
        return told | {"mimetype": "text/csv", "permalink": "https://acme.slack.com/files/1"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return virtual_clock(monkeypatch)


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[FileSlack]:
    slack = FileSlack(clock)
    async with slack.serve(slack.upload):
        yield slack


async def upload(slack: FileSlack, action: Action | None = None, **more: Any) -> Event:
    return await execute(slack, UploadFile, GIVEN | more, action, clock=slack.clock)


async def test_file_is_shared(slack: FileSlack) -> None:
    """The bytes are in the channel, and the result has the file as messages have theirs."""
    event = await upload(slack, threadTimestamp="1602251441.0017", title="The report")
    assert event.name == "FileUploaded"
    assert event.payload == {
        "channelId": "C1",
        "threadTimestamp": "1602251441.001700",
        "message": "@here the report",
        "file": {
            "id": "F1",
            "name": "report.csv",
            "mimetype": "text/csv",
            "size": "9",
            "permalink": "https://acme.slack.com/files/1",
        },
    }
    assert slack.files["F1"]["content"] == "a,b\n1,ü\n".encode()
    (share,) = [call.arguments for call in slack.of(SHARE)]
    assert share["initial_comment"] == "@here the report"
    assert share["thread_ts"] == "1602251441.001700"
    assert share["files"] == [{"id": "F1", "title": "The report"}]


async def test_content_in_base64(slack: FileSlack) -> None:
    """What is no text comes in Base64."""
    content = bytes(range(256))
    await upload(slack, content="", contentBase64=base64.b64encode(content).decode())
    assert slack.files["F1"]["content"] == content


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"content": ""}, "either content or contentBase64 is required"),
        ({"contentBase64": "YQ=="}, "either content or contentBase64 is required"),
        ({"content": "", "contentBase64": "*"}, "contentBase64 must be a text in Base64"),
        ({"filename": ""}, "filename is required"),
    ],
)
async def test_input_that_cannot_be_read(slack: FileSlack, given: dict[str, Any], said: str) -> None:
    """Bad input is `invalid_input`, and Slack is not asked."""
    event = await upload(slack, **given)
    assert (event.name, event.payload["code"]) == ("FileUploadFailure", "invalid_input")
    assert said in event.payload["error"]
    assert slack.calls == []


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", SHARE])
async def test_refusal(slack: FileSlack, method: str) -> None:
    """What Slack refuses, whichever call it is, is the failure with the channel and the name."""
    slack.answer(method, error("missing_scope", needed="files:write"))
    event = await upload(slack)
    assert event.payload.keys() == {"channelId", "filename", "error", "code", "kind"}
    assert (event.payload["code"], event.payload["kind"]) == ("missing_scope", "configuration")
    assert "files:write" in event.payload["error"]
    assert slack.shared() == []


async def test_bytes_are_sent_again(slack: FileSlack) -> None:
    """Bytes that did not arrive are sent again: nobody sees them before they are shared."""
    slack.statuses = [500, 503]
    slack.answer(SHARE, rate_limited(5))
    assert (await upload(slack)).name == "FileUploaded"
    assert len(slack.shared()) == 1


@pytest.mark.parametrize("answer", AMBIGUOUS)
async def test_lost_answer(slack: FileSlack, answer: Answer) -> None:
    """A file that is shared though its answer was lost is found by its id, and not shared again."""
    slack.swallowed = [answer]
    assert (await upload(slack)).name == "FileUploaded"
    assert len(slack.of(SHARE)) == 1


@pytest.mark.parametrize("answer", AMBIGUOUS)
async def test_lost_request(slack: FileSlack, answer: Answer) -> None:
    """A file that surely is not shared is shared once more."""
    slack.answer(SHARE, answer)
    assert (await upload(slack)).name == "FileUploaded"
    assert len(slack.of(SHARE)) == 2
    assert len(slack.shared()) == 1


async def test_nobody_can_tell(slack: FileSlack) -> None:
    """Without the scope to look files up the outcome stays unknown, and the file is not shared twice."""
    slack.swallowed = ["cut"]
    slack.can_read = False
    event = await upload(slack)
    assert event.payload["code"] == "outcome_unknown"
    assert "files:read" in event.payload["error"]
    assert len(slack.of(SHARE)) == 1


@pytest.mark.parametrize("there", [True, False])
async def test_crash(slack: FileSlack, clock: Clock, there: bool) -> None:
    """After a crash the file is found in the channel, or shared if it surely is not there."""
    keys: dict[tuple[str, str], object] = {}
    earlier = Action("e" * 32, keys=keys)
    await upload(slack, earlier)
    begun_at = clock.time()
    if there:
        slack.files["F2"] = slack.files["F1"] | {"id": "F2"}
    event = await upload(slack, Action(begun_at=begun_at, keys=keys))
    assert event.name == "FileUploaded"
    assert len(slack.of(SHARE)) == (1 if there else 2)
    assert event.payload["file"]["id"] != "F1", "that one is another action's"
