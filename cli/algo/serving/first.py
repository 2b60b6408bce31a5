"""The first load of a service: an edit replaces it, as it replaces one that still reloads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import field

from algo.serving.control import Control
from algo.serving.probe import PAUSE, answers, refuse_failed, wait_ready
from algo.values import Record
from algo.watch.interface import Change

if TYPE_CHECKING:
    import queue
    from collections.abc import Callable

    from algo.serving.exchange import Served
    from algo.serving.lines import Printed
    from algo.serving.reload import Reloads

    Changes = queue.SimpleQueue[Change | None]


def first_load(
    served: Served,
    printed: Printed,
    reloads: Reloads,
    changes: Changes,
    slow: Callable[[], None],
) -> None:
    """Return once `served` takes calls.

    Code that loads may never end, so the first edit takes its place, or the key that loads it anew.
    From then on what fails is told as of any reload, and the next edit is waited for.

    Args:
        served: What was started; `ready` says afterwards that it takes calls.
        printed: What its instance prints.
        reloads: Brings the edits.
        changes: The edits.
        slow: Called once when the code that was there at the start loads for long.

    Raises:
        LoadFailed: The code failed before anybody edited it, or the instance ended.
        NotReady: Nobody edited it, and it took too long.
        ControlLost: The control endpoint does not answer.
        EngineLost: The engine that runs it went away.
    """
    instance = served.instance
    edits = _Edits(served, reloads, changes)
    wait_ready(instance, printed, slow=slow, unless=edits.came)
    # What changed may need another instance, which has loaded when it takes over.
    while served.instance is instance and not answers(instance, printed):
        edits.bring()
        # Of code that has been edited since: the reload tells what comes of the edit.
        printed.fault = None
        refuse_failed(instance, printed)
        reloads.check()
        time.sleep(PAUSE)
    served.ready = True


class _Edits(Record):
    """Hands on edits as soon as there is a control endpoint to tell of them."""

    served: Served
    reloads: Reloads
    changes: Changes
    _paths: dict[str, None] = field(default_factory=dict)
    _at: float = 0.0
    _anew: bool = False

    def came(self) -> bool:
        """Tell whether there is one, or the key that loads anew."""
        return not (self.changes.empty() and self.reloads.heavy.empty())

    def bring(self) -> None:
        """Bring those that came, as one."""
        while not self.changes.empty():
            change = self.changes.get()
            if change is not None:
                self._paths |= dict.fromkeys(change.paths)
                self._at = change.at
        if self._paths and self._listens():
            self.reloads.take(Change(tuple(self._paths), self._at))
            self._paths = {}
        while not self.reloads.heavy.empty():
            what = self.reloads.heavy.get()
            if isinstance(what, Change):
                self.reloads.prepare(what)
            else:
                self._anew = True
        if self._anew and self._listens():
            self._anew = False
            self.reloads.force()

    def _listens(self) -> bool:
        control = self.served.instance.control
        return control is not None and Control(control).listens()
