"""Progress as values: use cases hand them to `notify`, `output` shows them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """A unit of work began: `Locking requirements.in for linux/amd64`."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A fact worth one line: `No lock yet: writing algo.lock`."""

    text: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something is not as it should be, and the work goes on."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units (bytes unless said) of the work called `text`."""

    text: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Log:
    """One line that the algorithm, or a tool we run, printed."""

    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """A service answers at `url`; `sample` is a request body it accepts, as JSON text.

    `grpc` is its `host:port` for gRPC, empty where there is none.
    `token`: a call wants one.
    """

    url: str
    sample: str
    engine: str
    digest: str = ""
    grpc: str = ""
    token: bool = False


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A change reached the running service.

    `rung` is `none`, `limits` (of `[serving]`), `swap` (state kept), `worker` (new worker),
    `program` (compiled, new worker), `environment` (new worker with other packages) or `container`
    (a new one); `milliseconds` counts from the change seen on disk to the new code answering.
    `packages` is how many packages came, went or have another version.
    """

    trigger: str
    rung: str
    milliseconds: float
    packages: int = 0


@dataclass(frozen=True, slots=True)
class ReloadFailed:
    """A change did not load; the old code goes on serving, unless none `serves` yet."""

    trigger: str
    message: str
    file: str = ""
    line: int = 0
    details: str = ""
    serves: bool = True


@dataclass(frozen=True, slots=True)
class Stopped:
    """The service ended."""

    reason: str = ""


Event = Step | Note | Warned | Progress | Log | Ready | Reloaded | ReloadFailed | Stopped
Notify = Callable[[Event], None]


def silent(event: Event) -> None:
    """Drop an event: the `notify` of callers that show nothing."""


def one_at_a_time(notify: Notify) -> Notify:
    """Return `notify` for several threads: one event is shown before the next."""
    lock = threading.Lock()

    def locked(event: Event) -> None:
        with lock:
            notify(event)

    return locked


def elapsed(milliseconds: float) -> str:
    """Return `41 ms`, `1.2 s`."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def counted(count: int, noun: str) -> str:
    """Return `1 package`, `2 packages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def sized(count: int) -> str:
    """Return a number of bytes as people read it: `67.3 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
