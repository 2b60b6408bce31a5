from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from algo.resources import abandoned, runs, scratch

if TYPE_CHECKING:
    import pytest


def test_a_temporary_folder_is_abandoned_when_its_process_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = tmp_path / f"algo-test-{gone.pid}-abc123"
    left.mkdir()
    (tmp_path / "algo-else").mkdir()
    with scratch("lock") as folder:
        assert Path(folder).parent == tmp_path
        assert abandoned() == (left,)
    assert not runs(gone.pid)
