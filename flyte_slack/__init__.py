"""Flyte's Slack pack: messages in Slack become events in Flyte, actions of flows become messages in Slack."""

__version__ = "0.1.0"
