"""The Slack app: its scopes and its manifest."""
