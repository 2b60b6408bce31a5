"""docs/performance.md, written from the recorded results."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import msgspec

from benchmarks.outcome import Outcome, markdown

ROOT = Path(__file__).resolve().parent
RESULTS = ROOT / "results.json"
PAGE = ROOT.parent / "docs" / "performance.md"
HEAD = """# Performance

Written by `python -m benchmarks --table` from `benchmarks/results.json`; how each figure is
measured, and how to repeat it, is in [benchmarks/README.md](../benchmarks/README.md). What is
compared took turns in the same run on the same machine; medians are shown. What was asked for
and missed says so.
"""
SOAK = """
## A soak

`make soak` ([how](../benchmarks/README.md#a-soak))

![Memory and latency over time](soak.svg)
"""


class Results(msgspec.Struct):
    """The recorded outcomes by benchmark, and the machine they are of."""

    machine: str = ""
    outcomes: dict[str, Outcome] = {}


def read(path: Path = RESULTS) -> Results:
    """Return the recorded results; empty ones where there are none yet."""
    if not path.is_file():
        return Results()
    return msgspec.json.decode(path.read_bytes(), type=Results)


def write(results: Results, path: Path = RESULTS) -> None:
    """Record results."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def machine() -> str:
    """Return what this machine is, in words."""
    cores = len(os.sched_getaffinity(0))
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    model = next((line.partition(": ")[2] for line in lines if "model name" in line), "")
    return f"{cores} cores of {model or platform.machine()}, Python {platform.python_version()}"


def page(results: Results, order: tuple[str, ...]) -> str:
    """Return the page's text, benchmarks in this order."""
    found = [results.outcomes[name] for name in order if name in results.outcomes]
    lines = [HEAD, f"Measured on {results.machine}.", "", "## Against what was asked for", ""]
    ratios = [
        [ratio.name, f"{ratio.value:.2f}{f' {ratio.unit}' if ratio.unit else ''}", ratio.verdict]
        for outcome in found
        for ratio in outcome.ratios
    ]
    lines += markdown(["figure", "measured", "asked for"], ratios)
    for outcome in found:
        title = outcome.title[0].upper() + outcome.title[1:]
        lines += ["", f"## {title}", "", f"`python -m benchmarks.{outcome.benchmark}`, "]
        lines[-1] += f"{outcome.date}{f', {outcome.note}' if outcome.note else ''}"
        lines += ["", *markdown(outcome.columns, outcome.rows)]
    return "\n".join(lines) + "\n" + SOAK


def write_page(results: Results, order: tuple[str, ...]) -> None:
    """Write docs/performance.md."""
    PAGE.write_text(page(results, order), encoding="utf-8")
