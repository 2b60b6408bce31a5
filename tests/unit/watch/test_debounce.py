from __future__ import annotations

from algo.watch.debounce import Debounce


def test_a_burst_ends_after_a_pause() -> None:
    debounce = Debounce(quiet=0.05)
    assert debounce.wait(10.0) is None
    debounce.add("b", 10.0)
    debounce.add("a", 10.03)
    assert debounce.wait(10.04) is not None
    assert round(debounce.wait(10.04) or 0, 3) == 0.04
    assert debounce.wait(10.08) == 0.0
    assert debounce.take() == (("a", "b"), 10.0)
    assert debounce.wait(10.1) is None


def test_a_file_written_without_pause_is_reported_in_the_end() -> None:
    debounce = Debounce(quiet=0.05, longest=1.0)
    for step in range(60):
        debounce.add("log", 10.0 + step * 0.02)
    assert debounce.wait(11.2) == 0.0


def test_the_next_burst_begins_anew() -> None:
    debounce = Debounce(quiet=0.05)
    debounce.add("a", 1.0)
    debounce.take()
    debounce.add("b", 5.0)
    assert debounce.take() == (("b",), 5.0)


def test_a_held_burst_goes_on() -> None:
    debounce = Debounce(quiet=0.05, longest=1.0)
    debounce.add("a", 1.0)
    debounce.hold(3.0)
    assert debounce.wait(2.0) == 1.0
    assert (debounce.age(2.0), debounce.idle(2.0)) == (1.0, 1.0)
    debounce.add("b", 2.5)
    assert debounce.wait(3.0) == 0.0
    assert debounce.take() == (("a", "b"), 1.0)
    debounce.add("c", 3.0)
    assert round(debounce.wait(3.0) or 0, 3) == 0.05
