"""Several files at once, and what becomes of the others when one fails."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from algo.events import Progress, silent
from algo.models.streams import side_by_side

if TYPE_CHECKING:
    from algo.events import Notify


def test_results_come_in_the_order_of_the_items() -> None:
    first = threading.Event()

    def work(item: int, notify: Notify) -> int:
        if item == 0:
            assert first.wait(20)
        else:
            first.set()
        return item * 2

    assert side_by_side(work, range(5), notify=silent) == [0, 2, 4, 6, 8]


def test_where_one_fails_the_others_end_at_their_next_progress() -> None:
    began, ended = threading.Event(), threading.Event()

    def work(item: str, notify: Notify) -> None:
        if item == "fails":
            assert began.wait(20)
            raise ValueError(item)
        began.set()
        try:
            while True:
                notify(Progress("", 0, 1))
        finally:
            ended.set()

    with pytest.raises(ValueError, match="fails"):
        side_by_side(work, ["long", "fails", "never", "never"], notify=silent)
    assert ended.is_set()
