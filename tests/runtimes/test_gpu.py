"""A GPU in play: no fork, a swap where it can be, and old workers that end first where it is full.

A lock on a file stands in for the GPU's memory: one process has it, the others are refused.
"""

from __future__ import annotations

import importlib.util
import threading
from typing import TYPE_CHECKING, Any

import pytest
from algo_gateway.wire.frames import Reply
from algo_gateway.workers.gpu import ran_out, too_tight
from algo_gateway.workers.worker import Worker

from tests.runtimes.conftest import PYTHON_RUNTIME, GatewayProcess, RunnerProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Start = Any

WHO = """
import os

def load():
    return os.urandom(4).hex()

def apply(input, state):
    return {"pid": os.getpid(), "parent": os.getppid(), "state": state, "version": 1}
"""
FULL = """
import fcntl, os, pathlib

def load():
    memory = open(pathlib.Path(__file__).with_name("memory"), "w")
    try:
        fcntl.flock(memory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RuntimeError("CUDA error: out of memory") from None
    return memory, 1

def apply(input, state):
    return {"version": state[1], "pid": os.getpid()}
"""
ON_GPU = {"ALGO_GPU": "1"}


def runners_module(name: str) -> Any:
    """Import a module of the runner, which is not on our own path."""
    spec = importlib.util.spec_from_file_location(
        name, PYTHON_RUNTIME / "algo_runner" / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


in_use = runners_module("gpu").in_use


def process(folder: Path, *files: str) -> Path:
    """Make what `/proc/self` shows of a process that holds `files` open."""
    (folder / "fd").mkdir()
    for number, file in enumerate(files):
        (folder / "fd" / str(number)).symlink_to(file)
    return folder


@pytest.mark.parametrize("file", ["/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg", "/dev/kfd"])
def test_an_open_driver_is_a_gpu_in_use(tmp_path: Path, file: str) -> None:
    assert in_use(process(tmp_path, "/dev/null", file))


def test_ordinary_files_are_none(tmp_path: Path) -> None:
    assert not in_use(process(tmp_path, "/dev/null", "/dev/urandom", "/home/nvidia0", "socket:[1]"))
    assert not in_use(tmp_path / "gone")


@pytest.mark.parametrize(
    ("error", "message", "is_it"),
    [
        ("torch.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB", True),
        ("OutOfMemoryError", "…", True),
        ("RuntimeError", "CUDA error: out of memory", True),
        ("RuntimeError", "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate", True),
        ("MemoryError", "out of memory", False),
        ("ValueError", "a shape is wrong", False),
    ],
)
def test_a_full_gpu_is_known_by_what_the_libraries_say(
    error: str, message: str, is_it: bool
) -> None:
    assert ran_out(Reply("load_error", error=error, message=message)) is is_it


def test_what_workers_tell_of_their_memory_decides_whether_more_fit() -> None:
    worker = Worker(0, 1, lambda one: None)
    assert not too_tight([worker], 4)
    worker.measure(Reply("ready", gpu_used=6 << 30, gpu_free=10 << 30))
    assert not too_tight([worker], 1)
    assert too_tight([worker], 2)


def test_with_a_gpu_each_worker_is_a_process_of_its_own(gateway: Start) -> None:
    running: GatewayProcess = gateway(WHO, environment=ON_GPU, serving={"workers": 2})
    found = [running.post({}).json for _ in range(8)]
    assert {one["parent"] for one in found} == {running.process.pid}
    assert {one["state"] for one in found if one["pid"] == found[0]["pid"]} == {found[0]["state"]}


def test_without_one_they_are_forked(gateway: Start) -> None:
    running: GatewayProcess = gateway(WHO)
    assert running.post({}).json["parent"] != running.process.pid


def test_a_parent_whose_imports_opened_a_gpu_forks_nothing(gateway: Start, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    (packages / "torch").mkdir(parents=True)
    (packages / "torch" / "__init__.py").write_text("")
    (packages / "torch" / "cuda.py").write_text(
        "def is_initialized():\n    return True\n\n"
        "def mem_get_info():\n    return 10, 20\n\ndef memory_reserved():\n    return 5\n"
    )
    running: GatewayProcess = gateway("import torch.cuda\n" + WHO, "--packages", str(packages))
    assert running.post({}).json["parent"] == running.process.pid


def test_a_swap_keeps_the_worker_even_where_the_import_is_slow(
    developed: Start, tmp_path: Path
) -> None:
    slow = "import time\ntime.sleep(0.15)\n" + WHO
    running: GatewayProcess = developed(slow, environment=ON_GPU)
    before = running.post({}).json
    (tmp_path / "src" / "it.py").write_text(slow.replace('"version": 1', '"version": 2'))
    outcome = running.reload("src/it.py")
    assert (outcome["ok"], outcome["rung"]) == (True, "swap")
    assert running.post({}).json == {**before, "version": 2}


def test_old_workers_end_first_where_the_gpu_does_not_hold_both(
    developed: Start, tmp_path: Path
) -> None:
    running: GatewayProcess = developed(FULL, environment=ON_GPU)
    answers: list[dict[str, int]] = []
    done = threading.Event()

    def call() -> None:
        while not done.is_set():
            answers.append(running.post({}).json)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for one in callers:
        one.start()
    try:
        (tmp_path / "src" / "it.py").write_text(FULL.replace("memory, 1", "memory, 2"))
        outcome = running.reload("src/it.py")
    finally:
        done.set()
        for one in callers:
            one.join()
    assert (outcome["ok"], outcome["rung"]) == (True, "worker")
    assert {one["version"] for one in answers} <= {1, 2}
    assert running.post({}).json["version"] == 2
    assert any("the old ones end first" in line for line in running.printed)


def test_a_fault_in_new_code_leaves_the_old_worker_its_memory(
    developed: Start, tmp_path: Path
) -> None:
    running: GatewayProcess = developed(FULL, environment=ON_GPU)
    before = running.post({}).json
    broken = FULL.replace("def load():", "def load():\n    raise KeyError('weights')\n")
    (tmp_path / "src" / "it.py").write_text(broken)
    outcome = running.reload("src/it.py")
    assert outcome["error"]["type"] == "KeyError"
    assert running.post({}).json == before


def test_a_framework_that_finds_no_gpu_is_an_error_and_not_the_cpu(
    gateway: Start, tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    (packages / "torch").mkdir(parents=True)
    (packages / "torch" / "__init__.py").write_text("")
    (packages / "torch" / "cuda.py").write_text(
        "def is_initialized():\n    return False\n\ndef is_available():\n    return False\n"
    )
    code = "import torch.cuda\n" + WHO
    with_packages = ("--packages", str(packages))
    refused: GatewayProcess = gateway(code, *with_packages, environment=ON_GPU)
    assert refused.first["load_error"]["type"] == "GpuUnavailable"
    assert "PyTorch finds none" in refused.first["load_error"]["message"]
    assert gateway(code, *with_packages).post({}).status == 200


def test_an_onnxruntime_without_cuda_is_an_error_too(gateway: Start, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "onnxruntime.py").write_text(
        "def get_available_providers():\n    return ['CPUExecutionProvider']\n"
    )
    code = "import onnxruntime\n" + WHO
    refused: GatewayProcess = gateway(code, "--packages", str(packages), environment=ON_GPU)
    assert "onnxruntime-gpu" in refused.first["load_error"]["message"]


def test_a_runner_alone_says_nothing_of_memory_without_a_gpu(
    runner: Callable[..., RunnerProcess],
) -> None:
    ready = runner(WHO, gpu=True).load()
    assert ready["type"] == "ready"
    assert "gpu_used" not in ready
