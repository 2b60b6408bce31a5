"""What was inferred, in the form of Triton's statistics extension."""

from __future__ import annotations

import time
from typing import Any


class Duration:
    """How many, and how long together in nanoseconds."""

    __slots__ = ("count", "nanoseconds")

    def __init__(self) -> None:
        self.count = 0
        self.nanoseconds = 0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.count += 1
        self.nanoseconds += round(seconds * 1e9)

    @property
    def document(self) -> dict[str, int]:
        """`{"count", "ns"}`."""
        return {"count": self.count, "ns": self.nanoseconds}


class Statistics:
    """The requests of the protocol since the start; others are in `/metrics`."""

    def __init__(self) -> None:
        self.success = Duration()
        self.fail = Duration()
        self.queue = Duration()
        self.read = Duration()
        self.infer = Duration()
        self.write = Duration()
        self.last = 0

    def succeeded(self, read: float, queue: float, infer: float, write: float) -> None:
        """Count a request.

        Args:
            read: Seconds to read its tensors.
            queue: In which it waited for a worker.
            infer: In which the worker had it.
            write: To make tensors of the result.
        """
        self.success.add(read + queue + infer + write)
        self.queue.add(queue)
        self.read.add(read)
        self.infer.add(infer)
        self.write.add(write)
        self.last = time.time_ns() // 1_000_000

    def document(self, name: str, version: str) -> dict[str, Any]:
        """Return the statistics of the model `name`."""
        nothing = Duration().document
        return {
            "name": name,
            "version": version,
            "last_inference": self.last,
            "inference_count": self.success.count,
            "execution_count": self.success.count,
            "inference_stats": {
                "success": self.success.document,
                "fail": self.fail.document,
                "queue": self.queue.document,
                "compute_input": self.read.document,
                "compute_infer": self.infer.document,
                "compute_output": self.write.document,
                "cache_hit": nothing,
                "cache_miss": nothing,
            },
            "batch_stats": [],
        }
