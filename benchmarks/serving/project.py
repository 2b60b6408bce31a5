"""Projects and running services for the measurements."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALGO = str(Path(sys.executable).with_name("algo"))


def scaffold(template: str, name: str, parent: Path) -> Path:
    """Create a project of `template` below `parent`, train it where it trains, return it."""
    algo(parent, "init", f"bench/{name}", "--template", template)
    project = parent / name
    if (project / "train.py").is_file():
        algo(project, "exec", "--", "python", "train.py")
    return project


def algo(cwd: Path, *words: str) -> None:
    """Run `algo`, its output on standard error."""
    subprocess.run([ALGO, *words], cwd=cwd, check=True, stdout=sys.stderr)


@contextlib.contextmanager
def started(command: Sequence[str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `command` for a block, then press Ctrl-C."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(15)


@contextlib.contextmanager
def serving(project: Path, engine: str) -> Iterator[tuple[str, float]]:
    """Serve `project`; give its URL and the seconds from the command to its ready line."""
    began = time.perf_counter()
    words = [ALGO, "serve", "--engine", engine, "--port", "0", "--json"]
    with started(words, project) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event.get("event") == "ready":
                yield event["url"], time.perf_counter() - began
                break
        else:
            raise SystemExit(f"{engine} did not get ready")


def wait_for_answer(url: str, body: bytes, words: bytes, timeout: float = 60) -> tuple[float, int]:
    """Call until an answer holds `words`; return the seconds it took and the failed calls."""
    where = urlsplit(url)
    assert where.hostname is not None
    began, failed = time.perf_counter(), 0
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    while time.perf_counter() - began < timeout:
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
            if response.status == http.client.OK and words in content:
                return time.perf_counter() - began, failed
            failed += response.status != http.client.OK
        except (OSError, http.client.HTTPException):
            failed += 1
            connection.close()
        time.sleep(0.002)
    raise SystemExit(f"{url} never answered {words!r}")
