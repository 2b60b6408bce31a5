from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from algo.children import end, run, started

if TYPE_CHECKING:
    from pathlib import Path

# A builder and what it starts, which ignores SIGTERM where it is told to.
STEP = """
import signal, subprocess, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open("pid", "w") as file:
    file.write(f"{worker.pid}\\n")
time.sleep(600)
"""
ALGO = """
import sys
from algo.children import run
from algo.signals import terminable
try:
    with terminable():
        run(sys.argv[1:])
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_what_a_step_has_started(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-c", ALGO, sys.executable, "-c", STEP]
    with subprocess.Popen(command, cwd=tmp_path) as algo:
        worker = written(tmp_path)
        algo.send_signal(number)
        assert algo.wait(60) == 130
    assert gone(worker)


def test_a_step_that_takes_too_long_is_ended_with_what_it_has_started(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run([sys.executable, "-c", STEP], cwd=tmp_path, timeout=3)
    assert gone(written(tmp_path))


def test_what_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    with started([sys.executable, "-c", STEP, "deaf"], cwd=tmp_path) as child:
        worker = written(tmp_path)
        end(child, seconds=0.1)
        assert child.returncode == -signal.SIGKILL
    assert gone(worker)


def test_what_a_step_leaves_running_goes_on_when_it_ends_by_itself(tmp_path: Path) -> None:
    done = run(["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $! > pid; exit 3"], cwd=tmp_path)
    worker = written(tmp_path)
    try:
        assert done.returncode == 3
        os.kill(worker, 0)
    finally:
        os.kill(worker, signal.SIGKILL)


def written(folder: Path) -> int:
    """The process that a step has started, once there is one."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        file = folder / "pid"
        if file.is_file() and (text := file.read_text()).endswith("\n"):
            return int(text)
        time.sleep(0.02)
    raise AssertionError("the step started nothing")


def gone(pid: int) -> bool:
    """Whether a process ends soon; one that nobody has waited for counts."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
        if told.stdout.strip()[:1] in {"", "Z"}:
            return True
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return False
