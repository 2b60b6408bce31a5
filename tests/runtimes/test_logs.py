"""What a gateway writes down: ids of requests, JSON lines, the access log."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

PRINTS = "def apply(value):\n    print('got', value)\n    return 1 / value\n"


def lines(served: GatewayProcess, count: int) -> list[dict[str, Any]]:
    end = time.monotonic() + 10
    while len(served.printed) < count:
        assert time.monotonic() < end, served.printed
        time.sleep(0.01)
    return [json.loads(line) for line in served.printed]


@pytest.mark.parametrize("flags", [(), ("--access-log",)])
def test_every_answer_has_an_id(gateway: Start, flags: tuple[str, ...]) -> None:
    served = gateway("def apply(value):\n    yield from range(value)\n", *flags)
    answers = [served.post(2), served.post(b"{"), served.post(0), served.ask("GET", "/none")]
    answers += [served.ask("GET", "/healthz"), served.ask("DELETE", "/invoke")]
    ids = {answer.headers["x-request-id"] for answer in answers}
    assert len(ids) == len(answers)
    assert served.post(2, **{"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert served.post(b"{", **{"X-Request-Id": "mine-2"}).headers["x-request-id"] == "mine-2"


def test_an_id_that_is_not_well_formed_is_replaced(gateway: Start) -> None:
    served = gateway(PRINTS)
    for given in ("a b", "x" * 129, 'a"b', "", "a\tb"):
        answer = served.post(1, **{"X-Request-Id": given})
        assert answer.headers["x-request-id"] not in ("", given)


def test_lines_carry_the_id_that_the_caller_gave(gateway: Start) -> None:
    served = gateway(PRINTS)
    served.post(0, **{"X-Request-Id": "mine"})
    printed, failed = lines(served, 2)
    assert (printed["message"], printed["stream"], printed["request"]) == (
        "got 0",
        "stdout",
        "mine",
    )
    assert (failed["level"], failed["request"]) == ("error", "mine")
    assert printed["time"].endswith("Z")


def test_the_access_log_is_off_until_it_is_asked_for(gateway: Start) -> None:
    served = gateway("def apply(value):\n    return value\n")
    served.post(1)
    served.stop()
    assert served.printed == []


def test_the_access_log_has_a_line_for_each_answer(gateway: Start) -> None:
    code = "def apply(value):\n    return value\n"
    served = gateway(code, environment={"ALGO_ACCESS_LOG": "1"})
    body = b'{"password": "hunter2"'
    assert served.ask("GET", "/readyz").status == 200
    served.ask("POST", "/invoke?key=hunter2", body, {"Authorization": "Bearer hunter2"})
    answer = served.ask("GET", "/no%0Asuch")
    first, second = lines(served, 2)
    assert (first["message"], first["status"]) == ("POST /invoke 400", 400)
    assert (first["method"], first["path"], first["code"]) == ("POST", "/invoke", "malformed_json")
    assert first["milliseconds"] > 0
    assert (second["path"], second["request"]) == ("/no\nsuch", answer.headers["x-request-id"])
    assert not any("hunter2" in line for line in served.printed)


def test_the_access_log_is_plain_in_development(developed: Start) -> None:
    code = "def apply(value):\n    return value\n"
    served = developed(code, environment={"ALGO_ACCESS_LOG": "1"})
    served.post(1)
    served.ask("GET", "/no%0A%1b[31msuch")
    served.stop()
    assert served.printed[0].startswith("POST / 200 ")
    assert served.printed[1].startswith("GET /no\\n\\x1b[31msuch 404 ")
