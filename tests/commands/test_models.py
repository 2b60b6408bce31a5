"""Models that are fetched, by the commands: locked, cached, served, built, published."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from algo.main import run

from tests.e2e.served import Served
from tests.fakes import web as fake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Engine

Captured = pytest.CaptureFixture[str]
MANIFEST = """
[algorithm]
name = "acme/fetched"
language = "python"
entrypoint = "src/fetched.py:apply"
[models]
words = {{ url = "{address}/words.txt", sha256 = "{sha256}" }}
"""
SOURCE = """
from pathlib import Path


def load(models):
    path = Path(models["words"])
    return path.name, path.read_text().split()


def apply(input, state):
    return {"file": state[0], "word": state[1][input]}
"""
# New for every session: the cache of the session is shared.
WORDS = f"zero one two {uuid.uuid4()}".encode()


@pytest.fixture
def web() -> Iterator[fake.Web]:
    with fake.serving() as serving:
        serving.files["/words.txt"] = WORDS
        yield serving


@pytest.fixture
def project(
    tmp_path: Path, algo_home: Path, web: fake.Web, monkeypatch: pytest.MonkeyPatch
) -> Path:
    shutil.rmtree(algo_home / "cache" / "models", ignore_errors=True)
    root = tmp_path / "fetched"
    (root / "src").mkdir(parents=True)
    manifest(root, web, WORDS)
    (root / "src" / "fetched.py").write_text(SOURCE)
    monkeypatch.chdir(root)
    monkeypatch.setenv("ALGO_ENGINE", "virtualenv")
    return root


def manifest(root: Path, web: fake.Web, content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    (root / "algo.toml").write_text(MANIFEST.format(address=web.address, sha256=sha256))


def told(capsys: Captured, *words: str, code: int = 0) -> Any:
    """Run a command with --json and return its document; the code -1 is any."""
    capsys.readouterr()
    ended = run([*words, "--json"])
    shown = capsys.readouterr()
    assert code in (ended, -1), f"{words}: {ended}: {shown.out} {shown.err}"
    return json.loads(shown.out)


def test_a_model_is_locked_fetched_once_and_used_offline(
    project: Path, web: fake.Web, capsys: Captured
) -> None:
    subprocess.run(["git", "init", "-q"], cwd=project, check=True)
    (project / ".gitignore").write_bytes(b"\xe9t\xe9\r\n")  # git takes names in any encoding
    (model,) = told(capsys, "lock")["models"]
    assert (model["name"], model["files"], model["size"]) == ("words", 1, len(WORDS))
    assert (project / "models" / "words.txt").read_bytes() == WORDS
    assert (project / ".gitignore").read_bytes() == b"\xe9t\xe9\r\n/models/words.txt\n"
    web.answers = [(500, {})] * 99

    (project / "models" / "words.txt").unlink()
    assert told(capsys, "run", "-d", "1") == {"file": "words.txt", "word": "one"}
    assert told(capsys, "lock", "--check")["models"][0]["changed"] is False
    assert len(web.asked) == 1


def test_another_hash_in_the_manifest_is_another_model(
    project: Path, web: fake.Web, capsys: Captured
) -> None:
    told(capsys, "lock")
    web.files["/words.txt"] = other = b"null eins zwei"
    manifest(project, web, other)
    assert told(capsys, "lock", "--check", code=5)["error"]["code"] == "lock_stale"
    assert told(capsys, "run", "-d", "2")["word"] == "zwei"

    manifest(project, web, WORDS)
    web.files["/words.txt"] = b"changed"
    # It is in the cache, and its address has something else.
    refused = told(capsys, "run", "-d", "2", code=4)["error"]
    assert (refused["code"], "has 7 bytes" in refused["message"]) == ("model_corrupted", True)
    web.files["/words.txt"] = WORDS
    assert told(capsys, "run", "-d", "2")["word"] == "two"


def test_what_is_no_longer_fetched_is_no_longer_there(
    project: Path, web: fake.Web, capsys: Captured
) -> None:
    told(capsys, "lock")
    fetched, text = project / "models" / "words.txt", (project / "algo.toml").read_text()
    (project / "algo.toml").write_text(text.replace("/words.txt", "/words.md"))
    web.files["/words.md"] = WORDS
    told(capsys, "lock")
    assert not fetched.exists()
    assert (project / "models" / "words.md").read_bytes() == WORDS

    (project / "algo.toml").write_text(text)
    told(capsys, "lock")
    own = text.partition("words =")[0] + 'words = "models/words.txt"\n'
    (project / "algo.toml").write_text(own)
    assert told(capsys, "lock")["models"] == []
    assert fetched.read_bytes() == WORDS  # it is the project's own now

    fetched.unlink()
    (project / "algo.toml").write_text(text)
    told(capsys, "lock")
    (project / "algo.toml").write_text(text.partition("[models]")[0])
    told(capsys, "lock")
    assert not fetched.exists()


def test_doctor_says_what_is_fetched_and_what_is_not(
    project: Path, web: fake.Web, capsys: Captured
) -> None:
    def models() -> Any:
        findings = told(capsys, "doctor", code=-1)["findings"]
        return next(one for one in findings if one["name"] == "models")

    assert (models()["status"], models()["fix"]) == ("warning", "algo lock")
    told(capsys, "lock")
    assert (models()["status"], models()["detail"]) == ("ok", "words: here")
    assert len(web.asked) == 1


def test_what_was_edited_in_the_project_is_not_overwritten(
    project: Path, web: fake.Web, capsys: Captured
) -> None:
    told(capsys, "lock")
    mine = project / "models" / "words.txt"
    mine.unlink()
    mine.write_bytes(b"my own words")
    error = told(capsys, "run", "-d", "2", code=1)["error"]

    assert error["code"] == "model_edited"
    assert "mv models/words.txt" in error["hint"]
    assert mine.read_bytes() == b"my own words"


def test_a_model_that_is_not_what_the_manifest_says_is_refused(
    project: Path, web: fake.Web, capsys: Captured
) -> None:
    web.files["/words.txt"] = b"something else"
    error = told(capsys, "lock", code=4)["error"]

    assert error["code"] == "model_corrupted"
    assert not (project / "models").exists()


@pytest.mark.engine
def test_the_image_holds_what_is_locked_in_a_layer_of_its_own(
    project: Path, engine: Engine, web: fake.Web, capsys: Captured
) -> None:
    assert engine.version
    built = told(capsys, "build", "--into", "store")
    assert [layer["name"] for layer in built["layers"] if layer["kind"] == "model"] == ["words"]
    stray = project / "models" / "notes.txt"
    stray.write_text("of the project")
    os.utime(project / "models" / "words.txt")
    again = told(capsys, "build", "--into", "store")

    status = {layer["name"]: layer["status"] for layer in again["layers"]}
    assert (status["words"], status["code"]) == ("reused", "mounted")
    assert len(web.asked) == 1


@pytest.mark.engine
def test_a_container_has_the_model_where_load_looks_for_it(
    project: Path, engine: Engine, capsys: Captured
) -> None:
    assert engine.version
    assert told(capsys, "run", "--engine", "docker", "-d", "0")["word"] == "zero"


@pytest.mark.parametrize("where", ["virtualenv", pytest.param("docker", marks=pytest.mark.engine)])
def test_a_served_project_takes_another_model_over(
    where: str, project: Path, web: fake.Web, request: pytest.FixtureRequest
) -> None:
    if where == "docker":
        request.getfixturevalue("engine")
    command = [sys.executable, "-m", "algo", "serve", "--engine", where]
    with Served.start(command, project) as served:
        assert post(served.url, 1)["word"] == "one"
        web.files["/words.txt"] = other = f"null eins zwei {uuid.uuid4()}".encode()
        manifest(project, web, other)
        served.wait(lambda: post(served.url, 1)["word"] == "eins", timeout=30)
        assert post(served.url, 1)["word"] == "eins", served.events

        # A hash that the file does not have leaves the old one serving.
        manifest(project, web, b"something else")
        served.wait_for("error", 1)
        assert "is not what was said" in served.of("error")[-1]["message"]
        assert post(served.url, 1)["word"] == "eins"


def post(url: str, value: object) -> Any:
    request = urllib.request.Request(url, json.dumps(value).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())
