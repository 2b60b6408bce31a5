"""What `/metrics` says, read by Prometheus' own parsers, and the dashboard that shows it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from algo_gateway.observe.gpus import Gpus, parse
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.runtimes.conftest import GatewayProcess

    Start = Callable[..., GatewayProcess]

DOCS = Path(__file__).resolve().parents[2] / "docs"
ECHO = "def apply(value):\n    return value\n"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
# `nvidia-smi --query-gpu=… --format=csv,noheader` of an H100, and of a device that tells less.
SMI = "0, 1234 MiB, 81559 MiB, 17 %\n1, [N/A], 81559 MiB, [Not Supported]\n"


def samples(served: GatewayProcess, *, openmetrics: bool = False) -> Samples:
    headers = {"Accept": "application/openmetrics-text;version=1.0.0"} if openmetrics else {}
    answer = served.ask("GET", "/metrics", headers=headers)
    kind = answer.headers["content-type"]
    assert kind.startswith("application/openmetrics-text" if openmetrics else "text/plain")
    parser = parse_open if openmetrics else parse_plain
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parser(answer.body.decode())
        for sample in family.samples
    }


def of(found: Samples, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


@pytest.fixture
def smi(tmp_path: Path) -> dict[str, str]:
    """A PATH on which nvidia-smi says `SMI`."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncase \"$1\" in --query-gpu=*) cat <<'END'\n{SMI}END\nesac\n")
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


@pytest.mark.parametrize("openmetrics", [False, True])
def test_both_formats_are_what_prometheus_reads(gateway: Start, openmetrics: bool) -> None:
    served = gateway(ECHO, serving={"workers": 2})
    for _ in range(3):
        served.post(1)
    served.post(b"{")
    found = samples(served, openmetrics=openmetrics)
    assert of(found, "algo_requests_total", status="200") == 3
    assert of(found, "algo_requests_total", status="400") == 1
    assert of(found, "algo_errors_total", code="malformed_json") == 1
    assert of(found, "algo_request_duration_seconds_count") == 4
    assert of(found, "algo_worker_duration_seconds_count") == 4
    assert of(found, "algo_workers_wanted") == 2
    assert of(found, "algo_worker_resident_memory_bytes", worker="1") > 1e6
    assert of(found, "algo_worker_proportional_memory_bytes", worker="0") > 1e5
    assert of(found, "process_resident_memory_bytes") > 1e7
    assert abs(of(found, "process_start_time_seconds") - time.time()) < 60


def test_time_in_the_queue_is_told_from_time_in_a_worker(gateway: Start) -> None:
    served = gateway(
        """
        import os, time
        GO = os.path.join(os.path.dirname(__file__), "go")
        def apply(value):
            while not os.path.exists(GO):
                time.sleep(0.01)
        """
    )
    with ThreadPoolExecutor(2) as clients:
        both = [clients.submit(served.post, 1) for _ in range(2)]
        end = time.monotonic() + 10
        while of(samples(served), "algo_queue_depth") < 1:
            assert time.monotonic() < end
        time.sleep(0.2)
        (served.app / "src" / "go").touch()
        assert [one.result().status for one in both] == [200, 200]
    found = samples(served)
    assert of(found, "algo_queue_duration_seconds_count") == 2
    assert of(found, "algo_queue_duration_seconds_sum") > 0.2
    # No time is counted twice, neither in the queue nor in the worker.
    whole = of(found, "algo_request_duration_seconds_sum")
    parts = of(found, "algo_queue_duration_seconds_sum")
    assert parts + of(found, "algo_worker_duration_seconds_sum") < whole + 0.1


def test_calls_of_a_batch_and_side_by_side_are_timed(gateway: Start) -> None:
    code = "import asyncio\nasync def apply(value):\n    await asyncio.sleep(value)\n"
    served = gateway(code, serving={"concurrency": 4})
    with ThreadPoolExecutor(4) as clients:
        list(clients.map(lambda _: served.post(0.2), range(4)))
    found = samples(served)
    assert of(found, "algo_worker_duration_seconds_sum") > 0.79
    assert of(found, "algo_queue_duration_seconds_sum") < 0.2


def test_an_authors_codes_are_bounded(gateway: Start) -> None:
    served = gateway(
        """
        class AlgorithmError(Exception):
            def __init__(self, code):
                self.code = code
        def apply(value):
            raise AlgorithmError(f"code_{value}")
        """
    )
    for number in range(80):
        assert served.post(number).code == f"code_{number}"
    found = samples(served)
    assert of(found, "algo_errors_total", code="code_3") == 1
    assert of(found, "algo_errors_total", code="other") > 10
    assert sum(name == "algo_errors_total" for name, _ in found) <= 65


def test_what_is_refused_is_counted_by_its_reason(gateway: Start) -> None:
    served = gateway(ECHO, serving={"max_body": 10})
    served.post("x" * 100)
    served.ask("GET", "/nothing")
    found = samples(served)
    assert of(found, "algo_refused_total", reason="body_too_large") == 1
    assert of(found, "algo_refused_total", reason="not_found") == 1


