"""What `algo doctor` looks at, from the adapters of this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from algo.engines import health
from algo.engines.gpu import read_facts
from algo.errors import AlgoError
from algo.output import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from algo.deps import Deps
    from algo.engines.gpu import EngineGpu
    from algo.engines.health import Finding, Leftovers, Report


def checks(deps: Deps) -> Sequence[Callable[[], Finding]]:
    """Return the checks of this machine, in the order in which they are shown."""
    import algo

    installed = Path(algo.__file__).stat().st_mtime
    return (
        lambda: health.check_engine(deps.docker()),
        lambda: health.check_engine(deps.virtualenv()),
        lambda: health.check_gpu(read_facts(), _engine_gpu(deps)),
        lambda: health.check_disk(deps.folders.cache),
        lambda: health.check_clock(time.time(), installed),
        lambda: health.check_proxy(deps.env),
        lambda: health.check_watches(),
    )


def places(deps: Deps) -> Sequence[Leftovers]:
    """Return where killed commands leave something."""
    from algo.environments.virtualenv import unfinished
    from algo.images.cache import leftovers

    return (
        deps.virtualenv(),
        deps.docker(),
        deps.build_leftovers(),
        health.FileLeftovers("environment", "never finished", lambda: unfinished(deps.folders)),
        health.FileLeftovers("file", "a part of an image", lambda: leftovers(deps.folders)),
    )


def table(report: Report) -> Table:
    """Return the report for people: findings, then what was left."""
    rows = [
        (finding.name, finding.status, finding.detail, finding.fix) for finding in report.findings
    ]
    for item in report.leftovers:
        removed = item in report.removed
        rows.append(
            (
                item.kind,
                "ok" if removed else "warning",
                f"{'removed: ' if removed else 'left behind: '}{item.detail} ({_short(item.name)})",
                "" if removed else "algo doctor --fix",
            )
        )
    return Table(("what", "status", "detail", "fix"), rows)


def _engine_gpu(deps: Deps) -> EngineGpu | None:
    engine = deps.docker()
    try:
        return engine.gpu_support() if engine.answers() else None
    except AlgoError:
        return None


def _short(name: str) -> str:
    return name if "/" in name else name[:12]
