"""Languages by name, of several folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from algo.languages.errors import RuntimeInvalid
from algo.languages.runtimes import Runtimes

if TYPE_CHECKING:
    from pathlib import Path

BASE = """
language = "java"
version = "21"
base = "debian:trixie-slim"
command = ["java", "Main"]
suffixes = [".java"]
"""


def runtime(root: Path, name: str, text: str) -> None:
    (root / name).mkdir(parents=True)
    (root / name / "runtime.toml").write_text(text)


def test_a_language_that_extends_another_has_its_folder_and_says_what_differs(
    tmp_path: Path,
) -> None:
    runtime(tmp_path / "ours", "java", BASE)
    runtime(
        tmp_path / "theirs",
        "scala",
        'language = "scala"\nextends = "java"\nsuffixes = [".scala"]\n',
    )
    runtimes = Runtimes(tmp_path / "ours", (tmp_path / "theirs",))
    assert runtimes.known == ("java", "scala")
    assert runtimes.folder("scala") == tmp_path / "ours" / "java"
    spec = runtimes.spec("scala")
    assert (spec.language, spec.suffixes, spec.version) == ("scala", (".scala",), "21")
    assert spec.command == ("java", "Main")


def test_a_language_that_extends_none_that_is_known_is_told(tmp_path: Path) -> None:
    runtime(tmp_path, "scala", 'language = "scala"\nextends = "jvm"\n')
    with pytest.raises(RuntimeInvalid, match="no runtime for 'jvm'"):
        Runtimes(tmp_path).spec("scala")
