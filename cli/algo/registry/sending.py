"""Many blobs to a registry at once, and how that ends when it is cut short."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed, wait
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from algo.errors import AlgoError, Interrupted
from algo.events import Note, sized
from algo.registry.errors import Busy, ConnectionLost, RegistryUnreachable
from algo.registry.interface import Interruptible
from algo.registry.tally import Tally
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Future

    from algo.events import Event, Notify
    from algo.oci.descriptor import Descriptor
    from algo.registry.interface import ReadableRegistry, Registry, Source, Transfer

# Twice as many as send a body at a time (`turns.AT_ONCE`): the others wait for a registry that
# syncs what it got. Small blobs, whose time is that of their questions and answers, do not wait
# behind the large ones.
STREAMS = 4
LARGE = 16 << 20
# How long Ctrl-C waits for the requests under way: twice what a request should take (Pace).
ENDING_SECONDS = 10.0
_MISSING = "the same command brings what is missing"


class Outgoing(Value, frozen=True):
    """A blob to push, and another repository of the target that may have it."""

    descriptor: Descriptor
    source: Source
    mount_from: str = ""


def push_blobs(
    registry: Registry,
    repository: str,
    blobs: Iterable[Outgoing],
    *,
    source: ReadableRegistry | None = None,
    notify: Notify,
    ending: float = ENDING_SECONDS,
) -> tuple[Transfer, ...]:
    """Push blobs, a few at a time, each digest once; largest first.

    `notify` is called by one thread at a time, with one progress for all. `source` is where the
    blobs come from, when that is a registry. Ctrl-C lets the requests to a registry end for
    `ending` seconds, the second one cuts them.

    Raises:
        Interrupted: Ctrl-C came, and what has passed until then is not lost.
        AlgoError: What the first push that failed raised; the others end at their next request.
    """
    unique = {blob.descriptor.digest: blob for blob in blobs}
    queue = sorted(
        unique.values(), key=lambda blob: (-blob.descriptor.size, blob.descriptor.digest)
    )
    lock = threading.Lock()
    stopped = threading.Event()

    tally = Tally(_work(registry, source), notify)
    for blob in queue:
        tally.expect(blob.descriptor)

    def one_at_a_time(descriptor: Descriptor, event: Event) -> None:
        with lock:
            tally.event(descriptor, event)
        # The pushes beside one that failed, or beside Ctrl-C, end where they can.
        if stopped.is_set():
            raise CancelledError

    def push(blob: Outgoing) -> Transfer:
        done = registry.push_blob(
            repository,
            blob.descriptor,
            blob.source,
            mount_from=blob.mount_from,
            notify=partial(one_at_a_time, blob.descriptor),
        )
        with lock:
            tally.ended(done)
        return done

    with (
        ThreadPoolExecutor(STREAMS, thread_name_prefix="large") as large,
        ThreadPoolExecutor(STREAMS, thread_name_prefix="small") as small,
    ):
        pools = ((large if blob.descriptor.size >= LARGE else small, blob) for blob in queue)
        futures = [pool.submit(push, blob) for pool, blob in pools]
        try:
            for future in as_completed(futures):
                future.result()
            return tuple(future.result() for future in futures)
        except BaseException as error:
            stopped.set()
            for pool in (large, small):
                pool.shutdown(wait=False, cancel_futures=True)
            cut = False
            if not isinstance(error, Exception):
                under_way = [future for future in futures if not future.cancelled()]
                with suppress(KeyboardInterrupt):
                    _let_end(registry, under_way, ending, tally, lock)
                cut = not all(future.done() for future in under_way)
                for waiting in (registry, source):
                    if isinstance(waiting, Interruptible):
                        waiting.interrupt()
            told = _told(error, registry, source, tally, cut=cut)
            if told is None:
                raise
            raise told from error


def _work(registry: Registry, source: ReadableRegistry | None) -> str:
    if registry.address:
        return f"Sending to {registry.address}"
    return f"Fetching from {source.address}" if source and source.address else "Storing"


def _let_end(
    registry: Registry,
    under_way: Sequence[Future[Transfer]],
    seconds: float,
    tally: Tally,
    lock: threading.Lock,
) -> None:
    """Wait for the requests under way: a registry may forget an upload whose request is cut."""
    if not isinstance(registry, Interruptible) or all(future.done() for future in under_way):
        return
    with lock:
        tally.notify(Note("ending the requests under way; Ctrl-C again cuts them"))
    wait(under_way, timeout=seconds)


def _told(
    error: BaseException,
    registry: Registry,
    source: ReadableRegistry | None,
    tally: Tally,
    *,
    cut: bool,
) -> AlgoError | None:
    """Return the error that says how far it came, `None` when there is nothing to add."""
    done, total = tally.sums()
    amount = f"{sized(done)} of {sized(total)}"
    if registry.address:
        passed = f"{amount} were sent to {registry.address}"
    else:
        passed = f"{amount} came from {source.address}" if source and source.address else ""
    if not passed or not done:
        return None
    if isinstance(error, KeyboardInterrupt):
        if cut and registry.address:
            return Interrupted(
                "interrupted: the requests under way were cut",
                hint=_MISSING,
            )
        hint = _MISSING if tally.stuck else "the same command goes on from there"
        return Interrupted(f"interrupted: {passed}", hint=hint)
    if isinstance(error, ConnectionLost | Busy):
        hint = f"{_MISSING}; {error.hint}"
        return RegistryUnreachable(f"{error.message}; {passed}", hint=hint, details=error.details)
    return None
