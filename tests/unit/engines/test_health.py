from __future__ import annotations

from typing import TYPE_CHECKING

from algo.engines.errors import EngineUnavailable
from algo.engines.gpu import EngineGpu
from algo.engines.gpu_facts import GpuFacts
from algo.engines.health import (
    FileLeftovers,
    Finding,
    check_clock,
    check_cuda,
    check_disk,
    check_engine,
    check_gpu,
    check_proxy,
    check_watches,
    examine,
)
from algo.engines.interface import EngineInfo, Leftover

from tests.fakes.engines import FakeEngine

if TYPE_CHECKING:
    from pathlib import Path


class Absent(FakeEngine):
    """An engine that does not answer."""

    def check(self) -> EngineInfo:
        raise EngineUnavailable("no engine here")


def test_an_absent_engine_is_missing_and_named_with_its_fix() -> None:
    assert check_engine(FakeEngine()).status == "ok"
    found = check_engine(Absent())
    assert (found.status, found.detail) == ("missing", "no engine here")
    assert "virtualenv" in found.fix


def test_leftovers_are_listed_and_removed_when_asked(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.left = [Leftover("session", "s", "killed")]
    (tmp_path / "part").mkdir()
    files = FileLeftovers("file", "unfinished", lambda: tmp_path.iterdir())
    report = examine([], [engine, files], fix=False)
    assert [item.kind for item in report.leftovers] == ["session", "file"]
    assert report.removed == ()
    assert examine([], [engine, files], fix=True).removed == report.leftovers
    assert examine([], [engine, files], fix=False).leftovers == ()


def test_a_failure_makes_the_machine_unhealthy() -> None:
    assert not examine([lambda: Finding("x", "failed", "")], [], fix=False).healthy
    assert examine([lambda: Finding("x", "warning", "")], [], fix=False).healthy


def test_a_gpu_names_what_stands_in_its_way() -> None:
    assert check_gpu(GpuFacts(), EngineGpu()).status == "none"
    driver = GpuFacts(driver="570", nodes=("/dev/nvidia0",))
    found = check_gpu(driver, EngineGpu())
    assert (found.status, found.fix) == (
        "warning",
        "apt-get install nvidia-container-toolkit",
    )
    assert check_gpu(driver, None).status == "ok"
    assert "CUDA 12.8" in check_gpu(driver, None).detail
    runtime = check_gpu(driver, EngineGpu(nvidia_runtime=True))
    assert (runtime.status, runtime.detail[-18:]) == ("ok", "the nvidia runtime")
    no_node = check_gpu(GpuFacts(driver="570"), None)
    assert (no_node.status, no_node.fix) == ("warning", "nvidia-modprobe -u -c=0")


def test_packages_for_a_newer_cuda_than_the_drivers_are_a_warning() -> None:
    torch = [("nvidia-cuda-runtime", "13.2.86")]
    assert check_cuda([("numpy", "2.3")], GpuFacts(driver="570")).status == "none"
    assert check_cuda(torch, GpuFacts()).status == "none"
    assert check_cuda(torch, GpuFacts(driver="580.95")).status == "ok"
    found = check_cuda(torch, GpuFacts(driver="570.1", system="ubuntu"))
    assert (found.status, found.fix) == ("warning", "ubuntu-drivers install")


def test_disk_is_measured_where_the_folder_will_be(tmp_path: Path) -> None:
    assert "free" in check_disk(tmp_path / "not" / "yet", "1.0 GB").detail


def test_a_clock_before_the_installation_is_wrong() -> None:
    assert check_clock(1_000_000, 2_000_000).status == "failed"
    assert check_clock(2_000_000, 1_000_000).status == "ok"


def test_a_proxy_that_takes_local_calls_is_a_warning(tmp_path: Path) -> None:
    assert check_proxy({}).status == "ok"
    found = check_proxy({"HTTPS_PROXY": "http://p:1"})
    assert found.status == "warning"
    assert "algo reaches this machine without it" in found.detail
    around = {"HTTPS_PROXY": "http://p:1", "no_proxy": "localhost,127.0.0.1"}
    assert check_proxy(around).status == "ok"
    assert check_proxy({"SSL_CERT_FILE": str(tmp_path / "no.pem")}).status == "failed"


def test_too_few_watches_are_a_warning(tmp_path: Path) -> None:
    limit = tmp_path / "limit"
    limit.write_text("100\n")
    assert check_watches(limit).status == "warning"
    assert check_watches(tmp_path / "none").status == "ok"
