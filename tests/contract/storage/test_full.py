"""A disk that is really full: a small file system of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.machine.lacking import lacking

if TYPE_CHECKING:
    from pathlib import Path

# In a namespace of its own: the mount is gone with the process, however that ends.
SCRIPT = """
import pathlib, subprocess, sys
from algo.errors import DiskFull
from algo.registry.layout import LayoutStore
from algo.storage.held import Held
from algo.trust.keys import SigningKey
from tests.unit.storage.test_lasting import is_sound, KEY
from tests.unit.trust.publishing import contents, put

disk, layers = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", disk], check=True)
published = []
for number in range(200):
    what = contents(layers, f"1.{number:03}.0", code=b"x" * 3000 + str(number).encode())
    try:
        put(LayoutStore(disk / "store", held=Held()), what, KEY)
    except DiskFull as full:
        print("full", full.code, number)
        assert is_sound(disk / "store") == published
        assert not list((disk / "store/acme/digits/ingest").iterdir())
        break
    published.append(f"1.{number:03}.0")
subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
put(LayoutStore(disk / "store", held=Held()), what, KEY)
assert is_sound(disk / "store") == [*published, f"1.{number:03}.0"]
print("done", len(published))
"""


@pytest.mark.program("unshare")
def test_a_full_disk_loses_nothing_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        lacking("only root may mount")
    for name in ("disk", "layers"):
        (tmp_path / name).mkdir()
    command = ["unshare", "--mount", sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        [*command, str(tmp_path / "disk"), str(tmp_path / "layers")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    full, last = done.stdout.splitlines()
    assert full.startswith("full disk_full")
    assert int(last.split()[1]) > 1
