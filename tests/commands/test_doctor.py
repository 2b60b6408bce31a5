from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from algo.engines.processes import Process
from algo.engines.sessions import Sessions
from algo.main import run
from algo.oci.digest import Digest
from algo.oci.manifest import Index, decode, encode
from algo.oci.media_types import INDEX
from algo.registry.layout import LayoutStore
from algo.storage.held import Held
from algo.trust.pins import Pins

from tests.contract.registry.content import NAME, push_image

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


def test_a_damaged_name_of_the_store_is_told_then_mended(
    no_docker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = LayoutStore(no_docker / "data" / "store", held=Held())
    index = decode(push_image(store, b"layer").index, Index)
    annotations = {"org.opencontainers.image.version": "1.0.0"}
    data = encode(msgspec.structs.replace(index, annotations=annotations))
    digest = store.tag(NAME, "1.0.0", data, INDEX).digest
    pins = Pins(no_docker / "data" / "pins")
    pins.keep(NAME, "1.0.0", digest)
    pins.keep(f"registry.example.com:5000/{NAME}", "1.1.0", Digest.of(b"elsewhere"))
    (store.folder(NAME) / "index.json").write_bytes(b"")
    assert run(["versions", NAME]) == 4
    assert "hint: algo doctor --fix" in capsys.readouterr().err
    assert run(["doctor"]) == 1
    assert f"the list of versions is damaged: {NAME}" in capsys.readouterr().out
    assert run(["doctor", "--fix"]) == 0
    told = capsys.readouterr().out
    assert f"mended {NAME}: 1.0.0 found, 1.1.0 lost" in told
    assert f"algo pull registry.example.com:5000/{NAME}:1.1.0" in told
    assert run(["versions", NAME]) == 0
