"""Slack → Flyte: the ways in, and what fills a gap."""
