"""Files that appear whole, and files that somebody uses."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from algo.errors import DiskFull
from algo.storage.files import link_whole, write_whole
from algo.storage.held import Held, unused

from tests.fakes.disks import Failing, Lazy

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import pathlib, sys
from algo.storage.held import PROCESS
print(PROCESS.hold(pathlib.Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path: Path, file: Path) -> None:
    for at in range(1, 5):
        with pytest.raises(DiskFull) as caught:
            write_whole(file, [b"new"], tmp_path, disk=Failing(at))
        assert str(tmp_path) in caught.value.message
        assert [path.name for path in tmp_path.iterdir()] == ["file"]
        if at < 4:
            assert file.read_bytes() == b"content"
    write_whole(file, [b"n", b"ew"], tmp_path, mode=0o600, disk=Lazy())
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o600)


def test_a_link_that_cannot_be_made_is_told(tmp_path: Path, file: Path) -> None:
    assert link_whole(file, tmp_path / "second", Lazy())
    assert (tmp_path / "second").stat().st_nlink == 2
    assert not link_whole(file, tmp_path / "second", Lazy())


def test_a_file_is_unused_when_nobody_holds_it(file: Path) -> None:
    one, other = Held(), Held()
    with unused(file) as free:
        assert free
    assert one.hold(file) and one.hold(file) and other.hold(file)
    for holder in (one, other):
        with unused(file) as free:
            assert not free
        holder.let_go()
    with unused(file) as free:
        assert free
    with unused(file.with_name("gone")) as free:
        assert not free
    assert not one.hold(file.with_name("gone"))


def test_it_is_held_through_every_name_and_before_it_has_its_own(
    tmp_path: Path, file: Path
) -> None:
    held = Held()
    write_whole(tmp_path / "new", [b"new"], tmp_path, disk=Lazy(), held=held)
    link_whole(tmp_path / "new", tmp_path / "second", Lazy())
    with unused(tmp_path / "second") as free:
        assert not free
    held.let_go()
    with unused(tmp_path / "second") as free:
        assert free


def test_a_file_that_is_removed_while_somebody_waits_for_it_is_not_held(file: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(file)]
    with unused(file) as free:
        assert free
        waiting = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # It is in the queue for the lock, or will find that there is no file: the answer is one.
        file.unlink()
    assert waiting.communicate(b"")[0].strip() == b"False"


def test_what_a_killed_process_held_is_unused(file: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(file)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline().strip() == b"True"
    with unused(file) as free:
        assert not free
    holder.kill()
    holder.wait()
    with unused(file) as free:
        assert free
    holder.stdout.close()
    assert holder.stdin is not None
    holder.stdin.close()
