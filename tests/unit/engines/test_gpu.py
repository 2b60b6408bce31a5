from __future__ import annotations

from pathlib import Path

import pytest
from algo.engines.errors import GpuUnavailable
from algo.engines.gpu import EngineGpu, GpuFacts, GpuRequest, read_facts, request, require_on_host

CDI_ENGINE = EngineGpu(cdi=True)
OLD_ENGINE = EngineGpu()
DRIVER = GpuFacts(driver="570.1", nodes=("/dev/nvidia0",))
TOOLKIT = GpuFacts(driver="570.1", nodes=("/dev/nvidia0",), toolkit="/usr/bin/nvidia-ctk")
CDI = GpuFacts(cdi_files=("/etc/cdi/nvidia.yaml",))


def test_a_machine_is_read_without_running_anything(tmp_path: Path) -> None:
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build\n"
    )
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia0").touch()
    (tmp_path / "dev/nvidiactl").touch()
    (tmp_path / "etc/cdi").mkdir(parents=True)
    (tmp_path / "etc/cdi/nvidia.yaml").write_text("kind: nvidia.com/gpu\n")
    (tmp_path / "etc/cdi/other.yaml").write_text("kind: vendor.com/net\n")
    facts = read_facts(tmp_path, lambda name: f"/usr/bin/{name}")
    assert facts.driver == "570.124.06"
    assert [Path(node).name for node in facts.nodes] == ["nvidia0"]
    assert facts.toolkit == "/usr/bin/nvidia-ctk"
    assert [Path(file).name for file in facts.cdi_files] == ["nvidia.yaml"]


def test_a_bare_machine_has_nothing(tmp_path: Path) -> None:
    assert read_facts(tmp_path, lambda name: None) == GpuFacts()


@pytest.mark.parametrize(
    ("wanted", "facts", "engine", "expected"),
    [
        ("all", CDI, CDI_ENGINE, GpuRequest(cdi=("nvidia.com/gpu=all",))),
        ("0,2", CDI, CDI_ENGINE, GpuRequest(cdi=("nvidia.com/gpu=0", "nvidia.com/gpu=2"))),
        ("all", DRIVER, EngineGpu(nvidia_runtime=True), GpuRequest()),
        ("1", DRIVER, EngineGpu(nvidia_runtime=True), GpuRequest(ids=("1",))),
        ("all", CDI, EngineGpu(cdi=True, nvidia_runtime=True), GpuRequest(("nvidia.com/gpu=all",))),
    ],
)
def test_cdi_comes_before_the_nvidia_runtime(
    wanted: str, facts: GpuFacts, engine: EngineGpu, expected: GpuRequest
) -> None:
    assert request(wanted, facts, engine) == expected


@pytest.mark.parametrize(
    ("facts", "engine", "hint"),
    [
        (GpuFacts(), OLD_ENGINE, "install the driver"),
        (DRIVER, OLD_ENGINE, "apt-get install nvidia-container-toolkit"),
        (TOOLKIT, OLD_ENGINE, "nvidia-ctk runtime configure"),
        (TOOLKIT, CDI_ENGINE, "nvidia-ctk cdi generate"),
        (CDI, OLD_ENGINE, "install the driver"),
    ],
)
def test_what_is_missing_is_named_with_its_command(
    facts: GpuFacts, engine: EngineGpu, hint: str
) -> None:
    with pytest.raises(GpuUnavailable) as caught:
        request("all", facts, engine)
    assert caught.value.hint.startswith(hint)


def test_a_host_process_needs_driver_and_node() -> None:
    require_on_host(DRIVER)
    require_on_host(GpuFacts(driver="wsl"))
    with pytest.raises(GpuUnavailable):
        require_on_host(GpuFacts())
    with pytest.raises(GpuUnavailable):
        require_on_host(GpuFacts(driver="570.1"))
