"""Counters and a latency histogram, in Prometheus' text form (exposition format 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from algo_gateway.workers.pool import Pool

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """What one gateway counted since it started."""

    def __init__(self) -> None:
        self.answers: dict[int, int] = {}
        self.reloads = 0
        self.restarts = 0
        self.refused = 0
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0
        self._total = 0
        self._batches = [0] * (len(BATCHES) + 1)
        self._batched = 0
        # Jobs by state, once there was one.
        self.jobs: Callable[[], dict[str, int]] | None = None

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.answers[status] = self.answers.get(status, 0) + 1
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self._sum += seconds
        self._total += 1

    def batched(self, size: int) -> None:
        """Count a batch."""
        self._batches[bisect_left(BATCHES, size)] += 1
        self._batched += size

    def text(self, pool: Pool) -> str:
        """Return everything as text."""
        lines = ["# HELP algo_requests_total Answers by HTTP status."]
        lines += ["# TYPE algo_requests_total counter"]
        for status, count in sorted(self.answers.items()):
            lines.append(f'algo_requests_total{{status="{status}"}} {count}')
        lines += ["# HELP algo_request_seconds Time from the request's arrival to its answer."]
        lines += ["# TYPE algo_request_seconds histogram"]
        lines += _histogram("algo_request_seconds", BUCKETS, self._counts, f"{self._sum:.6f}")
        if self._batched:
            lines += ["# HELP algo_batch_size Calls that one batch held."]
            lines += ["# TYPE algo_batch_size histogram"]
            lines += _histogram("algo_batch_size", BATCHES, self._batches, str(self._batched))
        gauges = {
            "algo_queue_depth": (pool.queue.waiting, "gauge", "Calls that wait for a worker."),
            "algo_calls_in_flight": (pool.running, "gauge", "Calls that workers answer now."),
            "algo_workers": (len(pool.workers), "gauge", "Workers that are ready."),
            "algo_reloads_total": (self.reloads, "counter", "Reloads that succeeded."),
            "algo_worker_restarts_total": (self.restarts, "counter", "Workers that died."),
            "algo_refused_total": (self.refused, "counter", "Calls refused by a full queue."),
        }
        for name, (value, kind, text) in gauges.items():
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"]
        if self.jobs is not None:
            lines += _jobs(self.jobs())
        return "\n".join(lines) + "\n"


def _jobs(counts: dict[str, int]) -> Iterator[str]:
    yield "# HELP algo_jobs Jobs that have not ended, by state."
    yield "# TYPE algo_jobs gauge"
    for state in ("queued", "running"):
        yield f'algo_jobs{{state="{state}"}} {counts[state]}'
    yield "# HELP algo_jobs_total Jobs that ended, by state."
    yield "# TYPE algo_jobs_total counter"
    for state in ("succeeded", "failed", "cancelled"):
        yield f'algo_jobs_total{{state="{state}"}} {counts[state]}'


def _histogram(
    name: str, bounds: Sequence[float], counts: Sequence[int], total: str
) -> Iterator[str]:
    running = 0
    for bound, count in zip((*bounds, "+Inf"), counts, strict=True):
        running += count
        yield f'{name}_bucket{{le="{bound}"}} {running}'
    yield f"{name}_sum {total}"
    yield f"{name}_count {running}"
