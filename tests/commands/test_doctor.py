from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from algo.engines.processes import Process
from algo.engines.sessions import Sessions
from algo.main import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def no_docker(algo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{algo_home}/absent.sock")
    monkeypatch.setenv("TMPDIR", str(algo_home))
    return algo_home


def test_each_thing_looked_at_is_a_line(
    no_docker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["what", "status", "detail", "fix"]
    found = {line.split()[0]: line.split()[1] for line in lines[1:]}
    assert found["docker"] == "missing"
    assert found["virtualenv"] == "ok"
    assert {"gpu", "disk", "clock", "proxy", "watches"} <= found.keys()


def test_what_is_missing_names_its_fix(no_docker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor", "--json"])
    report = json.loads(capsys.readouterr().out)
    docker = next(item for item in report["findings"] if item["name"] == "docker")
    assert docker["fix"] == "start Docker, or pass --engine virtualenv"
    assert report["leftovers"] == []


def test_what_a_killed_command_left_is_listed_then_removed(
    no_docker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sessions = Sessions(no_docker / "state" / "sessions")
    session = sessions.create("docker", "acme/hello", "/p")
    sessions.write(msgspec.structs.replace(session, owner=Process(2**22 + 1, "0")))
    run(["doctor"])
    assert "left behind: acme/hello on docker" in capsys.readouterr().out
    run(["doctor", "--fix"])
    assert "removed: acme/hello on docker" in capsys.readouterr().out
    assert sessions.all() == []


def test_a_temporary_folder_of_a_killed_command_is_listed_then_removed(
    no_docker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = no_docker / f"algo-test-{2**22 + 1}-abc123"
    left.mkdir()
    run(["doctor"])
    assert f"temporary, of a command that was killed ({left})" in capsys.readouterr().out
    run(["doctor", "--fix"])
    assert not left.exists()
