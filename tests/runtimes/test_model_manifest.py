"""`model_manifest.json` and its frozen form: which files an algorithm gets, and when none."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtimes.conftest import PYTHON_RUNTIME

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.runtimes.conftest import RunnerProcess

    Start = Callable[..., RunnerProcess]

CODE = """
from Algorithmia import ADK

def load(model_data):
    model_data["text"] = open(model_data.get_model("words")).read()
    return model_data

def apply(input, model_data):
    if input == "freeze":
        model_data.client.freeze("model_manifest.json")
    elif input:
        return open(model_data.get_model(input)).read()
    return model_data.data()

ADK(apply, load).init()
"""


def manifest(root: Path, **entry: object) -> dict[str, Any]:
    """Write two files and the manifest that names them."""
    for name in ("words", "more"):
        (root / f"{name}.txt").write_text(name)
    found = {
        "required_files": [
            {"name": "words", "source_uri": f"file://{root}/words.txt", "fail_on_tamper": True}
            | entry
        ],
        "optional_files": [{"name": "more", "source_uri": f"file://{root}/more.txt"}],
    }
    (root / "model_manifest.json").write_text(json.dumps(found))
    return found


def frozen(root: Path, document: dict[str, Any]) -> None:
    """Freeze a manifest as Algorithmia's own client did: an MD5 sum of what Python prints of it."""
    document = {**document, "timestamp": "1633450866.985464"}
    document["lock_checksum"] = md5(str(document))
    (root / "model_manifest.json.freeze").write_text(json.dumps(document))


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def started(runner: Start) -> RunnerProcess:
    return runner(CODE, written_for="algorithmia")


def test_files_are_there_by_their_names_and_optional_ones_when_asked_for(
    runner: Start, tmp_path: Path
) -> None:
    manifest(tmp_path)
    began = started(runner)
    assert began.load()["type"] == "ready"
    assert json.loads(began.call(b"null")[1]) == {"text": "words"}
    assert began.call(b'"more"')[1] == b"more"
    assert "has no file called mroe: did you mean more?" in began.call(b'"mroe"')[0]["message"]


def test_a_file_that_was_frozen_as_another_one_does_not_load(runner: Start, tmp_path: Path) -> None:
    frozen(tmp_path, manifest(tmp_path, md5_checksum=md5("words")))
    assert started(runner).load()["type"] == "ready"
    (tmp_path / "words.txt").write_text("forged")
    answer = started(runner).load()
    assert (answer["type"], answer["error"]) == ("load_error", "ModelTampered")
    assert f"md5_checksum {md5('forged')}, not {md5('words')}" in answer["message"]


def test_a_difference_that_does_no_harm_is_told_in_the_log(runner: Start, tmp_path: Path) -> None:
    frozen(tmp_path, manifest(tmp_path, md5_checksum=md5("other"), fail_on_tamper=False))
    began = started(runner)
    began.hello()
    began.write({"type": "load", "id": 1})
    frames = [began.read(logs=True)]
    while frames[-1][0]["type"] == "log":
        frames.append(began.read(logs=True))
    assert frames[-1][0]["type"] == "ready"
    assert any(b"warning: words is another file than was frozen" in body for _, body in frames)


@pytest.mark.parametrize("key", ["fail_on_tamper", "source_uri"])
def test_a_frozen_manifest_that_was_changed_does_not_load(
    key: str, runner: Start, tmp_path: Path
) -> None:
    frozen(tmp_path, manifest(tmp_path, md5_checksum=md5("words")))
    place = tmp_path / "model_manifest.json.freeze"
    document = json.loads(place.read_text())
    document["required_files"][0][key] = False
    place.write_text(json.dumps(document))
    answer = started(runner).load()
    assert answer["type"] == "load_error"
    assert "was changed after it was frozen: lock_checksum" in answer["message"]


def test_what_we_freeze_has_sums_in_sha256_and_is_taken_by_algorithmias_kit(
    runner: Start, tmp_path: Path
) -> None:
    manifest(tmp_path)
    began = started(runner)
    began.load()
    assert began.call(b'"freeze"')[0]["type"] == "result"
    place = tmp_path / "model_manifest.json.freeze"
    document = json.loads(place.read_text())
    (entry,) = document["required_files"]
    assert entry["sha256_checksum"] == hashlib.sha256(b"words").hexdigest()
    # What its kit does: everything but the sum itself, as Python prints it.
    lock = document.pop("lock_checksum")
    assert lock == md5(str(document))
    assert started(runner).load()["type"] == "ready"

    # Whoever can forge MD5 still has to forge the other sum.
    document["required_files"][0]["md5_checksum"] = md5("forged")
    (tmp_path / "words.txt").write_text("forged")
    frozen(tmp_path, document)
    answer = started(runner).load()
    assert answer["type"] == "load_error"
    assert "lock_sha256" in answer["message"]


def test_without_an_api_a_script_freezes_what_the_project_ships(tmp_path: Path) -> None:
    document = manifest(tmp_path)
    place = tmp_path / "data" / "acme" / "models"
    place.mkdir(parents=True)
    (place / "words.txt").write_text("shipped")
    document["required_files"][0]["source_uri"] = "data://acme/models/words.txt"
    (tmp_path / "model_manifest.json").write_text(json.dumps(document))
    code = 'import Algorithmia; Algorithmia.client().freeze("model_manifest.json")'
    variables = {"PYTHONPATH": str(PYTHON_RUNTIME / "compat")}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=variables, check=True)
    frozen = json.loads((tmp_path / "model_manifest.json.freeze").read_text())
    assert frozen["required_files"][0]["md5_checksum"] == md5("shipped")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "model_manifest.json is not JSON: Expecting property name"),
        ("[]", "model_manifest.json holds no object"),
        (
            '{"required_models": []}',
            "model_manifest.json has 'required_models': did you mean 'required_files'?",
        ),
    ],
)
def test_a_manifest_that_cannot_be_read_is_named(
    runner: Start, tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "model_manifest.json").write_text(text)
    answer = started(runner).load()
    assert answer["type"] == "load_error"
    assert answer["message"].startswith(told)
    assert "json/decoder.py" not in answer["stacktrace"]
