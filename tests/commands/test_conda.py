"""A conda project through the command line: locked, run without a container and in one."""

from __future__ import annotations

import json
import sys
import tarfile
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from algo.main import run

from tests.e2e.served import Served
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


@pytest.mark.slow
@pytest.mark.timeout(1200)  # two runtime images are made for it
@pytest.mark.usefixtures("engine")
def test_an_image_for_another_processor_is_compiled_by_the_python_of_this_one(
    project: Path, algo_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["build", "--platform", "linux/arm64", "--into", "store", "--json"]
    assert run(command) == 0, capsys.readouterr().err
    layers = json.loads(capsys.readouterr().out)["layers"]
    (digest,) = [one["digest"] for one in layers if one["kind"] == "packages"]
    blob = algo_home / "cache" / "blobs" / "sha256" / digest.removeprefix("sha256:")
    with tarfile.open(blob) as archive:
        names = archive.getnames()

    site = f"opt/algo/packages/lib/python{conda.MINOR}/site-packages"
    tag = f"cpython-{conda.MINOR.replace('.', '')}"
    assert f"{site}/__pycache__/greeting.{tag}.pyc" in names
    assert not any(".compiler" in name for name in names)


@pytest.mark.slow
@pytest.mark.usefixtures("engine")
def test_a_published_version_runs_without_a_container_by_what_is_attached_to_it(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["publish", "--dry-run", "--allow-dirty"]) == 0, capsys.readouterr().err
    assert not (project / "conda-lock.yml").exists()
    assert run(["publish", "--yes", "--allow-dirty"]) == 0, capsys.readouterr().err
    monkeypatch.chdir(project.parent)
    project.rename(project.parent / "away")
    capsys.readouterr()

    command = ["run", "acme/p:1.0.0", "--engine", "virtualenv", "-d", "1"]
    assert run(command) == 0, capsys.readouterr().err
    number, version, prefix, *_ = json.loads(capsys.readouterr().out)
    assert (number, version) == (2, conda.VERSION)
    assert prefix != sys.prefix


@pytest.mark.slow
@pytest.mark.parametrize("where", ["virtualenv", pytest.param("docker", marks=pytest.mark.engine)])
def test_an_edited_environment_comes_in_while_the_old_code_serves(
    where: str, project: Path, request: pytest.FixtureRequest
) -> None:
    if where == "docker":
        request.getfixturevalue("engine")
    path = project / "environment.yml"
    text = path.read_text()
    path.write_text(text.replace("greeting", "greeting <2"))
    command = [sys.executable, "-c", "from algo.main import main; main()", "serve"]
    with Served.start([*command, "--engine", where], project) as served:
        before = ask(served)
        assert before[0] == 1
        path.write_text(text.replace("greeting", "greeting >=2"))
        served.wait_for_reloads(1, timeout=60)
        (reload,) = served.of("reload")
        assert (reload["trigger"], reload["rung"]) == ("environment.yml", "environment")
        assert reload["packages"] == 1
        after = ask(served)
        assert after[:2] == [2, before[1]]
        assert after[2] != before[2]
        assert after[3] == f"{after[2]}/share/tool"
        path.write_text(text.replace("greeting", "greeting >=3"))
        served.wait_for("error", 1, timeout=60)
        assert "environment.yml cannot be met" in served.of("error")[0]["message"]
        assert ask(served) == after
        assert served.stop() == 0


def ask(served: Served) -> list[Any]:
    request = urllib.request.Request(served.url, b"1", {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        found: list[Any] = json.loads(response.read())
        return found


def test_an_environment_that_is_not_for_this_machine_says_so(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (project / "environment.yml").read_text()
    for platforms, code, reason, hint in (
        ("wasm", "platform_unsupported", "environment.yml is for wasm", "write one of linux-64"),
        ("osx-64", "requirement_invalid", "environment.yml is for darwin/amd64", "add linux-64"),
    ):
        (project / "environment.yml").write_text(f"{text}platforms: [{platforms}]\n")
        assert run(["lock"]) == 2
        told = capsys.readouterr().err
        assert f"error[{code}]: {reason}" in told
        assert f"hint: {hint}" in told
    (project / "environment.yml").write_text(f"{text}platforms: [linux-aarch64]\n")
    assert run(["run", "--engine", "virtualenv", "-d", "1"]) == 5
    told = capsys.readouterr().err
    assert "the environment is not for linux/amd64: algo.lock has linux/arm64" in told


def test_another_python_than_the_manifest_wants_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "algo.toml").write_text(f'{MANIFEST}[environment]\npython = "3.99"\n')

    assert run(["lock"]) == 5
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
