"""Posting to a response URL: without a token, since the address itself is the permission."""

import json
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from slack_sdk.webhook.async_client import AsyncWebhookClient

from ...pack import ActionContext
from ...proxies import proxy_for
from .calls import AfterUnknown, Answer, Calls
from .failures import HttpAnswer, Unsuccessful

_NAME = "response URL"

_OK = 200

_SILENT = logging.getLogger(f"{__name__}.webhook")  # the SDK's debug lines would hold the address
_SILENT.setLevel(logging.WARNING)


async def respond(
    calls: Calls, url: str, body: dict[str, Any], action: ActionContext, *, after_unknown: AfterUnknown
) -> None:
    """Post to a response URL.

    Args:
        calls: calls Slack.
        url: one of Slack's.
        body: the message.
        action: the action that asks for it.
        after_unknown: what to do if it may have been taken.

    Raises:
        CallRefused: Slack refused it, or did not take it for ten minutes.
        OutcomeUnknown: it may have been taken.
    """
    await calls.perform(_NAME, partial(_send, calls, url, body), action, after_unknown=after_unknown)


async def _send(calls: Calls, url: str, body: dict[str, Any]) -> Answer:
    client = AsyncWebhookClient(url, session=calls.web.session, logger=_SILENT, retry_handlers=[])
    client.proxy = proxy_for(url)
    answer = await client.send_dict(body)
    code = _code(answer.body)
    if answer.status_code == _OK and not code:
        return {"ok": True}
    data = {"ok": False, "error": code} if code else {}
    raise Unsuccessful(HttpAnswer(answer.status_code, answer.headers, data))


def _code(body: str) -> str:
    """Return the error code of a response, which is JSON or a word; empty for `ok` and what is neither."""
    try:
        read = json.loads(body)
        return str(read.get("error") or "") if isinstance(read, Mapping) else ""
    except ValueError:
        word = body.strip()
        return word if word.replace("_", "").isalpha() and word != "ok" else ""
