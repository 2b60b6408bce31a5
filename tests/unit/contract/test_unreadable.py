"""Cases and tests that may not be read are not none."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Root reads what nobody may read, unless it gives up the right to.
PLAIN = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"]
READS = {
    "cases": "from algo.contract.cases import read_cases as read",
    "tests": "from algo.contract.suite import has_tests as read",
}


@pytest.mark.parametrize("name", READS)
def test_a_folder_that_may_not_be_read_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name).chmod(0)
    code = f"from pathlib import Path; {READS[name]}; read(Path({str(tmp_path)!r}))"
    command = [*(PLAIN if os.geteuid() == 0 else []), sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (tmp_path / name).chmod(0o755)
    assert done.returncode == 1
    assert f"Permission denied: '{tmp_path / name}'" in done.stderr
