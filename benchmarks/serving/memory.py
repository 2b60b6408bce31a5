"""Memory of four workers on a model of 500 MB against one worker's, with and without sharing.

python -m benchmarks.serving.memory [--models array,forest,objects]

Proportional set size of the gateway and all of its runner's processes, after every worker has
answered and so has read all of its model.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.gateway.usage import pss_megabytes
from benchmarks.outcome import Outcome, Ratio, report
from benchmarks.serving.project import ALGO, algo, scaffold, started

MODELS = Path(__file__).resolve().parent / "models"
WORKERS = 4
LIMIT = 1.3
COLUMNS = [
    *("model", "1 worker MB", f"{WORKERS} workers MB", "without sharing MB"),
    "a killed worker replaced, ms",
]
# Read and written by each call, so that sharing is worth less: told, not promised.
NO_LIMIT = {"objects"}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="array,forest,objects")
    models = parser.parse_args().models.split(",")
    rows, asked = [], []
    with tempfile.TemporaryDirectory() as folder:
        project = scaffold("python/sklearn", "digits", Path(folder))
        shutil.copytree(MODELS, project / "src", dirs_exist_ok=True)
        if "forest" in models:
            algo(project, "exec", "--", "python", "src/forest.py")
        for model in models:
            one, _ = measured(project, model, 1)
            four, restart = measured(project, model, WORKERS)
            apart, _ = measured(project, model, WORKERS, "preload = false")
            limit = None if model in NO_LIMIT else LIMIT
            name = f"memory of {WORKERS} workers, of one's, model {model}"
            asked.append(Ratio(name, four / one, limit, least=False))
            cells = [f"{one:.0f}", f"{four:.0f}", f"{apart:.0f}", f"{restart * 1000:.0f}"]
            rows.append([model, *cells])
    title = f"memory of {WORKERS} workers on a model of 500 MB"
    report(Outcome("serving.memory", title, COLUMNS, rows, asked))


def measured(project: Path, model: str, workers: int, more: str = "") -> tuple[float, float]:
    """Return the megabytes of a service, and in how many seconds it replaces a killed worker."""
    manifest = project / "algo.toml"
    before = manifest.read_text()
    head, _, _ = before.partition("[serving]")
    head = head.replace("src/digits.py:apply", f"src/{model}.py:apply")
    manifest.write_text(f"{head}[serving]\nworkers = {workers}\ntimeout = '2m'\n{more}\n")
    words = [ALGO, "serve", "--engine", "virtualenv", "--port", "0", "--json", "--no-reload"]
    try:
        with started(words, project) as process:
            return _loaded(process, workers)
    finally:
        manifest.write_text(before)


def _loaded(process: subprocess.Popen[str], workers: int) -> tuple[float, float]:
    assert process.stdout is not None
    url = next(
        json.loads(line)["url"]
        for line in process.stdout
        if json.loads(line).get("event") == "ready"
    )
    with ThreadPoolExecutor(workers) as clients:
        for _ in range(3):
            list(clients.map(lambda number: _call(url, number), range(workers)))
    below = _below(process.pid)
    memory = sum(pss_megabytes(pid) for pid in below)
    victim = next(pid for pid in below if _name(pid) == "algo-worker")
    began = time.perf_counter()
    subprocess.run(["kill", "-9", str(victim)], check=True)
    wanted = (b"algo_worker_restarts_total 1\n", f"algo_workers {workers}\n".encode())
    while not all(line in page for page in [_call(url)] for line in wanted):
        time.sleep(0.001)
    return memory, time.perf_counter() - began


def _call(url: str, value: int | None = None) -> bytes:
    """Call it with `value`; without one get its metrics."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)
    if value is None:
        connection.request("GET", "/metrics")
    else:
        connection.request("POST", "/", str(value), {"Content-Type": "application/json"})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    if response.status != http.client.OK:
        raise SystemExit(f"{response.status}: {body[:500]!r}")
    return body


def _below(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *_below(child)]
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
