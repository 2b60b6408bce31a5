"""A source becomes a whole project, or nothing is left."""

from __future__ import annotations

import itertools
import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from algo.contract.cases import read_cases
from algo.errors import AlgoError
from algo.importing.errors import (
    ExampleInvalid,
    ExampleRefused,
    ModelUnusable,
    PickleOnHost,
    SourceInvalid,
    TargetTaken,
)
from algo.importing.importing import Imported, Order, import_source
from algo.importing.interface import Ask, Copied, Draft, Example
from algo.importing.place import making, take_over
from algo.project.project import Project
from algo.resources import data_folder

from tests.fakes.algorithms import Refused
from tests.fakes.workshop import FakeWorkshop

if TYPE_CHECKING:
    from algo.contract.values import Json
    from algo.events import Event


@dataclass
class Given:
    """A source that is read already."""

    folder: Path
    examples: tuple[Example, ...] = (Example("one", ({"x": 1.5},)),)
    pickled: bool = False

    def draft(self, ask: Ask) -> Draft:
        weights = self.folder / "net.onnx"
        weights.write_bytes(b"weights")
        words = dict.fromkeys(("file", "inputs", "outputs", "table", "imports", "opset"), "x")
        return Draft(
            ("onnx",),
            "My Net",
            {"model": Copied(weights, "models/net.onnx")},
            words,
            examples=self.examples,
            advice="export it again",
            pickled=self.pickled,
        )


def made(
    tmp_path: Path,
    workshop: FakeWorkshop,
    order: Order | None = None,
    source: Given | None = None,
    told: list[Event] | None = None,
) -> Imported:
    order = order or Order(tmp_path, Path("net"), user="Ada L.")
    notify = (told if told is not None else []).append
    return import_source(
        source or Given(tmp_path), order, workshop, data_folder("scaffolds"), notify=notify
    )


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "net.onnx")


def test_the_project_holds_model_code_and_what_was_answered(tmp_path: Path) -> None:
    result = made(tmp_path, FakeWorkshop(lambda value: {"y": [0.25, 1]}))
    project = Project.open(tmp_path / "net")
    project.check_files()
    assert (result.name, result.cases) == ("ada-l/net", 1)
    assert result.next == ("cd net", "algo serve", "algo test")
    assert (tmp_path / "net" / "models" / "net.onnx").read_bytes() == b"weights"
    (case,) = read_cases(project.root)
    assert json.loads((project.root / "cases" / "recorded.json").read_text()) == [
        {
            "name": "one",
            "input": {"x": 1.5},
            "expected": {"y": [0.25, 1]},
            "tolerance": {"abs": 1e-05, "rel": 0.0001},
        }
    ]
    assert case.name == "one"
    assert left(tmp_path) == ["net"]
    assert {".gitignore", ".github/workflows/algo.yml", "pytest.ini"} < set(result.files)


def test_the_code_was_complete_when_it_ran(tmp_path: Path) -> None:
    workshop = FakeWorkshop()
    made(tmp_path, workshop)
    assert {"algo.toml", "src/net.py", "requirements.in"} < set(workshop.shown)


def test_an_answer_that_changes_is_held_to_its_type_only(tmp_path: Path) -> None:
    count = itertools.count()
    told: list[Event] = []
    made(tmp_path, FakeWorkshop(lambda value: f"text {next(count)}"), told=told)
    (case,) = json.loads((tmp_path / "net" / "cases" / "recorded.json").read_text())
    assert case["assert"] == [{"path": "", "type": "string"}]
    assert any("does not answer the same twice" in str(event) for event in told)
    assert len(read_cases(tmp_path / "net")) == 1


def test_a_guess_that_is_refused_gives_way_to_the_next(tmp_path: Path) -> None:
    def answer(value: Json) -> Json:
        if value != 3:
            raise Refused("invalid_input" if value == {} else "too_short")
        return "three"

    source = Given(tmp_path, (Example("a guess", (1, 2, 3)),))
    assert made(tmp_path, FakeWorkshop(answer), source=source).cases == 2
    recorded = json.loads((tmp_path / "net" / "cases" / "recorded.json").read_text())
    assert [case.get("error") for case in recorded] == [None, "invalid_input"]
    assert recorded[0]["input"] == 3