def test_a_new_worker_takes_the_place_of_one_that_died(gateway: Start) -> None:
    served = gateway(ECHO, serving={"workers": 2})
    samples(served)
    os.kill(served.workers()[0], signal.SIGKILL)
    end = time.monotonic() + 10
    while of(found := samples(served), "algo_worker_restarts_total") < 1 or (
        of(found, "algo_workers") < 2
    ):
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.6)
    found = samples(served)
    places = {dict(labels)["worker"] for name, labels in found if "worker_resident" in name}
    assert places == {"0", "1"}


def test_reloads_are_counted_by_rung_and_outcome(developed: Start) -> None:
    served = developed(ECHO)
    source = served.app / "src" / "it.py"
    source.write_text("def apply(value):\n    return value + 1\n")
    assert served.reload("src/it.py")["ok"]
    source.write_text("def apply(value:\n")
    assert not served.reload("src/it.py")["ok"]
    found = samples(served)
    assert of(found, "algo_reloads_total", rung="swap", outcome="ok") == 1
    assert of(found, "algo_reloads_total", outcome="failed") == 1
    assert of(found, "algo_reload_duration_seconds_count") == 2


def test_gpus_are_read_where_the_service_has_any(gateway: Start, smi: dict[str, str]) -> None:
    found = samples(gateway(ECHO, environment=smi))
    assert of(found, "algo_gpu_memory_used_bytes", gpu="0") == 1234 << 20
    assert of(found, "algo_gpu_memory_total_bytes", gpu="0") == 81559 << 20
    assert of(found, "algo_gpu_utilization_ratio", gpu="0") == 0.17
    without = samples(gateway(ECHO, environment={**smi, "CUDA_VISIBLE_DEVICES": ""}))
    assert not any(name.startswith("algo_gpu") for name, _ in without)


def test_a_gpu_that_tells_nothing_is_passed_over(smi: dict[str, str]) -> None:
    assert [gpu.index for gpu in Gpus(smi).read(10)] == ["0"]
    assert parse("0, 10 MiB, 20 MiB, [N/A]\n")[0].load is None
    assert parse("NVIDIA-SMI has failed because it couldn't communicate\n") == ()


def expressions() -> list[str]:
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    found = [one["expr"] for panel in dashboard["panels"] for one in panel.get("targets", ())]
    assert len(found) > 20
    return found


def queried(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:algo|process)_[a-z_]+", re.sub(r"\{[^}]*\}", "", expression)))


def everything(gateway: Start, smi: dict[str, str]) -> GatewayProcess:
    nowhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    served = gateway(ECHO, environment=smi | nowhere)
    assert served.post(1).status == 200
    assert served.post(1, Prefer="respond-async").status == 202
    return served


def test_the_dashboard_asks_for_what_is_there_and_the_reference_tells_of_it(
    gateway: Start, smi: dict[str, str]
) -> None:
    names = {name for name, _ in samples(everything(gateway, smi))}
    asked = {name for expression in expressions() for name in queried(expression)}
    assert asked - names == set()
    bare = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
    told = (DOCS / "reference.md").read_text()
    ours = {name for name in bare if name.startswith("algo_")}
    assert {name for name in ours if f"`{name}`" not in told} == set()
    # A figure that no panel shows is one that nobody looks at.
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert ours - shown == set()


@pytest.mark.slow
def test_prometheus_itself_answers_every_query_of_the_dashboard(
    gateway: Start, smi: dict[str, str], prometheus: Path, tmp_path: Path
) -> None:
    served = everything(gateway, smi)
    page = served.ask("GET", "/metrics").body
    lint = subprocess.run(
        [prometheus.parent / "promtool", "check", "metrics"],
        input=page,
        capture_output=True,
        check=False,
    )
    assert (lint.returncode, lint.stdout + lint.stderr) == (0, b"")
    with scraping(prometheus, served.port, tmp_path) as ask:
        end = time.monotonic() + 60
        while not (ask("count_over_time(algo_info[1m]) > 5") or time.monotonic() > end):
            served.post(1)
            time.sleep(0.2)
        for expression in expressions():
            filled = expression.replace("$__rate_interval", "1m")
            filled = filled.replace("$job", ".*").replace("$instance", ".*")
            assert ask(filled), filled


@contextmanager
def scraping(program: Path, port: int, folder: Path) -> Iterator[Callable[[str], list[Any]]]:
    """Run Prometheus on a gateway; give a function that evaluates a query."""
    scrape = {"job_name": "algo", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    settings = {"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(json.dumps(settings))
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
    process = subprocess.Popen(
        [
            str(program),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/prometheus",
            f"--web.listen-address=127.0.0.1:{own}",
        ],
        stderr=subprocess.DEVNULL,
    )

    def ask(expression: str) -> list[Any]:
        query = urllib.parse.urlencode({"query": expression})
        url = f"http://127.0.0.1:{own}/api/v1/query?{query}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from error
        except OSError:
            return []  # it is starting
        assert document["status"] == "success"
        found: list[Any] = document["data"]["result"]
        return found

    try:
        yield ask
    finally:
        process.terminate()
        process.wait(20)
