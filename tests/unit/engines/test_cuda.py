from __future__ import annotations

import pytest
from algo.engines.cuda import CudaNeed, conflict, need_of, newest_cuda, require
from algo.engines.errors import CudaTooNew, GpuUnavailable
from algo.engines.gpu_facts import GpuFacts

TORCH = [("numpy", "2.3.1"), ("nvidia-cuda-runtime", "13.2.86"), ("nvidia-cudnn-cu13", "9.26.0")]


@pytest.mark.parametrize(
    ("packages", "version"),
    [
        (TORCH, "13.2"),
        ([("torch", "2.6.0+cu124")], "12.4"),
        ([("torch", "2.1.0+cu118")], "11.8"),
        ([("nvidia-cuda-runtime-cu12", "12.8.90"), ("nvidia-cublas-cu12", "12.8.4.1")], "12.8"),
        ([("cupy-cuda11x", "13.0")], "11"),
        ([("jax-cuda12-plugin", "0.6")], "12"),
    ],
)
def test_the_packages_say_which_cuda_they_were_built_for(
    packages: list[tuple[str, str]], version: str
) -> None:
    need = need_of(packages)
    assert need is not None
    assert need.version == version


def test_ordinary_packages_want_no_cuda() -> None:
    assert need_of([("numpy", "2.3.1"), ("cuckoo", "1.0"), ("scipy", "1.16")]) is None


def test_a_driver_tells_its_newest_cuda_where_it_is_known() -> None:
    assert newest_cuda("570.124.06") == "12.8"
    assert newest_cuda("572.16") == "12.8"
    assert newest_cuda("390.1") == ""
    assert newest_cuda("999.1") == ""
    assert newest_cuda("wsl") == ""


def test_an_old_driver_is_named_with_the_one_that_would_do() -> None:
    facts = GpuFacts(driver="570.124.06", nodes=("/dev/nvidia0",), system="ubuntu")
    with pytest.raises(CudaTooNew, match=r"nvidia-cuda-runtime 13\.2\.86.*580\.65\.06") as caught:
        require(TORCH, facts)
    assert caught.value.hint == "ubuntu-drivers install"
    require(TORCH, GpuFacts(driver="580.65.06"))
    require([("torch", "2.6.0+cu124")], facts)


def test_a_driver_that_does_not_tell_its_version_is_believed() -> None:
    assert conflict(CudaNeed("13.0", "torch"), GpuFacts(driver="wsl")) == ("", "")
    assert conflict(CudaNeed("13.0", "torch"), GpuFacts()) == ("", "")


def test_a_build_for_the_cpu_alone_is_no_gpu() -> None:
    with pytest.raises(GpuUnavailable, match=r"torch 2\.7\.0\+cpu"):
        require([("torch", "2.7.0+cpu")], GpuFacts(driver="580.65.06"))
