"""Which traces are recorded (OpenTelemetry's samplers)."""

from __future__ import annotations

from collections.abc import Callable

from algo_gateway.tracing.context import Context

# Takes the caller's place and the trace's id in hex.
Sampler = Callable[[Context | None, str], bool]
NAMES = ("always_on", "always_off", "traceidratio")
PREFIX = "parentbased_"


def sampler(name: str, argument: str) -> Sampler:
    """Return the sampler called `name` in `OTEL_TRACES_SAMPLER`.

    Raises:
        ValueError: There is none, or `argument` is no ratio.
    """
    root = name.removeprefix(PREFIX)
    if root not in NAMES:
        raise ValueError(f"there is no sampler {name!r}")
    ratio = {"always_on": 1.0, "always_off": 0.0}.get(root)
    if ratio is None:
        ratio = float(argument or 1.0)
        if not 0.0 <= ratio <= 1.0:
            raise ValueError(f"{argument} is no ratio from 0 to 1")
    # The lower 64 bits decide, so that all services of a trace decide alike.
    bound = round(ratio * (1 << 64))

    def by_ratio(parent: Context | None, trace: str) -> bool:
        return int(trace[16:], 16) < bound

    def by_parent(parent: Context | None, trace: str) -> bool:
        return parent.sampled if parent is not None else by_ratio(parent, trace)

    return by_parent if name.startswith(PREFIX) else by_ratio
