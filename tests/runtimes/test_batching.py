"""Batches: their cost is learned, they wait where it pays, and each call has its answer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from algo_gateway.calls.batching import Batching, Cost

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess, RunnerProcess

    Start = Callable[..., RunnerProcess]
    Serve = Callable[..., GatewayProcess]

DOUBLE = """
def apply_batch(inputs):
    print(len(inputs))
    return [ValueError("odd") if value % 2 else value * 2 for value in inputs]
"""
SLOW = """
import time

def apply_batch(inputs):
    time.sleep(inputs[0] if len(inputs) == 1 else 0.02)
    return [[value, len(inputs)] for value in inputs]
"""


def batch(*bodies: bytes) -> tuple[dict[str, object], bytes]:
    calls = [
        {"id": number, "content_type": "application/json", "length": len(body)}
        for number, body in enumerate(bodies, 1)
    ]
    return {"type": "batch", "calls": calls}, b"".join(bodies)


def answers(runner: RunnerProcess, count: int) -> dict[int, tuple[str, str]]:
    found = {}
    for _ in range(count):
        header, body = runner.read()
        found[header["id"]] = (header["type"], header.get("message") or body.decode())
    return found


def metrics(served: GatewayProcess) -> str:
    return served.ask("GET", "/metrics").body.decode()


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("fixed", [0.0, 0.001, 0.05])
def test_the_cost_of_a_batch_is_learned(fixed: float) -> None:
    cost = Cost()
    for size in (1, 4, 2, 8, 16, 3) * 5:
        cost.measured(size, fixed + 0.002 * size)
    assert cost.line() == pytest.approx((fixed, 0.002), abs=1e-6)


def test_batches_of_one_size_count_as_all_fixed() -> None:
    cost = Cost()
    for _ in range(20):
        cost.measured(4, 0.008)
    assert cost.line() == pytest.approx((0.008, 0.0))


def arrivals(batching: Batching, gap: float, count: int = 50) -> float:
    """Let calls arrive and return the time of the last one."""
    for number in range(count):
        batching.arrived(100 + number * gap)
    return 100 + (count - 1) * gap


def learned(fixed: float, each: float) -> Batching:
    batching = Batching(max_size=32, max_wait=0.01)
    for size in (1, 2, 4, 8) * 5:
        batching.cost.measured(size, fixed + each * size)
    return batching


def test_a_call_waits_where_a_batch_costs_more_than_the_next_arrival() -> None:
    batching = learned(0.005, 0.0001)
    now = arrivals(batching, 0.0005)
    assert batching.wait(1, now, now) == pytest.approx(0.001)
    assert batching.wait(32, now, now) == 0.0  # full
    assert batching.wait(1, now, now - 0.01) == 0.0  # waited long enough
    assert batching.wait(1, now, now - 0.0095) == pytest.approx(0.0005)


def test_a_call_leaves_where_waiting_costs_more() -> None:
    rare = learned(0.005, 0.0001)
    now = arrivals(rare, 0.1)
    assert rare.wait(1, now, now) == 0.0
    linear = learned(0.0, 0.005)
    now = arrivals(linear, 0.0005)
    assert linear.wait(1, now, now) == 0.0
    assert Batching(32, 0.01).wait(1, now, now) == 0.0  # nothing is known yet


def test_each_call_of_a_batch_has_its_own_answer(runner: Start) -> None:
    started = runner(DOUBLE)
    assert started.load()["batch"] is True
    started.write(*batch(b"2", b"3", b"nope", b"4"))
    assert answers(started, 4) == {
        1: ("result", "4"),
        2: ("error", "odd"),
        3: ("error", "the body is not JSON: Expecting value at line 1, column 1"),
        4: ("result", "8"),
    }
    header, _ = started.call(b"21", 9)
    assert (header["id"], header["type"]) == (9, "error")
    assert started.call(b"22", 10)[1] == b"44"


def test_one_input_that_raises_spoils_no_other(runner: Start) -> None:
    started = runner("def apply_batch(inputs):\n    return [1 / value for value in inputs]\n")
    started.load()
    started.write(*batch(b"1", b"0", b"2"))
    assert answers(started, 3) == {
        1: ("result", "1.0"),
        2: ("error", "division by zero"),
        3: ("result", "0.5"),
    }


def test_a_batch_of_another_length_is_a_fault_of_the_result(runner: Start) -> None:
    started = runner("def apply_batch(inputs):\n    return [0]\n")
    started.load()
    started.write(*batch(b"1", b"2"))
    assert answers(started, 2) == {1: ("result", "0"), 2: ("result", "0")}
    started = runner("def apply_batch(inputs):\n    return 5\n")
    started.load()
    header, _ = started.call(b"1")
    assert (header["fault"], header["code"]) == ("result", "batch_mismatch")
    assert header["message"] == "the batch returned int, not a list"


def test_an_apply_that_is_marked_takes_batches(runner: Start) -> None:
    started = runner(
        "def load():\n    return 10\n"
        "def apply(inputs: list[int], state) -> list[int]:\n"
        "    return [value + state for value in inputs]\n"
        "apply.batch = True\n"
    )
    ready = started.load()
    assert (ready["schema"]["input"], ready["schema"]["output"]) == ({"type": "integer"},) * 2
    started.write(*batch(b"1", b"2"))
    assert answers(started, 2) == {1: ("result", "11"), 2: ("result", "12")}


def test_an_async_batch_is_awaited(runner: Start) -> None:
    started = runner("async def apply_batch(inputs):\n    return [value + 1 for value in inputs]\n")
    started.load()
    started.write(*batch(b"1", b"2"))
    assert answers(started, 2) == {1: ("result", "2"), 2: ("result", "3")}


def test_calls_that_come_together_are_answered_together(gateway: Serve) -> None:
    served = gateway(SLOW, serving={"batch": {"max_size": 8, "max_wait": 0.01}})
    with ThreadPoolExecutor(17) as clients:
        first = clients.submit(served.post, 1.5)
        eventually(lambda: "algo_calls_in_flight 1\n" in metrics(served))
        others = [clients.submit(served.post, number) for number in range(16)]
        eventually(lambda: "algo_queue_depth 16\n" in metrics(served))
        assert first.result().json == [1.5, 1]
        found = [other.result().json for other in others]
    # All 16 came while the worker was busy: they left as two full batches.
    assert found == [[number, 8] for number in range(16)]
    assert "algo_batch_size_sum 17\n" in metrics(served)
    assert "algo_batch_size_count 3\n" in metrics(served)


def test_a_worker_that_dies_in_a_batch_leaves_the_rest_of_the_queue(gateway: Serve) -> None:
    code = "import os, time\ndef apply_batch(inputs):\n    time.sleep(0.1)\n"
    code += "    if 0 in inputs:\n        os._exit(4)\n    return inputs\n"
    served = gateway(code, serving={"batch": {"max_size": 4, "max_wait": 0.01}})
    with ThreadPoolExecutor(12) as clients:
        first = clients.submit(served.post, 0)
        others = list(clients.map(lambda value: served.post(value).status, range(1, 12)))
    assert first.result().status == 502
    assert others.count(200) >= 11 - 3
    assert set(others) <= {200, 502}