def test_the_users_own_examples_replace_those_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "a scan.json").write_text('{"x": [1]}')
    order = Order(tmp_path, name="acme/other", examples=(Path("a scan.json"),))
    result = made(tmp_path, FakeWorkshop(), order)
    assert (result.name, result.folder) == ("acme/other", tmp_path / "other")
    (case,) = read_cases(tmp_path / "other")
    assert case.name == "a scan"


def refusing(value: Json) -> Json:
    raise Refused("bad_scan")


@pytest.mark.parametrize(
    ("workshop", "kind", "hint"),
    [
        (FakeWorkshop(refusing), ExampleRefused, "--example FILE.json"),
        (FakeWorkshop(error=ModelUnusable("no")), ModelUnusable, ""),
    ],
)
def test_a_failure_leaves_nothing_behind(
    tmp_path: Path, workshop: FakeWorkshop, kind: type[AlgoError], hint: str
) -> None:
    order = Order(tmp_path, Path("new/services/net"), user="ada")
    with pytest.raises(kind) as failed:
        made(tmp_path, workshop, order)
    assert hint in failed.value.hint
    assert left(tmp_path) == []


def test_a_model_that_does_not_load_is_told_with_what_fits(tmp_path: Path) -> None:
    class LoadFailed(AlgoError):
        code = "load_failed"

    failed = FakeWorkshop(error=LoadFailed("the algorithm did not load: IR version 99"))
    with pytest.raises(ModelUnusable, match="My Net cannot be loaded") as told:
        made(tmp_path, failed)
    assert (told.value.hint, told.value.details) == (
        "export it again",
        "the algorithm did not load: IR version 99",
    )


def test_a_pickle_is_not_read_on_this_machine_unless_that_is_asked_for(tmp_path: Path) -> None:
    host = FakeWorkshop(hosted=True)
    with pytest.raises(PickleOnHost, match="nothing was read") as refused:
        made(tmp_path, host, source=Given(tmp_path, pickled=True))
    assert (host.shown, refused.value.exit_code) == ({}, 4)
    assert "--engine virtualenv" in refused.value.hint
    assert left(tmp_path) == []
    assert made(tmp_path, host, source=Given(tmp_path)).cases == 1
    named = FakeWorkshop()
    order = Order(tmp_path, Path("other"))
    assert made(tmp_path, named, order, Given(tmp_path, pickled=True)).cases == 1


@pytest.mark.parametrize("place", ["full", "a file"])
def test_nothing_is_written_where_something_is(tmp_path: Path, place: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    (tmp_path / "a file").touch()
    with pytest.raises(TargetTaken, match="nothing was written") as taken:
        made(tmp_path, FakeWorkshop(), Order(tmp_path, Path(place)))
    assert f"{place}-2" in taken.value.hint
    assert left(tmp_path) == ["a file", "full"]


def test_an_empty_folder_is_filled_and_stays_the_same_one(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    before = here.stat().st_ino
    result = made(tmp_path, FakeWorkshop(), Order(here, Path(), user="ada"))
    assert (result.name, result.next) == ("ada/here", ("algo serve", "algo test"))
    assert here.stat().st_ino == before
    assert (here / "algo.toml").is_file()
    assert left(tmp_path) == ["here"]


def test_a_project_may_be_made_inside_the_folder_that_it_is_made_of(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "weights").write_bytes(b"w")
    with making(tmp_path / "theirs" / "made") as tree:
        take_over(Copied(tmp_path / "theirs", "models/theirs"), tree)
    made = tmp_path / "theirs" / "made" / "models" / "theirs"
    assert [path.name for path in made.iterdir()] == ["weights"]


def test_a_link_that_leads_nowhere_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "gone").symlink_to(tmp_path / "nowhere")
    with (
        pytest.raises(SourceInvalid, match="theirs/gone cannot be copied"),
        making(tmp_path / "made") as tree,
    ):
        take_over(Copied(tmp_path / "theirs", "models/theirs"), tree)
    assert left(tmp_path) == ["theirs"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_any_moment_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    def interrupted(value: Json) -> Json:
        signal.raise_signal(number)
        return value

    with pytest.raises(KeyboardInterrupt):
        made(tmp_path, FakeWorkshop(interrupted), Order(tmp_path, Path("new/net"), user="ada"))
    assert left(tmp_path) == []


@pytest.mark.parametrize("text", ["{", "[1, NaN", ""])
def test_an_example_that_is_no_json_is_refused_before_anything(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ExampleInvalid, match=r"x\.json is no JSON input"):
        made(tmp_path, FakeWorkshop(), Order(tmp_path, examples=(Path("x.json"),)))
