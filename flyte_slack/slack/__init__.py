"""Everything that knows Slack: receiving events, mapping them, looking names up, and posting."""
