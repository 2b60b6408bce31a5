"""A conda project through the command line: locked, run without a container and in one."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from algo.main import run

from tests.fakes import conda

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """
[algorithm]
name = "acme/p"
language = "python"
entrypoint = "src/p.py:apply"
"""
SOURCE = """
import pathlib
import subprocess
import sys

import greeting


def load():
    return subprocess.run(["tool"], capture_output=True, text=True, check=True).stdout.strip()


def apply(value, state):
    cached = pathlib.Path(greeting.__cached__).exists()
    return [greeting.NUMBER, sys.version.split()[0], sys.prefix, state, cached]
"""


@pytest.fixture
def project(
    tmp_path: Path, conda_channel: Path, algo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    root = tmp_path / "p"
    (root / "src").mkdir(parents=True)
    (root / "algo.toml").write_text(MANIFEST)
    (root / "environment.yml").write_text(
        f"channels: [{conda_channel.as_uri()}]\ndependencies: [python, greeting, tool]\n"
    )
    (root / "src" / "p.py").write_text(SOURCE)
    monkeypatch.chdir(root)
    return root


def called(engine: str, capsys: pytest.CaptureFixture[str]) -> list[object]:
    assert run(["run", "--engine", engine, "-d", "1"]) == 0, capsys.readouterr().err
    found: list[object] = json.loads(capsys.readouterr().out)
    return found


def test_the_lock_names_packages_and_channels_and_no_address(
    project: Path, conda_channel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lock"]) == 0
    assert f"+ python {conda.VERSION}" in capsys.readouterr().out
    text = (project / "algo.lock").read_text()
    assert '"linux/arm64 conda runtime"' in text
    assert f'source = "{conda_channel.name}"' in text
    assert str(conda_channel) not in text
    assert run(["lock", "--check"]) == 0

    other = (project / "conda-lock.yml").read_text().replace("'2.0'", "'1.0'")
    (project / "conda-lock.yml").write_text(other)
    assert run(["lock", "--check"]) == 5
    assert "conda-lock.yml is not the one that was locked" in capsys.readouterr().err
    assert run(["lock"]) == 0
    assert run(["lock", "--check"]) == 0


def test_the_environments_python_runs_it_without_a_container(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number, version, prefix, state, _ = called("virtualenv", capsys)

    assert (number, version) == (2, conda.VERSION)
    assert prefix != sys.prefix
    assert state == f"{prefix}/share/tool"
    assert run(["exec", "--", "greet"]) == 0


@pytest.mark.usefixtures("engine")
def test_the_environments_python_runs_it_in_the_image(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = "/opt/algo/packages"

    assert called("docker", capsys) == [2, conda.VERSION, place, f"{place}/share/tool", True]


def test_another_python_than_the_manifest_wants_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "algo.toml").write_text(f'{MANIFEST}[environment]\npython = "3.99"\n')

    assert run(["lock"]) == 1
    told = capsys.readouterr().err
    assert "error[python_unsupported]" in told
    assert f"environment.yml leads to {conda.VERSION}" in told


def test_without_the_extra_the_error_names_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "rattler", None)

    assert run(["lock"]) == 2
    told = capsys.readouterr().err
    assert "error[conda_not_installed]" in told
    assert 'hint: pip install "algo-cli[conda]"' in told
