"""`algo` as a process: its standard streams, and the signals that end it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from algo.signals import deferred, unstoppable

# The console script, whose process `exec` lets a signal reach.
ALGO = f"exec '{Path(sys.executable).parent / 'algo'}'"


def shell(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)


def test_closed_standard_streams_are_no_bug() -> None:
    assert shell(f"{ALGO} run - --engine virtualenv <&-").stderr.startswith("error[project_not")
    assert shell(f"{ALGO} keys list >&-").returncode == 0
    assert shell(f"{ALGO} keys list 2>&-").returncode == 0


@pytest.mark.parametrize("words", ["keys list", "keys list --json", "--help", "--version"])
def test_a_result_that_cannot_be_written_is_an_error(words: str) -> None:
    done = shell(f"{ALGO} {words} > /dev/full")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr


def test_a_reader_that_leaves_is_no_error_to_speak_of() -> None:
    assert shell(f"({ALGO} --help) | true").stderr == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_any_verb_in_an_orderly_way(number: int) -> None:
    words = [str(Path(sys.executable).parent / "algo"), "login", "registry.example.com", "-u", "a"]
    process = subprocess.Popen(
        [*words, "--password-stdin"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    _wait_until_caught(process.pid, number)
    process.send_signal(number)
    _, told = process.communicate(timeout=10)
    assert process.returncode == 130
    assert told in {"interrupted\n", "interrupted: what was running is stopped\n"}


def test_a_signal_while_modules_load_is_no_traceback() -> None:
    script = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "algo.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from algo.__main__ import main
main()
"""
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def _wait_until_caught(pid: int, number: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        status = Path(f"/proc/{pid}/status").read_text()
        caught = int(status.split("SigCgt:")[1].split()[0], 16)
        # SIGINT is caught by Python itself: ours come together with that of SIGHUP.
        if caught >> (signal.SIGHUP - 1) & 1:
            return
        time.sleep(0.05)
    raise AssertionError(f"signal {number} is not caught")


def test_a_deferred_signal_comes_at_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("all")
    assert done == ["all"]
    with pytest.raises(KeyboardInterrupt), deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        done.append("more")
    assert done == ["all"]


def test_a_clean_up_is_not_stopped() -> None:
    with unstoppable():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)


def test_what_the_terminal_cannot_show_is_escaped() -> None:
    script = (
        "from algo.output import Output; from algo.events import Note;"
        "output = Output.for_process(json={json});"
        "output.event(Note('\\xfc \\ud800'));"
        "output.result({{'a': '\\xfc \\ud800'}}, human='\\xfc')"
    )

    def said(*, json: bool) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script.format(json=json)],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            text=True,
            check=True,
        )

    assert said(json=False).stderr == "\\xfc \\ud800\n"
    assert said(json=False).stdout == "\\xfc\n"
    assert said(json=True).stdout == '{"a":"\\u00fc \\\\ud800"}\n'
