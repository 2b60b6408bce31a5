"""A language that the command line does not know, from a folder that it is told: Perl."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.served import Served
from tests.machine.lacking import lacking

MORE = Path(__file__).resolve().parent / "more"
ALGO = [sys.executable, "-c", "from algo.main import main; main()"]


@pytest.fixture(autouse=True)
def perl() -> None:
    if shutil.which("prove") is None:
        lacking("perl is not installed")


def algo(folder: Path, *words: str) -> str:
    command = [*ALGO, "--runtimes", str(MORE), *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"algo {words}: {done.stdout}\n{done.stderr}"
    return done.stdout


def ask(served: Served, value: object) -> object:
    body = json.dumps(value).encode()
    request = urllib.request.Request(served.url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


@pytest.mark.usefixtures("algo_home")
def test_a_folder_alone_makes_a_language_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    algo(tmp_path, "init", "acme/words", "--template", "perl/minimal")
    project = tmp_path / "words"
    algo(project, "lock")
    assert "linux/amd64 perl runtime" in (project / "algo.lock").read_text()
    assert "failed" not in algo(project, "test", "--engine", "virtualenv")
    text = {"text": "a b a"}
    monkeypatch.setenv("ALGO_RUNTIMES", str(MORE))
    with Served.start([*ALGO, "serve", "--engine", "virtualenv"], project) as served:
        assert ask(served, text) == {"a": 2, "b": 1}
        source = project / "src" / "words.pm"
        whole = source.read_text()
        source.write_text(whole.replace("lc $_", "uc $_"))
        served.wait_for_reloads(1)
        assert ask(served, text) == {"A": 2, "B": 1}
        source.write_text(whole.replace("my ($input) = @_;", "my ($input) = @_"))
        served.wait_for("error", 1)
        assert served.of("error")[0]["file"] == "src/words.pm"
        assert ask(served, text) == {"A": 2, "B": 1}


@pytest.mark.slow
@pytest.mark.usefixtures("algo_home", "engine")
def test_a_folder_alone_makes_an_image_and_a_version(tmp_path: Path) -> None:
    algo(tmp_path, "init", "acme/words", "--template", "perl/minimal")
    project = tmp_path / "words"
    assert "failed" not in algo(project, "test", "--engine", "docker")
    algo(project, "build", "--check")
    algo(project, "publish", "--yes")
    for engine in ("docker", "virtualenv"):
        words = ("run", "acme/words:1.0.0", "--engine", engine, "-d", '{"text": "a b a"}')
        assert json.loads(algo(tmp_path, *words)) == {"a": 2, "b": 1}
