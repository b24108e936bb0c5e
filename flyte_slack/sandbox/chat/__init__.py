"""The sandbox's own interface to the workspace, for its page and for scripts."""
