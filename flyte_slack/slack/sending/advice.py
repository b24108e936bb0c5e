"""What to tell a flow's author when Slack refuses something: what is wrong, and what to do."""

from collections.abc import Sequence

from ...errors import CallRefused
from ..api.failures import Kind

_ADVICE = {
    "account_inactive": "the bot's account was deactivated: install the Slack app again "
    "and set its new bot token",
    "cannot_reply_to_message": "Slack lets nobody reply to this message: leave threadTimestamp out",
    "channel_not_found": "there is no channel {channel} that the bot can see: check channelId, "
    "and invite the bot with /invite @{bot} where the channel is private",
    "channel_is_archived": "{channel} is archived: unarchive it, or send to another channel",
    "ekm_access_denied": "the workspace's administrators have suspended posting: ask them",
    "invalid_auth": "Slack does not accept the bot token: set SLACK_BOT_TOKEN to the one on the app's page "
    "OAuth & Permissions",
    "is_archived": "{channel} is archived: unarchive it, or send to another channel",
    "messages_tab_disabled": "the app takes no direct messages: turn its Messages Tab on, "
    "on the app's page App Home",
    "expired_trigger_id": "the trigger is too old: Slack takes it for three seconds; open the modal first",
    "exchanged_trigger_id": "the trigger was used before: each opens one modal",
    "hash_conflict": "the modal has changed meanwhile: leave hash out, or take that of its last change",
    "message_not_found": "there is no such message in {channel}: check channelId and timestamp",
    "missing_scope": "the bot token lacks the scope {needed}: add it on the app's page OAuth & Permissions "
    "and install the app again",
    "msg_blocks_too_long": "the blocks are too long: 50 blocks at most, 3,000 characters in a section",
    "msg_too_long": "the message is too long for Slack: shorten it, or send it in parts (longText: split)",
    "name_taken": "there is a channel of this name already: choose another name",
    "no_text": "the message is empty: set message, blocks or attachments",
    "not_allowed_token_type": "SLACK_BOT_TOKEN is no bot token: set the xoxb-… token of the app",
    "not_authed": "Slack saw no token: set SLACK_BOT_TOKEN",
    "not_in_channel": "the bot is not in {channel}: invite it with /invite @{bot}",
    "thread_not_found": "there is no thread {thread} in {channel}: check threadTimestamp",
    "token_expired": "the bot token has expired: set SLACK_BOT_TOKEN to a new one",
    "redirected": "Slack's address answers with a redirect, which is not followed: check SLACK_API_URL "
    "and the proxy",
    "time_in_past": "postAt is past: set a time to come",
    "time_too_far": "postAt is too far away: 120 days at most",
    "token_revoked": "the bot token was revoked: install the app again and set its new token",
    "too_many_attachments": "there are too many attachments: 100 at most",
    "unavailable": "Slack could not be reached, or asked to wait, for ten minutes ({details}); nothing was "
    "posted or changed: try again later",
    "user_not_found": "there is no such user: check the command's input",
    "user_not_in_channel": "the user is not in {channel}: only its members can be shown a message there",
    "users_not_found": "there is no such user: check the command's input",
    "view_not_found": "there is no such modal any more: it was closed, or viewId is wrong",
}
_ADVICE_BY_FAMILY = (
    ("invalid_blocks", "Slack cannot read the blocks ({code}): try them in Slack's Block Kit Builder"),
    ("invalid_attachment", "Slack cannot read the attachments ({code})"),
    (
        "restricted_action",
        "a workspace or channel setting keeps the bot from posting to {channel} ({code}): "
        "ask the workspace's administrators",
    ),
    ("slack_connect_", "Slack Connect's settings keep this message out of {channel} ({code})"),
)
_ADVICE_BY_KIND = {
    Kind.INPUT: "Slack cannot take it as it is ({code}): check the command's input",
    Kind.CONFIGURATION: "the bot may not do this{where} ({code}): check the Slack app and the channel",
    Kind.REJECTED: "Slack refuses to do what it was asked ({code})",
    Kind.UNAVAILABLE: "Slack could not take it ({code}): try again later",
    Kind.UNKNOWN: "what came of it is not known ({code})",
}


def advise(refusal: CallRefused, *, channel: str, thread: str, bot: str, needs: Sequence[str]) -> str:
    """Say in a sentence what is wrong and what to do.

    Args:
        refusal: what Slack, or the pack itself, refused.
        channel: as people know it, such as `#ops`; empty if the command has none.
        thread: `threadTimestamp` of the command.
        bot: the bot's name in Slack, for /invite.
        needs: the scopes that the command needs.
    """
    code = refusal.code
    by_family = next((text for start, text in _ADVICE_BY_FAMILY if code.startswith(start)), None)
    template = _ADVICE.get(code) or by_family or _ADVICE_BY_KIND[Kind(refusal.kind)]
    details = "; ".join(refusal.details)
    sentence = refusal.sentence or template.format(
        code=code,
        channel=channel or "the channel",
        where=f" in {channel}" if channel else "",
        thread=thread,
        bot=bot or "bot",
        details=details,
        needed=refusal.needed or f"that it needs ({', '.join(needs)})",
    )
    return sentence if not details or details in sentence else f"{sentence}; Slack says: {details}"
