from __future__ import annotations

import subprocess
import sys
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
[environment]
python = "{python}"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "p"
    (root / "src").mkdir(parents=True)
    (root / "algo.toml").write_text(MANIFEST.format(python=">=3.11"))
    (root / "requirements.in").write_text("six==1.17.0\n")
    (root / "requirements-test.in").write_text("iniconfig\n")
    (root / "src" / "p.py").write_text("def apply(x):\n    return x\n")
    monkeypatch.chdir(root / "src")
    monkeypatch.setenv("ALGO_HOME", str(tmp_path / "home"))
    return root


def test_a_command_runs_in_the_folder_and_its_exit_code_comes_through(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "train.py").write_text(
        "import iniconfig, p, six, sys\nprint(six.__version__, sys.argv[1:])\nsys.exit(3)\n"
    )

    assert run(["exec", "--", "python", "train.py", "--epochs", "2"]) == 3
    shown = capfd.readouterr()
    assert shown.out == "1.17.0 ['--epochs', '2']\n"
    assert shown.err.splitlines()[-1] == "python exited with code 3"


def test_the_double_dash_may_be_left_out(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["exec", "python", "-c", "print(5)"]) == 0
    assert capfd.readouterr().out == "5\n"
    assert (project / "algo.lock").is_file()


@pytest.mark.usefixtures("project")
def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["exec", "--", "no-such-program"]) == 1
    assert "error[command_not_found]" in capsys.readouterr().err


def test_a_python_that_this_machine_lacks_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "algo.toml").write_text(MANIFEST.format(python="3.99"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    assert run(["exec", "--", "python", "-V"]) == 1
    shown = capsys.readouterr().err
    assert "error[python_not_found]" in shown
    assert sys.version.split()[0] in shown


def test_without_a_command_the_usage_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "algo", "exec"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "hint: algo exec --help" in done.stderr
