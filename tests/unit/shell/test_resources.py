from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import pytest
from algo.errors import DiskFull
from algo.resources import abandoned, runs, scratch, writing


def test_a_temporary_folder_is_abandoned_when_its_process_is_gone(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert not runs(gone.pid)
    with scratch("lock") as folder:
        ours = Path(folder).name
    (tmp_path / ours).mkdir()
    (tmp_path / "algo-else").mkdir()
    assert abandoned(tmp_path) == ()
    left = tmp_path / f"algo-test-{gone.pid}-abc123"
    left.mkdir()
    assert abandoned(tmp_path) == (left,)


def test_a_full_disk_is_told_with_what_is_free_and_what_is_needed(tmp_path: Path) -> None:
    with (
        pytest.raises(DiskFull, match=rf"{tmp_path} .* is free and 3\.0 GB is needed$"),
        writing(tmp_path, 3_000_000_000),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(DiskFull, match=r"is free$"), writing(tmp_path):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")
