from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from algo.main import run

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """
[algorithm]
name = "acme/p"
language = "python"
entrypoint = "src/p.py:apply"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "p"
    (root / "src").mkdir(parents=True)
    (root / "algo.toml").write_text(MANIFEST)
    (root / "requirements.in").write_text("six==1.17.0\n")
    (root / "src" / "p.py").write_text("def apply(x):\n    return x\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("ALGO_HOME", str(tmp_path / "home"))
    return root


@pytest.mark.usefixtures("project")
def test_the_lock_is_written_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lock", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)

    assert document["name"] == "acme/p"
    images = [one for one in document["targets"] if one["environment"] == "python3.13"]
    assert [(one["platform"], one["packages"]) for one in images] == [
        ("linux/amd64", 1),
        ("linux/arm64", 1),
    ]


def test_a_check_says_whether_the_lock_fits_and_changes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lock", "--check"]) == 5
    assert "error[lock_stale]: there is no algo.lock" in capsys.readouterr().err
    assert not (project / "algo.lock").exists()
    assert run(["lock"]) == 0
    assert run(["lock", "--check"]) == 0
    assert "algo.lock fits what the project asks for" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_a_word_without_upgrade_is_told_with_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my model").mkdir()
    for options, command in (((), "algo lock"), (("--check",), "algo lock --check")):
        assert run(["lock", "my model", *options]) == 2
        told = capsys.readouterr().err
        assert "algo lock works on the project of the current folder" in told
        assert f"hint: cd 'my model' && {command}\n" in told
    assert run(["lock", "numpy"]) == 2
    told = capsys.readouterr().err
    assert (
        "packages are named with --upgrade alone: numpy\nhint: algo lock --upgrade numpy\n" in told
    )


@pytest.mark.usefixtures("project")
def test_an_upgrade_that_finds_nothing_newer_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lock"]) == 0
    assert "no package changed" not in capsys.readouterr().err
    assert run(["lock", "--upgrade"]) == 0
    assert "no package changed" in capsys.readouterr().err


def test_a_lock_of_a_newer_algo_is_not_to_be_made_anew_at_once(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "algo.lock").write_text('version = 2\ninputs = ""\n')
    assert run(["lock", "--check"]) == 5
    assert "hint: pip install --upgrade algo-cli" in capsys.readouterr().err


def test_a_requirement_that_cannot_be_met_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "requirements.in").write_text("six==99\n")
    assert run(["lock"]) == 1
    shown = capsys.readouterr()

    assert shown.out == ""
    assert "error[requirements_unsatisfiable]: requirements.in cannot be met" in shown.err
    assert "there is no version of six==99" in shown.err
    assert "hint: " in shown.err


def test_a_lock_that_is_no_toml_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "algo.lock").write_text("version\n")
    assert run(["lock", "--check"]) == 5
    assert "error[lock_invalid]" in capsys.readouterr().err


def test_a_conflict_in_the_lock_is_told_and_mended(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lock"]) == 0
    whole = (project / "algo.lock").read_text()
    (project / "algo.lock").write_text(f"{whole}<<<<<<< HEAD\n")
    assert run(["lock", "--check"]) == 5
    told = capsys.readouterr().err
    assert f"algo.lock:{whole.count(chr(10)) + 1} has a conflict of git" in told
    assert "git checkout --ours algo.lock" in told
    assert run(["lock"]) == 0
    assert (project / "algo.lock").read_text() == whole


def test_outside_a_project_the_error_names_init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["lock"]) == 2
    assert "hint: algo init" in capsys.readouterr().err
