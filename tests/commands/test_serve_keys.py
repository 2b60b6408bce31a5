"""The keys of `algo serve`, pressed on a terminal of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import sys
import termios
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Self

import pytest
from algo.main import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOURCE = """
def apply(input):
    print("called with", input)
    return 1
"""


class Terminal:
    """`algo serve` on a new terminal, which is its controlling one."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.shown = ""
        # Held open, so that it can be asked when nobody else has it any more.
        self._screen, self._held = pty.openpty()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._screen)
            os.login_tty(self._held)
            os.chdir(folder)
            words = ["-c", "from algo.main import main; main()", "serve", "--port", "0"]
            os.execv(sys.executable, [sys.executable, *words, "--engine", "virtualenv", *options])
        self.before = self.modes()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failed: object) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self._screen)
        os.close(self._held)

    def modes(self) -> list[Any]:
        """Return what the terminal does with what is typed."""
        return termios.tcgetattr(self._held)[:4]

    def press(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def wait_for(self, text: str, count: int = 1, timeout: float = 20) -> None:
        self.until(lambda: self.shown.count(text) >= count, timeout)

    def until(self, condition: Callable[[], bool], timeout: float = 20) -> None:
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, self.shown
            time.sleep(0.02)

    def end(self) -> int:
        """Wait for the end of the process and return its exit code."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        raise AssertionError(f"it goes on: {self.shown}")

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._screen, 4096)
            except OSError:
                return
            self.shown += data.decode(errors="replace")


@pytest.fixture
def hello(tmp_path: Path, algo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    assert run(["init", "acme/hello", "--json"]) == 0
    (tmp_path / "hello" / "src" / "hello.py").write_text(SOURCE)
    return tmp_path / "hello"


def test_r_reloads_l_hides_lines_and_q_quits(hello: Path) -> None:
    with Terminal(hello) as terminal:
        terminal.wait_for("r reloads, q quits, l hides")
        url = next(line for line in terminal.shown.split() if line.startswith("http://"))
        terminal.press("r")
        terminal.wait_for("↻ r → new worker")
        call(url)
        terminal.wait_for("called with")
        terminal.press("l")
        terminal.wait_for("what the code prints is hidden")
        call(url)
        # Its line has come and gone, long before the new worker.
        terminal.press("r")
        terminal.wait_for("↻ r → new worker", 2)
        terminal.press("l")
        terminal.wait_for("what the code prints is shown")
        call(url)
        terminal.wait_for("called with", 2)
        assert terminal.shown.count("called with") == 2
        terminal.press("xq")
        terminal.wait_for("stopped: quit")
        assert terminal.end() == 0
        assert terminal.modes() == terminal.before


def test_keys_work_while_the_first_load_still_runs(hello: Path, tmp_path: Path) -> None:
    flag = tmp_path / "outside"
    waits = f"import pathlib, time\nwhile not pathlib.Path({str(flag)!r}).exists():\n"
    waits += "    print('waiting')\n    time.sleep(60)\n"
    (hello / "src" / "hello.py").write_text(waits + SOURCE)
    with Terminal(hello) as terminal:
        terminal.wait_for("waiting")
        pressed = time.monotonic()
        terminal.press("q")
        terminal.wait_for("stopped: quit")
        assert terminal.end() == 0
        assert time.monotonic() - pressed < 5
        assert terminal.modes() == terminal.before
        assert "interrupted" not in terminal.shown
        assert "http://" not in terminal.shown
    with Terminal(hello) as terminal:
        terminal.wait_for("waiting")
        flag.touch()
        terminal.press("lr")
        terminal.wait_for("what the code prints is hidden")
        terminal.wait_for("r reloads, q quits")
        assert "↻ r → new worker" in terminal.shown
        call(next(line for line in terminal.shown.split() if line.startswith("http://")))
        terminal.press("q")
        assert terminal.end() == 0


def test_r_that_comes_before_anything_listens_waits_for_it(hello: Path) -> None:
    with Terminal(hello) as terminal:
        terminal.until(lambda: terminal.modes() != terminal.before)
        terminal.press("r")
        terminal.wait_for("r reloads, q quits")
        terminal.wait_for("↻ r →")
        terminal.press("q")
        assert terminal.end() == 0


@pytest.mark.parametrize("how", ["ctrl-c", "sigterm", "crash", "ctrl-c at the start"])
def test_the_terminal_is_as_it_was_after_every_end(hello: Path, how: str, algo_home: Path) -> None:
    with Terminal(hello) as terminal:
        if how == "ctrl-c at the start":
            terminal.until(lambda: bool(terminal.shown))
        else:
            terminal.wait_for("r reloads")
            assert terminal.modes() != terminal.before
        if how == "sigterm":
            os.kill(terminal.pid, signal.SIGTERM)
        elif how == "crash":
            (record,) = (algo_home / "state" / "sessions").glob("*/session.json")
            os.kill(json.loads(record.read_text())["processes"][0]["pid"], signal.SIGKILL)
        else:
            terminal.press("\x03")
        terminal.wait_for("error[service_ended]" if how == "crash" else "topped")
        assert terminal.end() == (1 if how == "crash" else 130 if "start" in how else 0)
        assert terminal.modes() == terminal.before


def test_a_stopped_serve_gives_the_keys_back(hello: Path) -> None:
    with Terminal(hello) as terminal:
        terminal.wait_for("r reloads")
        os.kill(terminal.pid, signal.SIGSTOP)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.press("q")
        terminal.wait_for("stopped: quit")
        assert terminal.end() == 0


def test_without_a_reload_there_is_no_key_for_one(hello: Path) -> None:
    with Terminal(hello, "--json") as terminal:
        terminal.wait_for('"event":"ready"')
        time.sleep(0.3)
        assert terminal.modes() == terminal.before
        assert "r reloads" not in terminal.shown


def call(url: str) -> None:
    request = urllib.request.Request(url, b"1", {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.read() == b"1"
