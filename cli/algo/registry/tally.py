"""Many transfers at once as one progress: bytes done of the bytes that have to pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import field

from algo.events import Progress
from algo.values import Record

if TYPE_CHECKING:
    from algo.events import Event, Notify
    from algo.oci.descriptor import Descriptor
    from algo.oci.digest import Digest
    from algo.registry.interface import Transfer


class Tally(Record):
    """Adds up what is told of single blobs. Its callers let in one thread at a time.

    Args:
        text: What the whole work is called.
        notify: Takes the sums.
    """

    text: str
    notify: Notify
    _sizes: dict[Digest, int] = field(default_factory=dict)
    _done: dict[Digest, int] = field(default_factory=dict)
    _there: dict[Digest, int] = field(default_factory=dict)
    _last: Event | None = None

    def expect(self, descriptor: Descriptor) -> None:
        """Count a blob among those that have to pass."""
        self._sizes[descriptor.digest] = descriptor.size

    def event(self, descriptor: Descriptor, event: Event) -> None:
        """Take what a transfer tells; anything but progress goes on as it is."""
        if not isinstance(event, Progress):
            # Several transfers meet the same trouble: it is told once, until something passes.
            if event != self._last:
                self.notify(event)
            self._last = event
            return
        digest = descriptor.digest
        # What was there when it began does not have to pass.
        there = self._there.setdefault(digest, event.done if event.done < event.total else 0)
        done = max(event.done - there, 0)
        if done > self._done.get(digest, 0):
            self._last = None
        self._done[digest] = done
        self._tell()

    def ended(self, transfer: Transfer) -> None:
        """Take note of the end of a transfer."""
        digest = transfer.digest
        if transfer.how == "sent":
            self._done[digest] = self._sizes.get(digest, 0) - self._there.get(digest, 0)
        else:
            self._sizes.pop(digest, None)
            self._done.pop(digest, None)
        self._tell()

    @property
    def stuck(self) -> bool:
        """Say whether trouble was told, and nothing has passed since then."""
        return self._last is not None

    def sums(self) -> tuple[int, int]:
        """Return the bytes that passed, and those that have to."""
        total = max(sum(self._sizes.values()) - sum(self._there.values()), 0)
        return min(sum(self._done.values()), total), total

    def _tell(self) -> None:
        done, total = self.sums()
        if total:
            self.notify(Progress(self.text, done, total))
