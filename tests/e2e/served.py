"""`algo serve` as a child process, read through its stable JSON events."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType


class Served:
    """A running `algo serve --json`; ends with the block, by Ctrl-C."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._began = time.perf_counter()
        self.events: list[dict[str, Any]] = []
        self.story: list[str] = []
        self.url = ""
        self.ready_seconds = 0.0
        self.stop_seconds = 0.0
        self._came = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_story, daemon=True),
        ]

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> Self:
        """Start `command --json` in `folder` and wait for its `ready` event.

        Raises:
            AssertionError: It ended, or was not ready within `timeout` seconds.
        """
        served = cls.begin(command, folder, env=env)
        served.wait_until_ready(timeout)
        return served

    @classmethod
    def begin(
        cls, command: Sequence[str], folder: Path, *, env: Mapping[str, str] | None = None
    ) -> Self:
        """Start `command --json` in `folder` and wait for nothing."""
        process = subprocess.Popen(
            [*command, "--json", "--port", "0"],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        served = cls(process)
        for reader in served._readers:
            reader.start()
        return served

    def wait_until_ready(self, timeout: float = 300) -> None:
        """Wait for the `ready` event.

        Raises:
            AssertionError: It ended, or was not ready within `timeout` seconds.
        """
        self.wait(lambda: self.of("ready") or self.process.poll() is not None, timeout)
        if not self.of("ready"):
            self.stop()
            raise AssertionError(f"serve did not get ready: {self.story} {self.events}")
        self.ready_seconds = time.perf_counter() - self._began
        self.url = self.of("ready")[0]["url"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of this kind that came so far."""
        return [event for event in self.events if event.get("event") == kind]

    def wait(self, condition: Any, timeout: float = 15) -> None:
        """Wait until `condition()` holds or `timeout` seconds have passed."""
        end = time.monotonic() + timeout
        with self._came:
            while not condition() and time.monotonic() < end:
                self._came.wait(0.1)

    def wait_for(self, kind: str, count: int, timeout: float = 15) -> None:
        """Wait for `count` events of this kind in all.

        Raises:
            AssertionError: They did not come within `timeout` seconds.
        """
        self.wait(lambda: len(self.of(kind)) >= count, timeout)
        assert len(self.of(kind)) >= count, f"no {count} x {kind}: {self.events} {self.story}"

    def wait_for_reloads(self, count: int, timeout: float = 15) -> list[str]:
        """Wait for `count` reloads in all, and return them as lines for people."""
        self.wait_for("reload", count, timeout)
        return [
            f"↻ {one['trigger']} → {one['rung']} in {one['milliseconds']:.0f} ms"
            for one in self.of("reload")
        ]

    def stop(self) -> int:
        """Press Ctrl-C, wait for the end and return the exit code."""
        began = time.perf_counter()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.stop_seconds = time.perf_counter() - began
        for reader in self._readers:
            reader.join(timeout=5)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code

    def _read_events(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._came:
                self.events.append(json.loads(line))
                self._came.notify_all()

    def _read_story(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._came:
                self.story.append(line.rstrip("\n"))
                self._came.notify_all()
