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
    """The requests of the protocol since the start; others are in `/metrics`.

    The time in the queue is part of `infer`: the gateway does not know where it ended.
    """

    def __init__(self) -> None:
        self.success = Duration()
        self.fail = Duration()
        self.read = Duration()
        self.infer = Duration()
        self.write = Duration()
        self.last = 0

    def succeeded(self, read: float, infer: float, write: float) -> None:
        """Count a request: seconds to read the tensors, to infer, to make tensors of the result."""
        self.success.add(read + infer + write)
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
                "queue": nothing,
                "compute_input": self.read.document,
                "compute_infer": self.infer.document,
                "compute_output": self.write.document,
                "cache_hit": nothing,
                "cache_miss": nothing,
            },
            "batch_stats": [],
        }
