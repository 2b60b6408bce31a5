"""The curves of a soak as SVG: memory and latency over time, and when there was trouble."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.soak.samples import Sample

WIDTH, HEIGHT, LEFT, TOP, GAP = 900, 180, 60, 50, 60
COLOURS = ("#1f5fbf", "#c2571a")


def drawn(samples: Sequence[Sample], title: str, subtitle: str) -> str:
    """Return the SVG of two panels that share the axis of time, in minutes."""
    end = max(samples[-1].seconds, 1.0)
    memory = {
        "gateway": [one.gateway_mb for one in samples],
        "gateway and workers": [one.all_mb for one in samples],
    }
    latency = {
        "median": [one.p50_ms for one in samples],
        "99th percentile": [one.p99_ms for one in samples],
    }
    steps = _round_steps(max(map(max, memory.values())))
    powers = [0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0]
    panels = [
        _panel(
            "memory (PSS), MB", memory, samples, end, TOP + 20, steps, lambda one: one / steps[-1]
        ),
        _panel(
            "latency of a small call, ms",
            latency,
            samples,
            end,
            TOP + 20 + HEIGHT + GAP,
            powers,
            lambda one: min(max(math.log10(max(one, 0.1) / 0.1) / 5, 0.0), 1.0),
        ),
    ]
    height = TOP + 2 * (HEIGHT + GAP) + 10
    text = 'font-family="system-ui, sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 30} {height}" '
    return "\n".join(
        [
            f'{head}{text} role="img" aria-label="{escape(title)}">',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="18" font-size="15" font-weight="600">{escape(title)}</text>',
            f'<text x="{LEFT}" y="36" fill="#555">{escape(subtitle)}</text>',
            *panels,
            "</svg>",
            "",
        ]
    )


def _panel(
    label: str,
    lines: dict[str, list[float]],
    samples: Sequence[Sample],
    end: float,
    top: int,
    ticks: Sequence[float],
    height_of: Callable[[float], float],
) -> str:
    """Draw one panel; `height_of` gives a value's share of the height, from 0 to 1."""
    bottom = top + HEIGHT
    parts = [f'<text x="{LEFT}" y="{top - 8}" fill="#333">{escape(label)}</text>']
    for tick in ticks:
        y = bottom - HEIGHT * height_of(tick)
        parts.append(f'<path d="M{LEFT} {y:.1f}h{WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for step in range(7):
        x, minutes = LEFT + WIDTH * step / 6, end / 60 * step / 6
        text = f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{minutes:.3g} min</text>'
        parts.append(text)
    troubled = [LEFT + WIDTH * one.seconds / end for one in samples if one.trouble]
    marks = "".join(f"M{x:.1f} {bottom}v-5" for x in troubled)
    parts.append(f'<path d="{marks}" stroke="#999"/>' if marks else "")
    for number, (name, values) in enumerate(lines.items()):
        points = " ".join(
            f"{LEFT + WIDTH * one.seconds / end:.1f},{bottom - HEIGHT * height_of(value):.1f}"
            for one, value in zip(samples, values, strict=True)
        )
        colour = COLOURS[number]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        x = LEFT + WIDTH - 160 * (len(lines) - 1 - number)
        text = f'<text x="{x}" y="{top - 8}" text-anchor="end" fill="{colour}">{name}</text>'
        parts.append(text)
    return "\n".join(parts)


def _round_steps(most: float) -> list[float]:
    """Return five ticks from 0 to at least `most`, whose step is 1, 2 or 5 times a power of 10."""
    power = 10.0 ** math.floor(math.log10(max(most, 1e-3) / 4))
    step = next(power * times for times in (1, 2, 5, 10) if power * times * 4 >= most)
    return [step * number for number in range(5)]
