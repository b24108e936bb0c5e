"""Where the bearer token comes from: fixed, or a file that is rotated (contract, section 1)."""

import os
from pathlib import Path

import pytest
import respx
from flyte_answers import HOST, LINKS
from structlog.testing import capture_logs

from flyte_slack import logs
from flyte_slack.errors import FlyteUnauthorized
from flyte_slack.flyte import FileToken, FixedToken, FlyteClient


def test_fixed_token() -> None:
    """A fixed token stays the same; none is none."""
    assert FixedToken("abc").current() == "abc"
    assert FixedToken().current() is None


def test_file_is_read_without_its_newline(tmp_path: Path) -> None:
    """A secret's file ends in a newline; the token does not."""
    file = tmp_path / "token"
    file.write_text("  abc.def.ghi\n")
    assert FileToken(file).current() == "abc.def.ghi"


def test_rotated_token_is_read_again(tmp_path: Path) -> None:
    """A file that changes is read again, however it is changed: rewritten, or replaced as Kubernetes does."""
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    (tmp_path / "1" / "token").write_text("first")
    (tmp_path / "2" / "token").write_text("other")
    os.utime(tmp_path / "2" / "token", ns=(0, 0))
    os.utime(tmp_path / "1" / "token", ns=(0, 0))
    link = tmp_path / "data"
    link.symlink_to(tmp_path / "1")
    token = FileToken(link / "token")
    assert token.current() == "first"
    (tmp_path / "new").symlink_to(tmp_path / "2")
    (tmp_path / "new").replace(link)
    assert token.current() == "other"
    (tmp_path / "2" / "token").write_text("third")
    assert token.current() == "third"


def test_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    """The file is read when it changes, not at each call."""
    file = tmp_path / "token"
    file.write_text("abc")
    token = FileToken(file)
    with capture_logs() as logged:
        for _ in range(100):
            assert token.current() == "abc"
    assert len(logged) == 1


def test_last_token_is_used_while_the_file_is_away(tmp_path: Path) -> None:
    """A file that cannot be read for a while costs one warning, not the token."""
    file = tmp_path / "token"
    file.write_text("abc")
    token = FileToken(file)
    assert token.current() == "abc"
    file.unlink()
    with capture_logs() as logged:
        assert [token.current() for _ in range(5)] == ["abc"] * 5
    assert [line["log_level"] for line in logged] == ["warning"]
    file.write_text("new")
    assert token.current() == "new"
    file.write_bytes(b"\xff\xfe\xff")
    assert token.current() == "new"


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff\xfe"])
def test_file_that_is_being_rotated(tmp_path: Path, content: bytes) -> None:
    """A file that is empty for a moment, or holds no token, leaves the last one in use, with one warning."""
    file = tmp_path / "token"
    file.write_text("good")
    token = FileToken(file)
    assert token.current() == "good"
    file.write_bytes(content)
    with capture_logs() as logged:
        assert [token.current() for _ in range(5)] == ["good"] * 5
    assert [line["log_level"] for line in logged] == ["warning"]
    file.write_text("better")
    assert token.current() == "better"


async def test_nothing_is_sent_before_there_is_a_token(tmp_path: Path) -> None:
    """A file that holds no token yet, or is not there, costs calls, and none goes out without a token."""
    file = tmp_path / "token"
    with respx.mock(assert_all_called=False, using="httpx") as flyte:
        flyte.route().respond(202)
        async with FlyteClient(HOST, token=FileToken(file)) as client:
            for content in (None, "", "\n"):
                if content is not None:
                    file.write_text(content)
                with pytest.raises(FlyteUnauthorized, match="FLYTE_JWT_FILE") as caught:
                    await client.post_event(LINKS, {})
                assert caught.value.retryable
                assert not flyte.calls
            file.write_text("good")
            await client.post_event(LINKS, {})
        assert flyte.calls.last.request.headers["Authorization"] == "Bearer good"


def test_token_of_a_file_is_redacted_from_the_log(tmp_path: Path) -> None:
    """Every token that was ever read is taken out of the log."""
    file = tmp_path / "token"
    token = FileToken(file)
    for value in ("opaque-token-one", "opaque-token-two"):
        file.write_text(value)
        token.current()
    assert "opaque" not in logs.redact("opaque-token-one opaque-token-two")
