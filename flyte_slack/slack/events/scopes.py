"""The scopes that events need, each with what it is for."""

from ..api.scopes import Scope

MESSAGES = (
    Scope("channels:history", "receives and looks up messages of public channels"),
    Scope("groups:history", "receives and looks up messages of private channels"),
    Scope("im:history", "receives and looks up direct messages"),
    Scope("mpim:history", "receives and looks up group direct messages"),
)

CHANNELS = (
    Scope("channels:read", "lists and names public channels", required=False),
    Scope("groups:read", "lists and names private channels", required=False),
    Scope("im:read", "lists direct messages", required=False),
    Scope("mpim:read", "lists and names group direct messages", required=False),
)

PEOPLE = (
    Scope("users:read", "names of users", required=False),
    Scope("users:read.email", "e-mail addresses of users", required=False),
)

_MESSAGES_BY_TYPE = {
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "message.mpim": ("mpim:history",),
}
MESSAGE_TYPES = tuple(_MESSAGES_BY_TYPE)
"""Subscriptions by which messages come: Slack has no single one."""

_CHANNEL_FAMILY = (
    "archive",
    "created",
    "deleted",
    "rename",
    "unarchive",
    "left",
    "id_changed",
    "history_changed",
)

BY_SLACK_TYPE: dict[str, tuple[str, ...]] = {
    "app_deleted": (),
    "app_home_opened": (),
    "app_installed": (),
    "app_mention": ("app_mentions:read",),
    "app_rate_limited": (),
    "app_requested": (),
    "app_uninstalled": (),
    "app_uninstalled_team": (),
    "assistant_thread_context_changed": ("assistant:write",),
    "assistant_thread_started": ("assistant:write",),
    "call_rejected": ("calls:read",),
    **{f"channel_{name}": ("channels:read",) for name in _CHANNEL_FAMILY},
    "channel_history_changed": ("channels:history",),
    "channel_shared": ("channels:read", "groups:read"),
    "channel_unshared": ("channels:read", "groups:read"),
    "dnd_updated": ("dnd:read",),
    "dnd_updated_user": ("dnd:read",),
    "email_domain_changed": ("team:read",),
    "emoji_changed": ("emoji:read",),
    "entity_details_requested": (),
    "file_change": ("files:read",),
    "file_created": ("files:read",),
    "file_deleted": ("files:read",),
    "file_public": ("files:read",),
    "file_shared": ("files:read",),
    "file_unshared": ("files:read",),
    "function_executed": (),
    "grid_migration_finished": (),
    "grid_migration_started": (),
    **{f"group_{name}": ("groups:read",) for name in (*_CHANNEL_FAMILY, "close", "open")},
    "group_history_changed": ("groups:history",),
    "im_close": ("im:read",),
    "im_created": ("im:read",),
    "im_history_changed": ("im:history",),
    "im_open": ("im:read",),
    "invite_requested": ("admin.invites:read",),
    "link_shared": ("links:read",),
    "member_joined_channel": ("channels:read", "groups:read"),
    "member_left_channel": ("channels:read", "groups:read"),
    "message": ("channels:history", "groups:history", "im:history", "mpim:history"),
    "message_metadata_deleted": ("metadata.message:read",),
    "message_metadata_posted": ("metadata.message:read",),
    "message_metadata_updated": ("metadata.message:read",),
    "pin_added": ("pins:read",),
    "pin_removed": ("pins:read",),
    "reaction_added": ("reactions:read",),
    "reaction_removed": ("reactions:read",),
    "shared_channel_invite_accepted": ("conversations.connect:manage",),
    "shared_channel_invite_approved": ("conversations.connect:manage",),
    "shared_channel_invite_declined": ("conversations.connect:manage",),
    "shared_channel_invite_received": ("conversations.connect:read",),
    "shared_channel_invite_requested": ("conversations.connect:manage",),
    "star_added": ("stars:read",),
    "star_removed": ("stars:read",),
    "subteam_created": ("usergroups:read",),
    "subteam_members_changed": ("usergroups:read",),
    "subteam_self_added": ("usergroups:read",),
    "subteam_self_removed": ("usergroups:read",),
    "subteam_updated": ("usergroups:read",),
    "team_access_granted": (),
    "team_access_revoked": (),
    "team_domain_change": ("team:read",),
    "team_join": ("users:read",),
    "team_rename": ("team:read",),
    "tokens_revoked": (),
    "url_verification": (),
    "user_change": ("users:read",),
    "user_huddle_changed": ("users:read",),
    "user_profile_changed": ("users.profile:read",),
    "user_status_changed": ("users:read",),
    "workflow_deleted": (),
    "workflow_published": (),
    "workflow_step_deleted": (),
    "workflow_unpublished": (),
}
"""What Slack asks for, for each of its event types that it documents."""
