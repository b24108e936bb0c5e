"""Slack as an app sees it: the Web API, Socket Mode's payloads, response URLs and uploads."""
