"""Several files of a model at once."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from algo.events import Event, Notify

STREAMS = 3
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(
    work: Callable[[_Item, Notify], _Result], items: Iterable[_Item], *, notify: Notify
) -> list[_Result]:
    """Return what `work` makes of each item, in their order, three at a time.

    Where one fails, or at Ctrl-C, the others end at their next progress.

    Args:
        work: Does one; it tells its progress by the `notify` that it is given.
        items: What to do.
        notify: Takes the progress of all.
    """
    stopped = threading.Event()

    def told(event: Event) -> None:
        if stopped.is_set():
            raise CancelledError
        notify(event)

    with ThreadPoolExecutor(STREAMS, thread_name_prefix="model") as pool:
        futures = [pool.submit(work, item, told) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
            return [future.result() for future in futures]
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
