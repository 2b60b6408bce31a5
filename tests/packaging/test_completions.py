"""The completion scripts in `completions/` are what the command prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = {"bash": "algo.bash", "zsh": "_algo", "fish": "algo.fish"}


@pytest.mark.parametrize("shell", FILES)
def test_the_committed_script_is_the_one_printed(shell: str) -> None:
    command = [sys.executable, "-m", "algo", "completion", shell]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "completions" / FILES[shell]).read_text() == printed, (
        f"run: algo completion {shell} > completions/{FILES[shell]}"
    )


def test_bash_completes_verbs_with_the_committed_script() -> None:
    script = ROOT / "completions" / FILES["bash"]
    bin_folder = Path(sys.executable).parent
    code = (
        f"PATH={bin_folder}:$PATH; source {script};"
        'COMP_WORDS=(algo pub); COMP_CWORD=1; _algo_completion algo; echo "${COMPREPLY[@]}"'
    )
    shown = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "publish"
