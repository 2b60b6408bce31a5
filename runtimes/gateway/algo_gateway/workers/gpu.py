"""Whether a GPU holds the old workers and the new ones at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo_gateway.wire.frames import Reply
    from algo_gateway.workers.worker import Worker


def too_tight(workers: Sequence[Worker], count: int) -> bool:
    """Tell whether `count` more workers would not fit beside `workers`, as far as these know."""
    told = [worker.room for worker in workers if worker.room is not None]
    if not told:
        return False
    each = max(used for used, _ in told)
    return min(free for _, free in told) < each * count


def ran_out(reply: Reply) -> bool:
    """Tell whether a load failed because the GPU's memory was full.

    PyTorch raises OutOfMemoryError, cuBLAS and cuDNN name the status, CUDA says it in words.
    """
    text = reply.message.lower()
    named = reply.error.rpartition(".")[2] == "OutOfMemoryError"
    return named or "alloc_failed" in text or ("out of memory" in text and "cuda" in text)
