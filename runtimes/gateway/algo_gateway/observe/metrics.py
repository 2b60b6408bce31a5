"""What one gateway counts while it serves; `figures` shows it."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from algo_gateway.observe.histogram import SECONDS, SIZES, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

# A code of the author's is a label: so many are told apart, and the rest is `other`.
MOST_CODES = 64
# Requests with these codes never came to a worker.
REFUSALS = frozenset(
    {
        *("queue_full", "stopping", "not_loaded", "body_too_large", "body_timeout", "bad_length"),
        *("token_required", "token_invalid", "token_expired", "scope_missing", "bad_timeout"),
        *("host_refused", "origin_refused", "not_found", "method_not_allowed"),
        *("head_too_large", "too_many_headers", "head_timeout", "malformed_request"),
        *("too_many_connections", "too_many_bytes"),
    }
)


class Metrics:
    """Counters and histograms since the start."""

    def __init__(self) -> None:
        self.answers: dict[int, int] = {200: 0, 500: 0}
        self.errors: dict[str, int] = {"exception": 0, "deadline_exceeded": 0, "worker_died": 0}
        self.refusals: dict[str, int] = {"queue_full": 0}
        self.reloads: dict[tuple[str, str], int] = {("swap", "ok"): 0, ("worker", "ok"): 0}
        self.restarts = 0
        self.requests = Histogram()
        self.waits = Histogram()
        self.works = Histogram()
        self.batches = Histogram(SIZES)
        self.reload_times = Histogram()
        self.lags = Histogram()
        # How many clients are connected.
        self.connections: Callable[[], int] = lambda: 0
        # Spans by what became of them, where traces are recorded.
        self.spans: Callable[[], dict[str, int]] | None = None
        # Jobs by state, once there was one.
        self.jobs: Callable[[], dict[str, int]] | None = None

    def answered(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.answers[status] = self.answers.get(status, 0) + 1
        requests = self.requests
        requests.counts[bisect_left(SECONDS, seconds)] += 1
        requests.sum += seconds

    def worked(self, waited: float, seconds: float) -> None:
        """Count a call that a worker answered: how long it waited, and how long that took."""
        waits, works = self.waits, self.works
        waits.counts[bisect_left(SECONDS, waited)] += 1
        waits.sum += waited
        works.counts[bisect_left(SECONDS, seconds)] += 1
        works.sum += seconds

    def failed(self, code: str) -> None:
        """Count an answer that is an error, or a request that was refused, by its code."""
        counts = self.refusals if code in REFUSALS else self.errors
        if code not in counts and len(counts) >= MOST_CODES:
            code = "other"
        counts[code] = counts.get(code, 0) + 1

    def turned_away(self, status: int, code: str) -> None:
        """Count an answer to what was no request."""
        self.answered(status, 0.0)
        self.failed(code)

    def batched(self, size: int) -> None:
        """Count a batch."""
        self.batches.observe(size)

    def reloaded(self, rung: str, outcome: str, seconds: float) -> None:
        """Count a reload: its rung (empty where none was reached), `ok`, `failed`, `overtaken`."""
        self.reloads[rung, outcome] = self.reloads.get((rung, outcome), 0) + 1
        self.reload_times.observe(seconds)
