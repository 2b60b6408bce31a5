"""What is read of a project of Cog, and which of them are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from algo.contract.schema import Schema
from algo.importing.cog import CogSource
from algo.importing.errors import SourceInvalid, SourceUnsupported
from algo.importing.examples import made_up

if TYPE_CHECKING:
    from pathlib import Path

    from algo.contract.values import Json
    from algo.errors import AlgoError
    from algo.importing.interface import Draft

CODE = "class Predictor:\n    def predict(self, x: int) -> int:\n        return x\n"


def unasked(draft: Draft) -> Json:
    raise AssertionError("what it takes is asked for when it runs")


def project(folder: Path, config: str, code: str = CODE) -> Path:
    (folder / "cog.yaml").write_text(config)
    (folder / "predict.py").write_text(code)
    return folder


def draft_of(path: Path, **options: Any) -> Draft:
    return CogSource(path, **options).draft(unasked)


def test_packages_of_a_file_are_taken_without_cog_itself(tmp_path: Path) -> None:
    config = "build: {python_requirements: reqs.txt, gpu: true}\npredict: predict.py:Predictor\n"
    (tmp_path / "reqs.txt").write_text("# all\ncog==0.9\ntorch==2.1 \\\n  ; python_version > '3'\n")
    draft = draft_of(project(tmp_path, config), extra=("numpy<2",))
    assert draft.words["requirements"].splitlines() == [
        "numpy<2",
        "torch==2.1    ; python_version > '3'",
    ]
    assert (draft.words["gpu"], draft.parts) == ("true", ("cog", "cog_sync"))
    assert draft_of(tmp_path, loosen=True).words["requirements"].startswith("torch>=2.1")


def test_weights_are_models_at_their_own_places_and_the_rest_are_files(tmp_path: Path) -> None:
    folder = project(tmp_path, "image: r8.im/acme/big:1\npredict: predict.py:Predictor\n")
    (folder / "weights").mkdir()
    for name in ("Net-1.pth", "net.1.bin"):
        with (folder / "weights" / name).open("wb") as file:
            file.truncate(10_000_000)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").touch()
    (folder / "out").symlink_to("/etc")
    draft = draft_of(folder / "cog.yaml")
    places = {name: copied.place for name, copied in draft.models.items()}
    assert places == {"net-1": "weights/Net-1.pth", "net-1-2": "weights/net.1.bin"}
    assert [copied.place for copied in draft.files] == ["cog.yaml", "predict.py"]
    assert (draft.owner, draft.name) == ("acme", "big")


def test_what_is_left_behind_is_told(tmp_path: Path) -> None:
    config = (
        "build: {python_version: 3.9, run: [curl x, {command: y}]}\nenvironment: [A=1]\n"
        "predict: predict.py:Predictor\ntrain: train.py:train\n"
    )
    notes = "\n".join(draft_of(project(tmp_path, config)).notes)
    for said in ("2 commands under build", "set A where it runs", "train is not", "Python 3.9"):
        assert said in notes


def test_an_asynchronous_method_is_seen(tmp_path: Path) -> None:
    code = "class Runner:\n    async def run(self) -> str:\n        return ''\n"
    draft = draft_of(project(tmp_path, "run: predict.py:Runner\n", code))
    assert draft.parts == ("cog", "cog_async")


@pytest.mark.parametrize(
    ("config", "code", "kind", "said"),
    [
        ("build: {}", CODE, SourceInvalid, "has no run or predict"),
        ("predict: gone.py:Predictor", CODE, SourceInvalid, "names gone.py, which is not there"),
        ("predict: ../x.py:Predictor", CODE, SourceInvalid, "which is not there"),
        ("predict: predict.py:Other", CODE, SourceInvalid, "has no class Other"),
        ("predict: predict.py:Predictor", "class :", SourceInvalid, "cannot be parsed"),
        ("predict: predict.py:A", "class A: pass", SourceInvalid, "neither run nor predict"),
        ("predict: [", CODE, SourceInvalid, "cog.yaml is no YAML"),
        ("build: 3", CODE, SourceInvalid, "another form than it should"),
        (
            "build: {python_requirements: x.txt}\npredict: predict.py:Predictor",
            CODE,
            SourceInvalid,
            "names x.txt, which is not there",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_reason(
    tmp_path: Path, config: str, code: str, kind: type[AlgoError], said: str
) -> None:
    with pytest.raises(kind) as refused:
        draft_of(project(tmp_path, config, code))
    assert said in refused.value.message


def test_files_in_the_way_of_ours_are_named(tmp_path: Path) -> None:
    (project(tmp_path, "predict: predict.py:Predictor") / "algo.toml").touch()
    with pytest.raises(SourceUnsupported, match=r"has algo\.toml already") as refused:
        draft_of(tmp_path)
    assert refused.value.hint.startswith("mv ")


def test_an_input_is_made_up_of_what_must_be_given() -> None:
    schema = Schema(
        type=("object",),
        required=("mood", "name", "size", "tags", "times"),
        properties={
            "mood": Schema(enum=("glad", "sad"), type=("string",)),
            "name": Schema(type=("string",), min_length=9),
            "size": Schema(type=("number",), exclusive_minimum=2),
            "tags": Schema(type=("array",), items=Schema(type=("boolean",)), min_items=2),
            "times": Schema(type=("integer",), minimum=3),
            "seed": Schema(type=("integer",)),
        },
    )
    assert made_up(schema) == (
        {"mood": "glad", "name": "a text...", "size": 3, "tags": [True, True], "times": 3},
    )
    assert made_up(Schema(type=("string",), pattern="^a")) == ()
    assert made_up(Schema()) == ()
