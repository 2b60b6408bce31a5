"""The curves of a soak as SVG: memory and latency over time, and when there was trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.soak.samples import Sample

WIDTH, HEIGHT, LEFT, TOP, GAP = 900, 180, 60, 50, 60
COLOURS = ("#1f5fbf", "#c2571a")


def drawn(samples: Sequence[Sample], title: str, subtitle: str) -> str:
    """Return the SVG of two panels that share the axis of time, in minutes."""
    end = max(samples[-1].seconds, 1.0)
    panels = [
        _panel(
            "memory (PSS), MB",
            {
                "gateway": [one.gateway_mb for one in samples],
                "gateway and workers": [one.all_mb for one in samples],
            },
            samples,
            end,
            0,
        ),
        _panel(
            "latency of a small call, ms",
            {"median": [one.p50_ms for one in samples], "p99": [one.p99_ms for one in samples]},
            samples,
            end,
            1,
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
    label: str, lines: dict[str, list[float]], samples: Sequence[Sample], end: float, place: int
) -> str:
    top = TOP + place * (HEIGHT + GAP) + 20
    most = max(max(values) for values in lines.values()) * 1.1 or 1.0
    parts = [f'<text x="{LEFT}" y="{top - 6}" fill="#333">{escape(label)}</text>']
    for step in range(5):
        y = top + HEIGHT - HEIGHT * step / 4
        parts.append(f'<path d="M{LEFT} {y:.1f}H{LEFT + WIDTH}" stroke="#ddd"/>')
        value = f"{most * step / 4:.3g}"
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    for step in range(7):
        x = LEFT + WIDTH * step / 6
        minutes = f"{end / 60 * step / 6:.3g} min"
        parts.append(f'<text x="{x:.1f}" y="{top + HEIGHT + 16}" text-anchor="middle">{minutes}')
        parts[-1] += "</text>"
    marks = "".join(
        f"M{LEFT + WIDTH * one.seconds / end:.1f} {top + HEIGHT}v-5"
        for one in samples
        if one.trouble
    )
    parts.append(f'<path d="{marks}" stroke="#999"/>' if marks else "")
    for number, (name, values) in enumerate(lines.items()):
        points = " ".join(
            f"{LEFT + WIDTH * one.seconds / end:.1f},{top + HEIGHT - HEIGHT * value / most:.1f}"
            for one, value in zip(samples, values, strict=True)
        )
        colour = COLOURS[number]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        x = LEFT + WIDTH - 10
        y = top + 14 + 15 * number
        parts.append(f'<text x="{x}" y="{y}" text-anchor="end" fill="{colour}">{name}</text>')
    return "\n".join(parts)
