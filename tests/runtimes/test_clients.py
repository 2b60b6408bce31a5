"""Clients that others wrote, unchanged, against a real gateway."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.machine.pinned import CLIENTS
from tests.runtimes import guide

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]
    Client = Callable[[str], Path]

TENSORS = """
import time

class AlgorithmError(ValueError):
    pass

def total(value):
    return sum(map(total, value)) if isinstance(value, list) else value

def apply(value):
    if "fail" in value:
        raise AlgorithmError("you asked for it")
    if "stream" in value:
        return pieces(value["stream"])
    time.sleep(value.pop("sleep", [0])[0])
    number = isinstance(total_of(value.get("a", "")), (int, float))
    return {**value, "sum": total(value["a"]) if number else 0}

def pieces(value):
    yield from value

def total_of(value):
    return total_of(value[0]) if isinstance(value, list) else value
"""


LEGACY = """
import time

class AlgorithmError(ValueError):
    code = "too_small"

def pieces(count):
    yield from range(count)

def apply(value):
    asked = value if isinstance(value, dict) else {}
    if "refuse" in asked:
        raise AlgorithmError(asked["refuse"])
    if "stream" in asked:
        return pieces(asked["stream"])
    if "print" in asked:
        print(asked["print"])
    time.sleep(asked.get("sleep", 0))
    return 1 / 0 if "raise" in asked else value
"""


def run(python: Path, script: str, *arguments: str) -> list[str]:
    """Run a script of `clients/` in a client's environment; it ends with `ok`, or fails.

    Returns what it printed before.
    """
    words: list[str | Path] = [python, "-W", "ignore", CLIENTS / script, *arguments]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    *said, last = done.stdout.splitlines() or [""]
    assert last == "ok", done.stdout + done.stderr
    return said


def test_tritons_http_client(gateway: Start, client_python: Client) -> None:
    served = gateway(TENSORS)
    run(client_python("triton"), "triton_http.py", f"127.0.0.1:{served.port}")


def test_tritons_grpc_client(gateway: Start, client_python: Client) -> None:
    served = gateway(TENSORS, "--grpc-port", "0")
    run(client_python("triton"), "triton_grpc.py", f"127.0.0.1:{served.grpc_port}")


def test_no_answer_of_many_calls_at_once_is_mixed_up(gateway: Start, client_python: Client) -> None:
    served = gateway(TENSORS, "--grpc-port", "0")
    places = (f"127.0.0.1:{served.port}", f"127.0.0.1:{served.grpc_port}")
    run(client_python("triton"), "triton_aio.py", *places)


def test_kserves_clients(gateway: Start, client_python: Client) -> None:
    served = gateway(TENSORS, "--grpc-port", "0")
    url, address = f"http://127.0.0.1:{served.port}", f"127.0.0.1:{served.grpc_port}"
    run(client_python("kserve"), "kserve_client.py", url, address)


def test_algorithmias_client(gateway: Start, client_python: Client) -> None:
    served = gateway(LEGACY, "--development")
    url = f"http://127.0.0.1:{served.port}"
    (job,) = run(client_python("algorithmia"), "algorithmia_client.py", url)
    result = served.ask("GET", f"/jobs/{job}/result", headers={"Prefer": "wait=20"})
    assert result.json["result"] == {"a": 1}


DIGITS = """
def apply(scan):
    assert scan == {"image": [[0, 0, 5, 13, 9, 1, 0, 0]] * 8}, scan
    return {"digit": 3, "probabilities": [0.25, 0.75]}
"""


def test_the_programs_of_the_guide_print_the_digit(gateway: Start, client_python: Client) -> None:
    served = gateway(DIGITS, "--grpc-port", "0")
    places = {
        "127.0.0.1:8080": f"127.0.0.1:{served.port}",
        "127.0.0.1:8081": f"127.0.0.1:{served.grpc_port}",
        "acme/digits": "acme/it",
    }
    printed = [guide.run(client_python(name), code, places) for name, code in guide.programs()]
    assert printed == ["3 [0.25 0.75]", "3 [0.25 0.75]", "3", "3"]
