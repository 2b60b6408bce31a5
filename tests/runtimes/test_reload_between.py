"""Reloads while files are being written: of a file that is empty for a moment, of many edits."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.runtimes.test_reload import bring, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.runtimes.conftest import GatewayProcess, RunnerProcess

# Whoever imports it first goes on at once, the others once there has been an edit.
TAKES_TURNS = """
import os, pathlib, time

place = pathlib.Path({place!r})
try:
    (place / "first").mkdir()
    first = True
except FileExistsError:
    first = False
    while not (place / "edited").exists():
        time.sleep(0.001)
import helper
if first:
    (place / "read").mkdir()

def apply(value):
    time.sleep(value)
    return [helper.VERSION, os.getpid()]
"""


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()


def test_a_file_that_is_being_written_anew_is_read_when_it_is(
    runner: Callable[..., RunnerProcess],
) -> None:
    started = runner("import helper\n\ndef apply(value):\n    return helper.number()\n")
    helper = started.app / "src" / "helper.py"
    helper.write_text("def number():\n    return 1\n")
    started.load()
    with helper.open("w") as opened:

        def write() -> None:
            time.sleep(0.04)
            opened.write("def number():\n    return 2\n")
            opened.flush()

        with meanwhile(write):
            started.write({"type": "reload", "id": 1, "changed": ["src/helper.py"]})
            said, _ = started.read()
    assert (said["type"], said["rung"]) == ("reloaded", "swap")
    started.write({"type": "commit"})
    assert started.call(b"null")[1] == b"2"


def test_a_file_that_stays_empty_is_soon_taken_as_such(
    runner: Callable[..., RunnerProcess],
) -> None:
    started = runner("import helper\n\ndef apply(value):\n    return hasattr(helper, 'x')\n")
    (started.app / "src" / "helper.py").write_text("x = 1\n")
    started.load()
    (started.app / "src" / "helper.py").write_text("")
    for _ in range(2):
        started.write({"type": "reload", "id": 1, "changed": ["src/helper.py"]})
        assert started.read()[0]["rung"] == "swap"
        started.write({"type": "commit"})
        assert started.call(b"null")[1] == b"false"


def test_workers_that_an_edit_came_between_have_one_version(
    developed: Callable[..., GatewayProcess], tmp_path: Path
) -> None:
    place, helper = tmp_path / "turns", tmp_path / "src" / "helper.py"
    for folder in (place / "first", place / "edited", helper.parent):
        folder.mkdir(parents=True)
    helper.write_text('VERSION = "one"\n')
    served = developed(TAKES_TURNS.format(place=str(place)), serving={"workers": 2})
    assert versions(served, 4) == {"one"}
    for folder in (place / "first", place / "edited"):
        folder.rmdir()
    helper.write_text('VERSION = "two"\n')

    def edit() -> None:
        while not (place / "read").exists():
            time.sleep(0.001)
        helper.write_text('VERSION = "three"\n')
        (place / "edited").mkdir()

    with meanwhile(edit):
        assert bring(served, "src/helper.py")["rung"] == "swap"
    assert versions(served, 6) == {"three"}
