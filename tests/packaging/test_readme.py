"""What README shows is what the command prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```text\n\$ (algo[^\n]*--help)\n(.*?)```", README, flags=re.DOTALL)


def test_readme_shows_help() -> None:
    assert BLOCKS


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[command for command, _ in BLOCKS])
def test_a_help_block_is_what_the_command_prints(command: str, shown: str) -> None:
    environment = {**os.environ, "COLUMNS": "80", "TERMINAL_WIDTH": "80"}
    arguments = [sys.executable, "-m", *command.split()]
    printed = subprocess.run(
        arguments, capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert shown == printed


def test_readme_names_the_two_commands() -> None:
    assert "make demo" in README
    assert "make test" in README
