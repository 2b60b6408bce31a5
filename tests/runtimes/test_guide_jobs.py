"""The commands of the guide's section on jobs, run as they stand there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runtimes.conftest import GatewayProcess

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide.md"
DIGITS = """
import time

def apply(scan):
    time.sleep(0.2)
    return {"digit": 3, "probabilities": [0.02, 0.98]}
"""


def commands() -> list[tuple[str, str]]:
    """Each command of the section, and what it prints; `…` stands for anything."""
    section = GUIDE.read_text(encoding="utf-8").partition("### Calls that take long")[2]
    (block,) = re.findall(r"```console\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)


def test_the_commands_of_the_guide_do_what_it_says(
    gateway: Callable[..., GatewayProcess], tmp_path: Path
) -> None:
    served = gateway(DIGITS)
    (tmp_path / "scan.json").write_text('{"image": []}')
    assert len(commands()) == 7
    for command, printed in commands():
        line = command.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{served.port}")
        done = subprocess.run(
            ["bash", "-c", line.replace("curl ", "curl -sS ", 1)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        pattern = re.escape(printed.strip()).replace("…", ".*")
        assert re.fullmatch(pattern, done.stdout.strip(), re.DOTALL), (command, done.stdout)
