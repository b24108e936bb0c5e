"""Slack's `ts`: seconds since the epoch with six digits behind the point, which also name a message."""

import math
from datetime import UTC, datetime


def seconds(ts: object) -> float:
    """Return a `ts` as seconds since the epoch; 0 if it is none."""
    try:
        value = float(str(ts or 0))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value >= 0 else 0.0


def instant(ts: object) -> datetime:
    """Return the time that a `ts` stands for; now, if it stands for none."""
    try:
        return datetime.fromtimestamp(float(str(ts)), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)
