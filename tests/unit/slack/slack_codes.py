"""Slack's error codes that several tests go through, by the kind of failure that they are."""

TOKEN = (
    "invalid_auth not_authed account_inactive token_expired token_revoked missing_scope no_permission "
    "not_allowed_token_type access_denied accesslimited team_access_not_granted enterprise_is_restricted "
    "two_factor_setup_required"
)
TARGET = (
    "channel_not_found not_in_channel is_archived restricted_action restricted_action_read_only_channel "
    "restricted_action_thread_only_channel restricted_action_non_threadable_channel "
    "messages_tab_disabled ekm_access_denied"
)
MESSAGE = (
    "no_text invalid_blocks invalid_blocks_format msg_blocks_too_long too_many_attachments msg_too_long "
    "cannot_reply_to_message invalid_arguments invalid_metadata_format invalid_metadata_schema "
    "metadata_too_large"
)
