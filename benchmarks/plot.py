"""The plot of the round trips' distribution, as SVG by hand."""

import math
from collections.abc import Mapping, Sequence

from figures import percentile

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 176, 32, 48
_COLOURS = ("#0072b2", "#56b4e9", "#d55e00", "#e69f00", "#009e73", "#8fd18f")
_TICKS = (5, 10, 20, 40, 100, 200, 500, 1000, 2000, 5000)


def distribution(latencies: Mapping[str, Sequence[float]]) -> str:
    """Return a plot of the share of messages that were posted within a time, one line for each kind."""
    everything = sorted(one for them in latencies.values() for one in them) or [1.0, 1000.0]
    low = min(5.0, everything[0])
    high = max(200.0, percentile(everything, 0.999))

    def x(value: float) -> float:
        share = math.log(max(low, min(value, high)) / low) / math.log(high / low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(share: float) -> float:
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="18">Share of messages posted within a time after they were written</text>',
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 0.95, 1.0):
        parts.append(_line(x(low), y(share), x(high), y(share), "#ddd"))
        parts.append(f'<text x="{_LEFT - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for tick in _TICKS:
        if low <= tick <= high:
            wanted = tick in (40, 100)
            parts.append(_line(x(tick), y(0), x(tick), y(1), "#888" if wanted else "#ddd", dashed=wanted))
            parts.append(f'<text x="{x(tick):.1f}" y="{y(0) + 18:.1f}" text-anchor="middle">{tick}</text>')
    parts.append(f'<text x="{(x(low) + x(high)) / 2:.1f}" y="{_HEIGHT - 10}" text-anchor="middle">ms</text>')
    for index, (name, samples) in enumerate(latencies.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        shares = [step / 200 for step in range(201)]
        points = " ".join(f"{x(percentile(samples, share)):.1f},{y(share):.1f}" for share in shares)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        height = _TOP + 16 + 20 * index
        parts.append(_line(_WIDTH - _RIGHT + 12, height - 4, _WIDTH - _RIGHT + 36, height - 4, colour))
        parts.append(f'<text x="{_WIDTH - _RIGHT + 42}" y="{height}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dash}/>'
