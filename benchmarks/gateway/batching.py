"""Batching on a scikit-learn model with 64 clients, beside BentoML's and LitServe's own.

python -m benchmarks.gateway.batching [--seconds 5] [--rounds 2] [--peers bentoml,litserve]

The same pipeline (scaler, logistic regression) and the same picture for all, one worker each,
batches of at most 64; each waits for others as its own batching decides, at most 5 ms in ours
and in LitServe's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from benchmarks.gateway.load import Load, wrk
from benchmarks.gateway.servers import APPS, PEERS, Server, gateway, running
from benchmarks.outcome import Outcome, Ratio, report
from tests.machine import apt
from tests.machine.pinned import interpreter

CLIENTS = 64
COLUMNS = [
    "server",
    "answers of 200 a second",
    "p50 ms",
    "p99 ms",
    "processor ms a call",
    "not 200",
]


def main() -> None:
    """Measure every server in turn and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each run of wrk")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--peers", default="bentoml,litserve")
    options = parser.parse_args()
    apt.install("wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "digits"
        shutil.copytree(APPS / "digits", folder)
        python = str(interpreter(PEERS / "sklearn.txt"))
        subprocess.run([python, str(folder / "train.py"), str(folder)], check=True)
        servers = servers_for(folder, options.peers.split(","))
        loads: dict[str, list[Load]] = {server.name: [] for server in servers}
        for _ in range(options.rounds):
            for server in servers:
                with running(server) as found:
                    wrk(found.target, CLIENTS, 2)  # warm-up: adaptive batching learns
                    loads[server.name].append(wrk(found.target, CLIENTS, options.seconds))
    rate = {
        name: statistics.median(load.good_per_second for load in several)
        for name, several in loads.items()
    }
    rows = [[name, f"{rate[name]:.0f}", *_cells(several)] for name, several in loads.items()]
    asked = [
        Ratio(f"batching, 64 clients, of {name}'s", rate["algo"] / there, 1.5, least=True)
        for name, there in rate.items()
        if name != "algo"
    ]
    title = "batching on a scikit-learn model, 64 clients"
    report(Outcome("gateway.batching", title, COLUMNS, rows, asked))


def _cells(several: list[Load]) -> list[str]:
    failures = sum(load.failures for load in several)
    return [
        f"{statistics.median(load.p50 for load in several):.2f}",
        f"{statistics.median(load.p99 for load in several):.2f}",
        f"{statistics.median(load.cpu for load in several):.3f}",
        f"{failures} of {sum(load.answers for load in several)}",
    ]


def servers_for(folder: Path, peers: list[str]) -> list[Server]:
    """Return the servers of the model in `folder`."""
    picture = json.loads((folder / "picture.json").read_text())
    body, digit = {"image": picture["image"]}, picture["digit"]
    model = {"DIGITS_MODEL": str(folder / "model.pkl"), "BENTOML_DO_NOT_TRACK": "1"}
    found = [gateway("algo", str(folder), body, peer="sklearn", expected=digit)]
    if "bentoml" in peers:
        found.append(
            Server(
                "BentoML",
                lambda python, port: [
                    *(python, "-m", "bentoml", "serve", "bentoml_digits:Digits"),
                    *("--host", "127.0.0.1", "--port", str(port)),
                ],
                "/apply",
                {"image": [picture["image"]]},
                lambda answer: answer[0],  # type: ignore[index]
                peer="bentoml-sklearn",
                env=lambda port: model,
                expected=digit,
            )
        )
    if "litserve" in peers:
        found.append(
            Server(
                "LitServe",
                lambda python, port: [python, "litserve_digits.py", str(port)],
                "/predict",
                body,
                lambda answer: answer,
                peer="litserve-sklearn",
                env=lambda port: model,
                expected=digit,
            )
        )
    return found


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # batches are small: threads cost all alike
    main()
