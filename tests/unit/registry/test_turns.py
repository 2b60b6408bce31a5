from __future__ import annotations

import threading

import pytest
from algo.registry.turns import LARGE, Turns


def ignore() -> None:
    pass


def entered(turns: Turns, size: int = LARGE) -> threading.Event:
    """Take a turn in a thread of its own; tell when it is had."""
    had = threading.Event()

    def take() -> None:
        with turns.turn(size, ignore):
            had.set()

    threading.Thread(target=take, daemon=True).start()
    return had


def test_the_next_body_begins_when_one_is_sent_and_not_answered_yet() -> None:
    turns = Turns(at_once=1)
    with turns.turn(LARGE, ignore) as turn:
        waiting = entered(turns)
        assert not waiting.wait(0.05)
        assert list(turn.over(iter([b"a", b"b"]))) == [b"a", b"b"]
        assert waiting.wait(5)


def test_a_turn_that_breaks_off_is_given_back_once() -> None:
    turns = Turns(at_once=1)
    for _ in range(2):
        with pytest.raises(ConnectionError), turns.turn(LARGE, ignore) as turn:
            next(turn.over(iter([b"a", b"b"])))
            raise ConnectionError
    with turns.turn(LARGE, ignore) as turn:
        turn.end()
        with turns.turn(LARGE, ignore):
            turn.end()
            assert not entered(turns).wait(0.05)


def test_a_small_body_does_not_wait() -> None:
    turns = Turns(at_once=1)
    with turns.turn(LARGE, ignore):
        assert entered(turns, LARGE - 1).wait(5)


def test_one_that_waits_ends_when_it_is_not_wanted_any_more() -> None:
    class Unwanted(Exception):
        pass

    def look() -> None:
        raise Unwanted

    turns = Turns(at_once=1)
    with turns.turn(LARGE, ignore), pytest.raises(Unwanted), turns.turn(LARGE, look):
        pass
