from __future__ import annotations

import subprocess
from pathlib import Path

from algo.resources import abandoned, runs, scratch


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
