"""The sandbox: an embedded Flyte API and Slack workspace, for trying the pack without any account.

Written from what is known of the real servers, and importing nothing of the pack's own clients, so
that it can disagree with them.
"""
