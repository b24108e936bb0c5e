"""The pack's commands, one a file."""
