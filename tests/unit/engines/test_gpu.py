from __future__ import annotations

from pathlib import Path

import pytest
from algo.engines.errors import GpuInvalid, GpuUnavailable
from algo.engines.gpu import (
    EngineGpu,
    GpuRequest,
    Wanted,
    explain,
    missing_on_host,
    parse_wanted,
    request,
    visible,
)
from algo.engines.gpu_facts import GpuFacts, read_facts

CDI_ENGINE = EngineGpu(cdi=True)
OLD_ENGINE = EngineGpu()
RUNTIME = EngineGpu(nvidia_runtime=True)
PODMAN = EngineGpu(cdi=True, podman=True)
TWO = ("/dev/nvidia0", "/dev/nvidia1")
DRIVER = GpuFacts(driver="570.1", nodes=TWO, system="debian")
TOOLKIT = GpuFacts(driver="570.1", nodes=TWO, toolkit="/usr/bin/nvidia-ctk")
CDI = GpuFacts(
    driver="570.1",
    nodes=TWO,
    cdi_files=("/etc/cdi/nvidia.yaml",),
    devices=("0", "1", "GPU-8", "all"),
    cdi_driver="570.1",
)
OUTDATED = GpuFacts(driver="580.2", nodes=TWO, devices=("all",), cdi_driver="570.1")
ON_WSL = GpuFacts(driver="wsl")

SPEC = """\
cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
- name: "0"
  containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: all
containerEdits:
  hooks:
  - hookName: createContainer
    path: /usr/bin/nvidia-ctk
  mounts:
  - containerPath: /usr/lib/libcuda.so.570.124.06
    hostPath: /usr/lib/libcuda.so.570.124.06
"""


def test_a_machine_is_read_without_running_anything(tmp_path: Path) -> None:
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build\n"
    )
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia0").touch()
    (tmp_path / "dev/nvidiactl").touch()
    (tmp_path / "etc/cdi").mkdir(parents=True)
    (tmp_path / "etc/cdi/nvidia.yaml").write_text(SPEC)
    (tmp_path / "etc/cdi/other.yaml").write_text("kind: vendor.com/net\ndevices: [{name: eth}]\n")
    (tmp_path / "etc/os-release").write_text('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu"\n')
    facts = read_facts(tmp_path, lambda name: f"/usr/bin/{name}")
    assert facts.driver == "570.124.06"
    assert [Path(node).name for node in facts.nodes] == ["nvidia0"]
    assert facts.toolkit == "/usr/bin/nvidia-ctk"
    assert [Path(file).name for file in facts.cdi_files] == ["nvidia.yaml"]
    assert (facts.devices, facts.cdi_driver) == (("0", "all"), "570.124.06")
    assert facts.system == "ubuntu"


def test_a_cdi_file_in_json_is_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "var/run/cdi").mkdir(parents=True)
    (tmp_path / "var/run/cdi/nvidia.json").write_text(
        '{"kind":"nvidia.com/gpu","devices":[{"name":"0"},{"name": "all"}]}'
    )
    assert read_facts(tmp_path, lambda name: None).devices == ("0", "all")


def test_wsl_is_known_by_its_node_and_its_library(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/dxg").touch()
    assert read_facts(tmp_path, lambda name: None).driver == ""
    (tmp_path / "usr/lib/wsl/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/wsl/lib/libcuda.so.1").touch()
    assert read_facts(tmp_path, lambda name: None).driver == "wsl"


def test_a_bare_machine_has_nothing(tmp_path: Path) -> None:
    assert read_facts(tmp_path, lambda name: None) == GpuFacts()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("all", Wanted()),
        ("2", Wanted(count=2)),
        ("0,1", Wanted(ids=("0", "1"))),
        ("2,", Wanted(ids=("2",))),
        ("id:0", Wanted(ids=("0",))),
        ("GPU-8932f937-d72c", Wanted(ids=("GPU-8932f937-d72c",))),
        ("0,0", Wanted(ids=("0",))),
    ],
)
def test_a_lone_number_is_a_count_and_a_list_names_gpus(text: str, wanted: Wanted) -> None:
    assert parse_wanted(text) == wanted


@pytest.mark.parametrize("text", ["0", "", "none", "-1", "0,x", "id:", "1.5"])
def test_what_names_no_gpus_is_refused_with_the_forms_that_do(text: str) -> None:
    with pytest.raises(GpuInvalid) as caught:
        parse_wanted(text)
    assert "id:0" in caught.value.hint


