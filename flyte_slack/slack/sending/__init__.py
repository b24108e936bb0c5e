"""Flyte → Slack: posts, paced and never doubled."""
