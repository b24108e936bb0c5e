"""What to tell a flow's author when Slack refuses a message: what is wrong, and what to do."""

from ..api.failures import Failure, Kind

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
    "missing_scope": "the bot token lacks the scope {needed}: add it on the app's page OAuth & Permissions "
    "and install the app again",
    "msg_blocks_too_long": "the blocks are too long: 50 blocks at most, 3,000 characters in a section",
    "msg_too_long": "the message is too long: at most 40,000 characters; send it in parts",
    "no_text": "the message is empty: set message, blocks or attachments",
    "not_allowed_token_type": "SLACK_BOT_TOKEN is no bot token: set the xoxb-… token of the app",
    "not_authed": "Slack saw no token: set SLACK_BOT_TOKEN",
    "not_in_channel": "the bot is not in {channel}: invite it with /invite @{bot}",
    "thread_not_found": "there is no thread {thread} in {channel}: check threadTimestamp",
    "token_expired": "the bot token has expired: set SLACK_BOT_TOKEN to a new one",
    "token_revoked": "the bot token was revoked: install the app again and set its new token",
    "too_many_attachments": "there are too many attachments: 100 at most",
    "user_not_found": "there is no user {channel}: check channelId",
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
    Kind.INPUT: "Slack cannot take the message as it is ({code}): check the command's input",
    Kind.CONFIGURATION: "the bot may not post to {channel} ({code}): check the Slack app and the channel",
    Kind.REJECTED: "Slack rejected the message ({code})",
}


def advise(failure: Failure, *, channel: str, thread: str, bot: str) -> str:
    """Say in a sentence what is wrong and what to do.

    Args:
        failure: a refusal.
        channel: as people know it, such as `#ops`.
        thread: `threadTimestamp` of the command.
        bot: the bot's name in Slack, for /invite.
    """
    by_family = next((text for start, text in _ADVICE_BY_FAMILY if failure.code.startswith(start)), None)
    sentence = _ADVICE.get(failure.code) or by_family or _ADVICE_BY_KIND[failure.kind]
    return sentence.format(
        code=failure.code,
        channel=channel,
        thread=thread,
        bot=bot or "bot",
        needed=failure.needed or "that chat.postMessage needs (chat:write)",
    )
