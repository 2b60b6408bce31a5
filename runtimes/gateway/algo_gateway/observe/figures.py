"""Everything that `/metrics` shows: what was counted, and what is read when somebody asks."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from typing import TYPE_CHECKING

from algo_gateway.observe.exposition import Family, distribution, labelled, single, text
from algo_gateway.observe.gpus import Gpus
from algo_gateway.observe.processes import Usage, descendants, open_files, usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from algo_gateway.config import Description
    from algo_gateway.observe.logs import Logs
    from algo_gateway.observe.metrics import Metrics
    from algo_gateway.workers.pool import Pool

# The system is not asked more often than this, however often somebody scrapes; in seconds.
FRESH = 0.5


class Figures:
    """The figures of one gateway."""

    def __init__(self, description: Description, pool: Pool, metrics: Metrics, logs: Logs) -> None:
        self._description = description
        self._pool = pool
        self._metrics = metrics
        self._logs = logs
        self._gpus = Gpus(os.environ)
        # Workers come and go; a label is the place of one among those that are there.
        self._places: dict[int, int] = {}
        self._system: list[Family] = []
        self._read = -FRESH

    async def text(self, *, openmetrics: bool) -> bytes:
        """Return all figures; the system is read in a thread, as its files can be slow."""
        if time.monotonic() - self._read > FRESH:
            workers = self._workers()
            self._system = await asyncio.to_thread(self._of_system, workers)
            self._read = time.monotonic()
        families = [*self._of_requests(), *self._of_workers(), *self._of_reloads()]
        families += [*self._of_jobs(), *self._of_traces()]
        return text([*families, *self._system], openmetrics=openmetrics)

    def _workers(self) -> dict[int, int]:
        """Return the place of each worker by its process; a place that is free is taken again."""
        pids = [worker.pid for worker in (*self._pool.workers, *self._pool.leaving)]
        self._places = {pid: place for pid, place in self._places.items() if pid in pids}
        for pid in pids:
            if pid not in self._places:
                taken = set(self._places.values())
                self._places[pid] = next(n for n in range(len(taken) + 1) if n not in taken)
        return self._places

    def _of_requests(self) -> list[Family]:
        metrics, pool = self._metrics, self._pool
        runner = pool.runner
        answers = sorted(metrics.answers.items())
        return [
            Family(
                "algo_info",
                "gauge",
                "What is served; the value is 1.",
                [
                    (
                        "",
                        {
                            "algorithm": self._description.name,
                            "runner": runner.language if runner else "",
                        },
                        1,
                    )
                ],
            ),
            labelled("algo_requests_total", "counter", "Answers by status.", "status", answers),
            labelled(
                "algo_errors_total", "counter", "Calls that failed.", "code", metrics.errors.items()
            ),
            labelled(
                "algo_refused_total",
                "counter",
                "Requests that never came to a worker.",
                "reason",
                metrics.refusals.items(),
            ),
            distribution(
                "algo_request_duration_seconds", "From a request to its answer.", metrics.requests
            ),
            distribution(
                "algo_queue_duration_seconds", "How long calls waited for a worker.", metrics.waits
            ),
            distribution(
                "algo_worker_duration_seconds", "How long a worker took for a call.", metrics.works
            ),
            distribution("algo_batch_size", "Calls that one batch held.", metrics.batches),
            single("algo_queue_depth", "gauge", "Calls that wait now.", pool.queue.waiting),
            single("algo_queue_limit", "gauge", "Calls that may wait.", pool.serving.queue),
            single("algo_connections", "gauge", "Clients connected.", metrics.connections()),
            single("algo_calls_in_flight", "gauge", "Calls in workers now.", pool.running),
        ]

    def _of_workers(self) -> list[Family]:
        metrics, pool = self._metrics, self._pool
        return [
            single("algo_workers", "gauge", "Workers that are ready.", len(pool.workers)),
            single("algo_workers_wanted", "gauge", "As many should be.", pool.serving.workers),
            single("algo_worker_restarts_total", "counter", "Workers that died.", metrics.restarts),
            distribution(
                "algo_event_loop_lag_seconds",
                "How late the gateway's event loop comes to what is due.",
                metrics.lags,
            ),
            single(
                "algo_log_lines_dropped_total",
                "counter",
                "Log lines that came faster than they were read.",
                self._logs.lost,
            ),
        ]

    def _of_reloads(self) -> list[Family]:
        metrics = self._metrics
        samples = [
            ("", {"rung": rung, "outcome": outcome}, count)
            for (rung, outcome), count in sorted(metrics.reloads.items())
        ]
        return [
            Family("algo_reloads_total", "counter", "Reloads by rung and outcome.", [*samples]),
            distribution(
                "algo_reload_duration_seconds",
                "From an edit that was told to its end.",
                metrics.reload_times,
            ),
        ]

    def _of_jobs(self) -> list[Family]:
        if self._metrics.jobs is None:
            return []
        counts = self._metrics.jobs()
        now = [(state, counts[state]) for state in ("queued", "running")]
        ended = [(state, counts[state]) for state in ("succeeded", "failed", "cancelled")]
        return [
            labelled("algo_jobs", "gauge", "Jobs that have not ended.", "state", now),
            labelled("algo_jobs_total", "counter", "Jobs that ended.", "state", ended),
            *_of_webhooks(counts),
        ]

    def _of_traces(self) -> list[Family]:
        if self._metrics.spans is None:
            return []
        spans = self._metrics.spans().items()
        return [labelled("algo_trace_spans_total", "counter", "Spans.", "outcome", spans)]

    def _of_system(self, workers: Mapping[int, int]) -> list[Family]:
        own = usage(os.getpid())
        found = {
            str(place): taken for pid, place in workers.items() if (taken := usage(pid)) is not None
        }
        others = [pid for pid in descendants(os.getpid()) if pid not in workers]
        shares = [taken.proportional for pid in others if (taken := usage(pid)) is not None]
        of_gateway = _of_gateway(own) if own else []
        return [*self._of_gpus(), *_of_processes(found, sum(shares)), *of_gateway]

    def _of_gpus(self) -> list[Family]:
        gpus = self._gpus.read()
        loads = [(gpu.index, gpu.load) for gpu in gpus if gpu.load is not None]
        return [
            labelled(
                "algo_gpu_memory_used_bytes",
                "gauge",
                "Memory of the GPU in use, by whomever.",
                "gpu",
                [(gpu.index, gpu.used) for gpu in gpus],
            ),
            labelled(
                "algo_gpu_memory_total_bytes",
                "gauge",
                "Memory of the GPU.",
                "gpu",
                [(gpu.index, gpu.total) for gpu in gpus],
            ),
            labelled(
                "algo_gpu_utilization_ratio", "gauge", "Share of time it works.", "gpu", loads
            ),
        ]


def _of_webhooks(counts: Mapping[str, int]) -> list[Family]:
    if "webhook_delivered" not in counts:
        return []
    came = [(name, counts[f"webhook_{name}"]) for name in ("delivered", "retried", "failed")]
    return [labelled("algo_webhooks_total", "counter", "Attempts to deliver.", "outcome", came)]


def _of_processes(workers: Mapping[str, Usage], others: int) -> list[Family]:
    resident = [(place, taken.resident) for place, taken in workers.items()]
    proportional = [(place, taken.proportional) for place, taken in workers.items()]
    cpu = [(place, taken.cpu) for place, taken in workers.items()]
    return [
        labelled(
            "algo_worker_resident_memory_bytes",
            "gauge",
            "Memory of a worker, with all that it shares.",
            "worker",
            resident,
        ),
        labelled(
            "algo_worker_proportional_memory_bytes",
            "gauge",
            "Memory of a worker, with its part of what it shares (PSS).",
            "worker",
            proportional,
        ),
        labelled("algo_worker_cpu_seconds_total", "counter", "Processor time.", "worker", cpu),
        single(
            "algo_runner_proportional_memory_bytes",
            "gauge",
            "Memory of what workers are forked from, and of what they started (PSS).",
            others,
        ),
    ]


def _of_gateway(own: Usage) -> list[Family]:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return [
        single(
            "algo_gateway_proportional_memory_bytes",
            "gauge",
            "Memory of the gateway, with its part of what it shares (PSS).",
            own.proportional,
        ),
        single("process_cpu_seconds_total", "counter", "Processor time of the gateway.", own.cpu),
        single("process_resident_memory_bytes", "gauge", "Memory of the gateway.", own.resident),
        single("process_virtual_memory_bytes", "gauge", "Its addresses.", own.virtual),
        single("process_start_time_seconds", "gauge", "When it started.", own.started),
        single("process_open_fds", "gauge", "Files it has open.", open_files()),
        single("process_max_fds", "gauge", "Files it may open.", most),
    ]