@pytest.mark.parametrize(
    ("wanted", "facts", "engine", "expected"),
    [
        ("all", CDI, CDI_ENGINE, GpuRequest("cdi", ("nvidia.com/gpu=all",))),
        ("0,1", CDI, CDI_ENGINE, GpuRequest("cdi", ("nvidia.com/gpu=0", "nvidia.com/gpu=1"))),
        ("1", CDI, CDI_ENGINE, GpuRequest("cdi", ("nvidia.com/gpu=0",))),
        ("GPU-8", CDI, CDI_ENGINE, GpuRequest("cdi", ("nvidia.com/gpu=GPU-8",))),
        ("all", DRIVER, RUNTIME, GpuRequest("runtime")),
        ("id:1", DRIVER, RUNTIME, GpuRequest("runtime", ("1",))),
        ("2", DRIVER, RUNTIME, GpuRequest("runtime", ("0", "1"))),
        (
            "all",
            CDI,
            EngineGpu(cdi=True, nvidia_runtime=True),
            GpuRequest("cdi", ("nvidia.com/gpu=all",)),
        ),
        ("all", CDI, PODMAN, GpuRequest("podman", ("nvidia.com/gpu=all",))),
        ("all", ON_WSL, OLD_ENGINE, GpuRequest("wsl")),
        ("all", ON_WSL, EngineGpu(desktop=True), GpuRequest("request")),
        (
            "all",
            GpuFacts(),
            EngineGpu(cdi=True, devices=("0", "1"), local=False),
            GpuRequest("cdi", ("nvidia.com/gpu=0", "nvidia.com/gpu=1")),
        ),
    ],
)
def test_cdi_comes_before_the_nvidia_runtime(
    wanted: str, facts: GpuFacts, engine: EngineGpu, expected: GpuRequest
) -> None:
    assert request(wanted, facts, engine) == expected


@pytest.mark.parametrize(
    ("facts", "engine", "hint"),
    [
        (GpuFacts(system="debian"), OLD_ENGINE, "apt-get install nvidia-driver"),
        (GpuFacts(system="ubuntu"), CDI_ENGINE, "ubuntu-drivers install"),
        (DRIVER, OLD_ENGINE, "apt-get install nvidia-container-toolkit"),
        (TOOLKIT, OLD_ENGINE, "nvidia-ctk runtime configure"),
        (TOOLKIT, CDI_ENGINE, "nvidia-ctk cdi generate"),
        (TOOLKIT, PODMAN, "nvidia-ctk cdi generate"),
        (OUTDATED, CDI_ENGINE, "nvidia-ctk cdi generate"),
        (GpuFacts(driver="570.1"), OLD_ENGINE, "nvidia-modprobe"),
        (CDI, EngineGpu(local=False), "there: nvidia-ctk runtime configure"),
    ],
)
def test_what_is_missing_is_named_with_its_command(
    facts: GpuFacts, engine: EngineGpu, hint: str
) -> None:
    with pytest.raises(GpuUnavailable) as caught:
        request("all", facts, engine)
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("wanted", "facts", "engine", "message"),
    [
        ("3", CDI, CDI_ENGINE, "3 GPUs were asked for and there are 2"),
        ("id:7", CDI, CDI_ENGINE, "there is no GPU 7"),
        ("GPU-9", CDI, CDI_ENGINE, "there is no GPU GPU-9"),
        ("3", DRIVER, RUNTIME, "3 GPUs were asked for and there are 2"),
        ("1,2", DRIVER, RUNTIME, "there is no GPU 2"),
        ("id:0", ON_WSL, OLD_ENGINE, "every GPU or none"),
    ],
)
def test_a_gpu_that_is_not_there_is_an_error_and_never_fewer(
    wanted: str, facts: GpuFacts, engine: EngineGpu, message: str
) -> None:
    with pytest.raises(GpuUnavailable, match=message):
        request(wanted, facts, engine)


def test_a_host_process_needs_driver_and_node() -> None:
    assert missing_on_host(DRIVER) == ("", "")
    assert missing_on_host(ON_WSL) == ("", "")
    for facts in (GpuFacts(), GpuFacts(driver="570.1"), GpuFacts(nodes=TWO)):
        with pytest.raises(GpuUnavailable):
            visible("all", facts, {})


def test_a_host_process_sees_the_gpus_that_were_asked_for() -> None:
    assert visible("all", DRIVER, {}) is None
    assert visible("all", DRIVER, {"CUDA_VISIBLE_DEVICES": "1"}) is None
    assert visible("1", DRIVER, {}) == "0"
    assert visible("1", DRIVER, {"CUDA_VISIBLE_DEVICES": "1,0"}) == "1"
    assert visible("id:1", DRIVER, {}) == "1"
    assert visible("GPU-77", DRIVER, {}) == "GPU-77"
    with pytest.raises(GpuUnavailable, match="no GPU 5"):
        visible("id:5", DRIVER, {})
    with pytest.raises(GpuUnavailable, match="hides every GPU"):
        visible("all", DRIVER, {"CUDA_VISIBLE_DEVICES": ""})


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            'could not select device driver "" with capabilities: [[gpu]]',
            "nvidia-ctk runtime configure",
        ),
        (
            "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all",
            "nvidia-ctk cdi generate",
        ),
        (
            "nvidia-container-cli: initialization error: nvml error: driver/library version "
            "mismatch: unknown",
            "reboot",
        ),
    ],
)
def test_an_engines_own_words_become_a_command(text: str, hint: str) -> None:
    explained = explain(text)
    assert explained is not None
    assert explained.hint.startswith(hint)


def test_a_refusal_about_another_device_is_no_gpus_fault() -> None:
    assert explain("write /var/lib/docker: no space left on device") is None
    assert explain("No such image: algo.local/acme/nvidia-chat:1a2b") is None
