"""Who is next, who gives way, when to come back, and how long a client waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from algo_gateway.calls.call import Call, Failure
from algo_gateway.calls.deadlines import client_timeout
from algo_gateway.calls.rate import LONGEST, Rate
from algo_gateway.calls.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def waiting(loop: asyncio.AbstractEventLoop, clients: str) -> Waiting[Call]:
    """Calls of the clients that the letters of `clients` name, numbered in their order."""
    queue: Waiting[Call] = Waiting()
    for number, client in enumerate(clients):
        future = loop.create_future()
        gone = asyncio.Event().wait
        queue.append(Call(number, "", b"", number, 60.0, 60.0, future, gone, client))
    return queue


def drain(queue: Waiting[Call]) -> list[int]:
    return [queue.next().id for _ in range(len(queue))]


def test_clients_are_served_in_turn(loop: asyncio.AbstractEventLoop) -> None:
    assert drain(waiting(loop, "aaaab")) == [0, 4, 1, 2, 3]
    assert drain(waiting(loop, "aabcab")) == [0, 2, 3, 1, 5, 4]


def test_calls_of_one_client_keep_their_order(loop: asyncio.AbstractEventLoop) -> None:
    assert drain(waiting(loop, "aaaaa")) == [0, 1, 2, 3, 4]


def test_what_is_put_back_is_next(loop: asyncio.AbstractEventLoop) -> None:
    queue = waiting(loop, "aab")
    first, second = queue.next(), queue.next()
    assert (first.id, second.id) == (0, 2)
    for call in (second, first):
        queue.put_back(call)
    assert drain(queue) == [0, 2, 1]


def test_the_oldest_is_found_among_all(loop: asyncio.AbstractEventLoop) -> None:
    queue = waiting(loop, "abab")
    queue.next()
    assert queue.oldest == 1


def test_the_newest_call_of_the_greediest_gives_way(loop: asyncio.AbstractEventLoop) -> None:
    queue = waiting(loop, "aaabb")
    shed = queue.give_way("c")
    assert shed is not None
    assert shed.id == 2
    assert len(queue) == 4
    # With the new one b would have as many as a: nobody is better served by a swap.
    assert queue.give_way("b") is None
    assert waiting(loop, "aaa").give_way("a") is None
    assert Waiting().give_way("a") is None


def test_a_call_that_left_is_not_there(loop: asyncio.AbstractEventLoop) -> None:
    queue = waiting(loop, "ab")
    call = queue.next()
    assert not queue.remove(call)
    assert queue.remove(next(iter(queue)))
    assert len(queue) == 0


def test_the_rate_is_what_was_answered_while_calls_waited() -> None:
    rate = Rate(0.0)
    assert rate.seconds_for(1000) == 1
    for second in range(1, 21):
        rate.sample(float(second), 10 * second, busy=True)
    assert rate.seconds_for(45) == 5
    # An idle hour is no news about what could be answered.
    rate.sample(3620.0, 210, busy=False)
    assert rate.seconds_for(45) == 5
    for second in range(3621, 3650):
        rate.sample(float(second), 210, busy=True)
    assert rate.seconds_for(45) == LONGEST


def test_the_rate_of_the_first_moment_counts_in_full() -> None:
    rate = Rate(0.0)
    rate.sample(0.05, 1, busy=True)
    assert rate.seconds_for(100) == 5


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [
        ("x-request-timeout", "2", 2.0),
        ("x-request-timeout", "2.5s", 2.5),
        ("x-request-timeout", " 500ms ", 0.5),
        ("grpc-timeout", "2S", 2.0),
        ("grpc-timeout", "500m", 0.5),
        ("grpc-timeout", "1H", 3600.0),
    ],
)
def test_a_client_says_how_long_it_waits(name: str, value: str, seconds: float) -> None:
    assert client_timeout({name: value}) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-request-timeout", "soon"),
        ("x-request-timeout", "0"),
        ("x-request-timeout", "-1"),
        ("x-request-timeout", "1e9"),
        ("x-request-timeout", "nan"),
        ("grpc-timeout", "2.5S"),
        ("grpc-timeout", "123456789S"),
    ],
)
def test_what_is_no_duration_is_refused(name: str, value: str) -> None:
    with pytest.raises(Failure) as refused:
        client_timeout({name: value})
    assert (refused.value.status, refused.value.code) == (400, "bad_timeout")
    assert value in refused.value.message


def test_without_a_header_the_limit_is_the_services() -> None:
    assert client_timeout({}) is None
