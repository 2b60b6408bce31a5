from __future__ import annotations

import os
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from algo.environments.parallel import run, together

if TYPE_CHECKING:
    from pathlib import Path


def test_calls_run_at_once_and_answer_in_order() -> None:
    barrier = threading.Barrier(3, timeout=20)

    def call(number: int) -> int:
        barrier.wait()
        return number

    assert together([partial(call, n) for n in range(3)]) == [0, 1, 2]


def test_a_failure_ends_the_programs_of_the_others(tmp_path: Path) -> None:
    started = threading.Event()

    def long() -> object:
        started.set()
        return run([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path, os.environ)

    def failing() -> object:
        started.wait(20)
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        together([failing, long])
    assert time.monotonic() - began < 60


def test_the_output_and_the_code_of_a_program_are_given(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd()); sys.stderr.write('no'); sys.exit(3)"
    done = run([sys.executable, "-c", code], tmp_path, os.environ)

    assert (done.returncode, done.stdout, done.stderr) == (3, f"{tmp_path}\n", "no")
