"""What old code's own files ask for, in languages whose registries a test does not reach."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.languages.language import ROOT
from tests.machine.lacking import lacking

if TYPE_CHECKING:
    from pathlib import Path

GEMFILE = """source 'https://rubygems.org'
ruby "~> 2.2"

gem 'algorithmia', '~>1.0.0'
gem 'fast-stemmer'
"""


def step(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program of a workshop in `folder`."""
    if not shutil.which(words[0]):
        lacking(f"{words[0]} is not installed: python3 -m tests.machine setup")
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def resolved(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "packages.txt").write_text(text)
    script = ROOT / "runtimes" / "r" / "workshop" / "resolve.R"
    return step(folder, "Rscript", "--vanilla", script, folder / "cache")


def test_packages_txt_is_read_without_what_the_runner_brings(tmp_path: Path) -> None:
    done = resolved(tmp_path, "# One package per line\n\nalgorithmia\n")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "pins.json").read_text()) == []


@pytest.mark.parametrize("line", ["-g acme/words", '-e install.packages("words")', "words==1"])
def test_a_line_that_names_no_package_of_cran_is_told_with_its_place(
    line: str, tmp_path: Path
) -> None:
    done = resolved(tmp_path, f"algorithmia\n{line}\n")
    assert done.returncode == 1
    assert f"packages.txt:2: {line} is no package of CRAN: write a DESCRIPTION" in done.stderr


def test_a_gemfile_of_that_time_asks_for_no_old_ruby(tmp_path: Path) -> None:
    (tmp_path / "Gemfile").write_text(GEMFILE)
    (tmp_path / "Gemfile.lock").write_text("GEM\n  specs:\n    algorithmia (1.0.1)\n")
    asked = ROOT / "runtimes" / "ruby" / "workshop" / "asked"
    done = step(tmp_path, "ruby", "-r", asked, "-e", "without_the_brought")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "Gemfile").read_text().split() == [
        "source",
        "'https://rubygems.org'",
        "gem",
        "'fast-stemmer'",
    ]
    assert not (tmp_path / "Gemfile.lock").exists()


def test_another_gemfile_stays_as_it_is(tmp_path: Path) -> None:
    text = GEMFILE.replace("gem 'algorithmia', '~>1.0.0'\n", "")
    (tmp_path / "Gemfile").write_text(text)
    asked = ROOT / "runtimes" / "ruby" / "workshop" / "asked"
    assert step(tmp_path, "ruby", "-r", asked, "-e", "without_the_brought").returncode == 0
    assert (tmp_path / "Gemfile").read_text() == text
