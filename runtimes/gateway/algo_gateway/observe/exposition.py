"""Figures as text for Prometheus: exposition format 0.0.4, and OpenMetrics 1.0 when asked for.

Sources: prometheus.io/docs/instrumenting/exposition_formats and openmetrics.io.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from algo_gateway.observe.histogram import Histogram

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name (a counter's ends with `_total`), its type, and its samples.

    A sample is a suffix of the name, labels and a value.
    """

    name: str
    kind: str
    help: str
    samples: list[tuple[str, Mapping[str, str], float]] = field(default_factory=list)


def single(name: str, kind: str, text: str, value: float) -> Family:
    """Return a metric of one value without labels."""
    return Family(name, kind, text, [("", {}, value)])


def labelled(
    name: str, kind: str, text: str, label: str, values: Iterable[tuple[object, float]]
) -> Family:
    """Return a metric with one label."""
    return Family(name, kind, text, [("", {label: str(key)}, value) for key, value in values])


def distribution(name: str, text: str, histogram: Histogram) -> Family:
    """Return a histogram."""
    running = 0
    samples: list[tuple[str, Mapping[str, str], float]] = []
    for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
        running += count
        samples.append(("_bucket", {"le": str(bound)}, running))
    samples += [("_sum", {}, histogram.sum), ("_count", {}, running)]
    return Family(name, "histogram", text, samples)


def accepts_open(accept: str) -> bool:
    """Tell whether an `Accept` header asks for OpenMetrics, as Prometheus' own does."""
    return "application/openmetrics-text" in accept


def text(families: Iterable[Family], *, openmetrics: bool) -> bytes:
    """Return `families` in one of the two formats; those without a sample are left out."""
    lines = [line for family in families if family.samples for line in _lines(family, openmetrics)]
    if openmetrics:
        lines.append("# EOF")
    return ("\n".join(lines) + "\n").encode()


def _lines(family: Family, openmetrics: bool) -> Iterator[str]:
    name = family.name
    if openmetrics and family.kind == "counter":
        name = name.removesuffix("_total")
    yield f"# HELP {name} {family.help}"
    yield f"# TYPE {name} {family.kind}"
    for suffix, labels, value in family.samples:
        inside = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items() if label)
        shown = f"{{{inside}}}" if inside else ""
        yield f"{family.name}{suffix}{shown} {_number(value)}"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(round(value, 9))
