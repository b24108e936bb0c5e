"""The pack's events, one kind a file."""
