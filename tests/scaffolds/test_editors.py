"""Templates as the language's own tools see them, which is what editors ask."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from algo.resources import data_folder
from algo.scaffold.scaffold import scaffold
from algo.scaffold.templates import template_names

from tests.machine.lacking import lacking

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATES = template_names(data_folder("scaffolds"))
FORMATTERS = {
    "go": ["gofmt", "-l"],
    "rust": ["rustfmt", "--check", "--edition", "2024"],
}


def made(template: str, tmp_path: Path) -> Path:
    return scaffold("acme/it", template, tmp_path, data_folder("scaffolds")).folder


def said(command: list[str], folder: Path) -> tuple[int, str]:
    if shutil.which(command[0]) is None:
        lacking(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "template", [name for name in TEMPLATES if name.partition("/")[0] in FORMATTERS]
)
def test_saving_in_an_editor_that_formats_changes_nothing(template: str, tmp_path: Path) -> None:
    language = template.partition("/")[0]
    folder = made(template, tmp_path)
    files = [str(one) for one in folder.rglob("*") if one.suffix in (".go", ".rs")]
    assert said([*FORMATTERS[language], *files], folder) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("template", ["java/minimal", "scala/minimal"])
def test_maven_compiles_and_tests_it_without_algo(template: str, tmp_path: Path) -> None:
    folder = made(template, tmp_path)
    code, text = said(["mvn", "-B", "test"], folder)
    assert code == 0, text
    assert "Tests run: 3, Failures: 0, Errors: 0" in text
