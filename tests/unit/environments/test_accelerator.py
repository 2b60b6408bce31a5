from __future__ import annotations

from pathlib import Path

import pytest
from algo.environments.accelerator import arguments, cuda, settled, unwanted_cuda, wanted
from algo.environments.requirements import Source
from algo.project.lock import Pin, Target
from algo.project.manifest import Environment

CPU = Pin("torch", "2.9.0+cpu", ("sha256:aa",), source="pytorch/cpu")
CUDA = Pin("torch", "2.9.0+cu128", ("sha256:bb",), source="pytorch/cu128")


@pytest.mark.parametrize(
    ("environment", "build"),
    [
        (Environment(), "cpu"),
        (Environment(gpu=True), "driver 570.86"),
        (Environment(gpu=True, torch="cu118"), "cu118"),
        (Environment(torch="index"), ""),
    ],
)
def test_the_manifest_decides(environment: Environment, build: str) -> None:
    assert wanted(environment, lambda: "570.86") == build


def test_a_cuda_that_was_locked_stays_and_a_cpu_does_not() -> None:
    assert settled("driver 580.65", [CUDA]) == "cu128"
    assert settled("driver ", [CUDA]) == "cu128"
    assert settled("driver 580.65", [CPU]) == "driver 580.65"
    assert settled("cpu", [CUDA]) == "cpu"


def test_uv_gets_the_build_or_the_driver_that_chooses_it() -> None:
    assert arguments("cu128") == (["--torch-backend", "cu128"], {})
    assert arguments("driver 570.86 12.8") == (
        ["--torch-backend", "auto"],
        {"UV_CUDA_DRIVER_VERSION": "570.86"},
    )
    assert arguments("driver ") == arguments("") == ([], {})


def test_cuda_that_another_lock_brings_is_warned_of() -> None:
    target = Target("linux/amd64", "3.13")
    large = (Pin("nvidia-nccl-cu12", "2", ("sha256:cc",)), Pin("torch", "2.9.0", ("sha256:dd",)))
    lock, plain = Source(Path("uv.lock")), Source(Path("requirements.in"))

    assert "uv.lock pins PyTorch with CUDA" in unwanted_cuda(lock, "cpu", {target: large})
    assert unwanted_cuda(lock, "driver ", {target: large}) == ""
    assert unwanted_cuda(lock, "cpu", {target: (CPU,)}) == ""
    # xgboost brings nvidia-nccl, too, and is what was asked for.
    assert unwanted_cuda(lock, "cpu", {target: large[:1]}) == ""
    assert unwanted_cuda(plain, "cpu", {target: large}) == ""


def test_conda_is_told_the_version_of_cuda() -> None:
    builds = ("cu128", "cu118", "driver 570.86 12.8", "driver 999.1", "driver ", "cpu", "")

    assert [cuda(build) for build in builds] == ["12.8", "11.8", "12.8", "", "", "", ""]
