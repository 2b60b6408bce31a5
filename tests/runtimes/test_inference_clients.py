"""Clients of the Open Inference Protocol, unchanged, against a real gateway."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.machine.pinned import CLIENTS

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


def run(python: Path, script: str, *arguments: str) -> None:
    """Run a script of `clients/` in a client's environment; it says `ok`, or fails."""
    words: list[str | Path] = [python, "-W", "ignore", CLIENTS / script, *arguments]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.endswith("ok\n"), done.stdout + done.stderr


def test_tritons_http_client(gateway: Start, client_python: Client) -> None:
    served = gateway(TENSORS)
    run(client_python("triton"), "triton_http.py", f"127.0.0.1:{served.port}")


def test_tritons_grpc_client(gateway: Start, client_python: Client) -> None:
    served = gateway(TENSORS, "--grpc-port", "0")
    run(client_python("triton"), "triton_grpc.py", f"127.0.0.1:{served.grpc_port}")


def test_kserves_clients(gateway: Start, client_python: Client) -> None:
    served = gateway(TENSORS, "--grpc-port", "0")
    url, address = f"http://127.0.0.1:{served.port}", f"127.0.0.1:{served.grpc_port}"
    run(client_python("kserve"), "kserve_client.py", url, address)
