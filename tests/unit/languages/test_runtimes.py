"""Languages by name, of several folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from algo.errors import UsageError
from algo.languages.errors import LanguageMismatch, LanguageUnknown, RuntimeInvalid
from algo.languages.host import starter_of
from algo.languages.runtimes import Runtimes, check_named
from algo.resources import data_folder

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
    with pytest.raises(RuntimeInvalid, match="no language 'jvm'"):
        Runtimes(tmp_path).spec("scala")


def test_what_starts_a_runner_is_a_program_of_the_machine_or_was_compiled() -> None:
    shipped = Runtimes(Path("runtimes"))
    found = {name: starter_of(shipped.spec(name)) for name in ("java", "javascript", "go", "rust")}
    assert found == {"java": "java", "javascript": "node", "go": "", "rust": ""}


def test_a_broken_runtime_toml_is_to_be_corrected_where_it_lies(tmp_path: Path) -> None:
    runtime(tmp_path, "perl", "language = ")
    with pytest.raises(RuntimeInvalid) as caught:
        Runtimes(tmp_path).spec("perl")
    assert caught.value.hint == f"correct {tmp_path / 'perl' / 'runtime.toml'}"


def test_an_entry_of_another_language_is_told_by_how_it_ends() -> None:
    shipped = Runtimes(Path("runtimes"))
    with pytest.raises(
        LanguageMismatch, match=r"a\.mjs is no file of python, whose .* \.py"
    ) as caught:
        shipped.suffixes("python", "a.mjs")
    assert (
        caught.value.hint == 'set language = "javascript" in algo.toml, or name another file there'
    )
    assert shipped.suffixes("python", "a.py") == (".py",)
    assert shipped.suffixes("r", "model.of.mine") == (".R", ".r"), "which no language claims"


@pytest.mark.parametrize(
    ("said", "meant"),
    [("javascrpt", "javascript"), ("golang", "go"), ("Rust", "rust"), ("R", "r"), ("cobol", "")],
)
def test_the_language_that_was_meant_is_named(said: str, meant: str) -> None:
    with pytest.raises(LanguageUnknown) as caught:
        Runtimes(Path("runtimes")).spec(said)
    assert (caught.value.code, caught.value.exit_code) == ("language_unknown", 2)
    begins = f"did you mean {meant}? set language" if meant else "set language"
    assert str(caught.value.hint).startswith(begins)


def test_the_systems_of_all_languages_are_made_alike() -> None:
    """Each has a whole Dockerfile; but for packages, lines that one has too are its own matter."""
    files = [folder / "Dockerfile" for folder in data_folder("runtimes").iterdir()]
    steps = {
        file.parent.name: [
            line
            for line in file.read_text().splitlines()
            if not line.startswith("#") and "${SYSTEM_PACKAGES}" not in line
        ]
        for file in files
        if file.is_file()
    }
    common = steps.pop("python")
    assert len(steps) > 1
    for language, lines in steps.items():
        assert [line for line in lines if line in common] == common, language


def test_a_named_folder_that_holds_no_language_is_refused(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    runtime(ours, "java", BASE)
    (tmp_path / "templates" / "java" / "scaffolds" / "minimal").mkdir(parents=True)
    check_named([ours, tmp_path / "templates"], "--runtimes")
    (tmp_path / "empty").mkdir()
    for folder, hint in (
        (tmp_path / "empty", "LANGUAGE/runtime.toml"),
        (ours / "java", f"the folder above it: {ours}"),
        (tmp_path / "none", "the folder of the language"),
    ):
        with pytest.raises(UsageError, match=f"--runtimes names {folder}") as caught:
            check_named([folder], "--runtimes")
        assert hint in caught.value.hint
