"""Calls that compete: who waits, who is sent away, and whose deadline counts."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

SLEEP = "import time\n\ndef apply(value):\n    time.sleep(value)\n    return value\n"


def waiting(served: GatewayProcess, count: int) -> None:
    """Return when `count` calls wait for a worker."""
    end = time.monotonic() + 20
    while f"algo_queue_depth {count}\n".encode() not in served.ask("GET", "/metrics").body:
        assert time.monotonic() < end, f"there are never {count} calls that wait"
        time.sleep(0.01)


def test_retry_after_is_what_the_measured_rate_says(gateway: Start) -> None:
    served = gateway(SLEEP, serving={"queue": 12})
    with ThreadPoolExecutor(40) as clients:
        first = [clients.submit(served.post, 0.2) for _ in range(13)]
        waiting(served, 12)
        waiting(served, 4)
        second = [clients.submit(served.post, 0.2) for _ in range(24)]
    assert [call.result().status for call in first] == [200] * 13
    refused = [call.result() for call in second if call.result().status == 429]
    assert refused
    # Twelve of 0.2 s wait; on a busy machine each takes longer.
    assert all(2 <= int(answer.headers["retry-after"]) <= 30 for answer in refused)


def test_the_health_of_a_service_that_is_all_busy(gateway: Start) -> None:
    served = gateway(SLEEP, serving={"queue": 1})
    with ThreadPoolExecutor(2) as clients:
        calls = [clients.submit(served.post, 1) for _ in range(2)]
        waiting(served, 1)
        assert served.post(1).status == 429
        assert served.ask("GET", "/healthz").status == 200
        assert served.ask("GET", "/readyz").status == 200
    assert [call.result().status for call in calls] == [200, 200]


def test_one_client_does_not_keep_another_out(gateway: Start) -> None:
    served = gateway(SLEEP, serving={"queue": 6})
    with ThreadPoolExecutor(10) as clients:
        greedy = [clients.submit(served.post, 0.5) for _ in range(7)]
        waiting(served, 6)
        modest = served.post_from("127.0.0.2", 0)
        before = sum(call.done() for call in greedy)
    # It was the next one but one, and the newest of the six gave its place.
    assert modest.status == 200
    assert before <= 4
    assert sorted(call.result().status for call in greedy) == [200] * 6 + [429]


def test_a_client_may_ask_for_an_earlier_deadline(gateway: Start) -> None:
    served = gateway(SLEEP)
    (worker,) = served.workers()
    late = served.post(1, **{"X-Request-Timeout": "200ms"})
    assert (late.status, late.code) == (504, "deadline_exceeded")
    assert "0.2 s" in late.json["error"]["message"]
    bad = served.post(1, **{"X-Request-Timeout": "soon"})
    assert (bad.status, bad.code) == (400, "bad_timeout")
    # The worker, with all that it loaded, is not the client's to end.
    assert served.post(0).status == 200
    assert served.workers() == [worker]


def test_a_client_cannot_ask_for_a_later_deadline(gateway: Start) -> None:
    served = gateway(SLEEP, serving={"timeout": 0.3})
    late = served.post(5, **{"X-Request-Timeout": "60"})
    assert late.status == 504
    assert "0.3 s" in late.json["error"]["message"]
