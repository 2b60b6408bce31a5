from __future__ import annotations

import errno
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from algo.errors import AlgoError, DiskFull
from algo.resources import abandoned, runs, scratch, writing
from algo.signals import terminable, unstoppable


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


def interrupted_removal(*, failing: bool) -> Path:
    """Press Ctrl-C while a temporary folder is removed, and return the folder."""

    def press() -> None:
        # Removing begins with any of them, so all are looked at.
        while all((folder / str(number)).exists() for number in range(2000)):
            pass
        signal.raise_signal(signal.SIGINT)

    presser = threading.Thread(target=press)
    try:
        with scratch("test") as name:
            folder = Path(name)
            for number in range(2000):
                (folder / str(number)).touch()
            presser.start()
            if failing:
                raise AlgoError("what it was for failed")
        return folder
    finally:
        presser.join()


@pytest.mark.parametrize("failing", [False, True])
def test_ctrl_c_while_a_temporary_folder_is_removed_ends_the_command(failing: bool) -> None:
    with terminable(), pytest.raises(KeyboardInterrupt):
        interrupted_removal(failing=failing)


def test_ctrl_c_while_a_temporary_folder_is_removed_does_not_halve_an_outer_clean_up() -> None:
    with terminable(), unstoppable() as came:
        folder = interrupted_removal(failing=False)
        assert not folder.exists()
    assert came == [signal.SIGINT]
