"""Slack's Web API: the client, what its answers mean, its clock."""
