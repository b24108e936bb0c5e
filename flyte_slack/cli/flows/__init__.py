"""The commands `flows check` and `flows test`: for authors of flows."""
