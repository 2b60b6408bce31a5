"""Projects of Algorithmia as they lie in its repositories, by the commands."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from algo.main import run
from algo.project.project import Project

PROJECTS = Path(__file__).parent / "projects"


@pytest.fixture
def greeter(tmp_path: Path, algo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "greeter"
    shutil.copytree(PROJECTS / "greeter", folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ALGO_ENGINE", "virtualenv")
    return folder


def test_an_old_project_runs_as_it_is(greeter: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in greeter.rglob("*") if path.is_file()}
    (greeter / "input.bin").write_bytes(b"\x00\x01")
    capfd.readouterr()
    assert run(["run", "-d", '"world"']) == 0
    assert capfd.readouterr().out == "hello world\n"
    assert run(["run", "-d", '{"name": "Ada"}']) == 0
    assert json.loads(capfd.readouterr().out) == {"greeting": "hello Ada"}
    assert run(["run", "-D", "input.bin", "-o", "output.bin"]) == 0
    assert (greeter / "output.bin").read_bytes() == b"\x01\x00"
    after = {name: (greeter / name) for name in before if (greeter / name).is_file()}
    assert all(path.read_bytes() == before[name] for name, path in after.items())


def test_its_test_cases_are_golden_cases(greeter: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["test"]) == 0
    assert "TEST_CASES.json: a field of the answer" in capfd.readouterr().out

    cases = json.loads((greeter / "TEST_CASES.json").read_text())
    (greeter / "TEST_CASES.json").write_text(json.dumps([{**cases[0], "expected_output": "hi"}]))
    assert run(["test"]) == 1
    assert 'expected "hi", got "hello world"' in capfd.readouterr().out


def test_a_name_that_no_file_has_gets_the_nearest(
    greeter: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (greeter / "src" / "Greeter.py").rename(greeter / "src" / "greting.py")
    assert run(["run", "-d", "1"]) == 1
    told = capfd.readouterr().err
    assert "src/Greeter.py, the file of the algorithm, is not there" in told
    assert "did you mean src/greting.py?" in told


def test_its_tests_beside_it_are_run(greeter: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    assert run(["test", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert "test_Greeter" in json.dumps(report)

    (greeter / "src" / "Greeter_test.py").write_text("def test_it():\n    assert 1 == 2\n")
    assert run(["test"]) == 1
    assert "assert 1 == 2" in capfd.readouterr().out


@pytest.mark.slow
def test_a_script_of_the_authors_freezes_a_manifest(greeter: Path) -> None:
    (greeter / "data" / "acme" / "models").mkdir(parents=True)
    (greeter / "data" / "acme" / "models" / "words.txt").write_text("words")
    entry = {"name": "words", "source_uri": "data://acme/models/words.txt"}
    (greeter / "model_manifest.json").write_text(json.dumps({"required_files": [entry]}))
    code = 'import Algorithmia; Algorithmia.client().freeze("model_manifest.json")'
    assert run(["exec", "--", "python", "-c", code]) == 0
    frozen = json.loads((greeter / "model_manifest.json.freeze").read_text())
    (found,) = frozen["required_files"]
    assert found["sha256_checksum"] == hashlib.sha256(b"words").hexdigest()


@pytest.mark.parametrize(
    ("code", "line", "why"),
    [
        ('def apply(input):\n    print "hello"\n', 2, "Missing parentheses in call to 'print'"),
        ("import urllib2\n\ndef apply(input):\n    pass\n", 1, "No module named 'urllib2'"),
        ("KINDS = (str, unicode)\n\ndef apply(input):\n    pass\n", 1, "'unicode' is not defined"),
    ],
)
def test_code_of_python_2_is_told_with_its_line_and_what_rewrites_it(
    greeter: Path, capfd: pytest.CaptureFixture[str], code: str, line: int, why: str
) -> None:
    (greeter / "src" / "Greeter.py").write_text(code)
    capfd.readouterr()
    assert run(["run", "-d", '"world"']) == 1
    told = capfd.readouterr().err
    assert f"src/Greeter.py:{line}" in told
    assert why in told
    assert "python3 -m fissix -w -n src" in told


@pytest.fixture
def sentiment(greeter: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("sentiment", "word-cleaner"):
        shutil.copytree(PROJECTS / name, greeter.parent / name)
    monkeypatch.chdir(greeter.parent / "sentiment")
    # As whoever used Algorithmia has it in the shell.
    monkeypatch.setenv("ALGORITHMIA_API", "https://api.algorithmia.com")
    monkeypatch.setenv("ALGORITHMIA_API_KEY", "simOLD")
    return greeter.parent / "sentiment"


def test_data_models_and_algorithms_beside_it_are_found(
    sentiment: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    assert run(["run", "-d", '{"text": "Good, GREAT!"}']) == 0
    assert json.loads(capfd.readouterr().out) == {"sentiment": 3, "last": {"score": 3}}
    assert run(["test"]) == 0
    capfd.readouterr()
    assert run(["run", "-d", "{}"]) == 1
    assert "InputError: text is missing" in capfd.readouterr().err


def test_what_code_wrote_is_there_the_next_time(
    sentiment: Path, algo_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hosted = algo_home / "data" / "hosted" / "data" / "AcmeSE" / "texts"
    hosted.mkdir(parents=True)
    (hosted / "review.txt").write_text("not bad")
    capfd.readouterr()
    assert run(["run", "-d", '"data://acmese/texts/review.txt"']) == 0
    assert json.loads(capfd.readouterr().out)["sentiment"] == -1
    assert json.loads((hosted.parent / "sentiment_log" / "last.json").read_text()) == {"score": -1}


def test_an_algorithm_that_is_nowhere_is_told(
    sentiment: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(sentiment.parent / "word-cleaner")
    assert run(["run", "-d", '{"text": "good"}']) == 1
    assert "/v1/algo/nlp/Word-Cleaner/0.2.x: " in capfd.readouterr().err


def test_an_algo_toml_is_written_beside_it_and_says_the_same(
    sentiment: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    weights = sentiment / "data" / "AcmeSE" / "sentiment_models" / "vectors.bin"
    weights.write_bytes(bytes(10_000_001))
    (sentiment / "requirements.txt").write_text("algorithmia>=1.0.0,<2.0\n")
    before = Project.open(sentiment).manifest
    capfd.readouterr()
    assert run(["import", "algorithmia"]) == 0
    shown = capfd.readouterr()
    assert "Wrote algo.toml of acmese/sentiment: python, src/sentiment.py:apply" in shown.out
    assert "1 model, 2 golden cases" in shown.out
    assert shown.out.endswith("next:\n  algo serve\n  algo test\n")
    assert "which the runtime brings" in shown.err
    (sentiment / "algorithmia.conf").unlink()
    assert Project.open(sentiment).manifest.algorithm == before.algorithm
    assert Project.open(sentiment).manifest.models == before.models
    (sentiment / "requirements.txt").write_text("")
    assert run(["run", "-d", '{"text": "good"}']) == 0
    assert json.loads(capfd.readouterr().out)["sentiment"] == 1


def test_an_import_of_another_folder_says_to_go_there(
    greeter: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(greeter.parent)
    assert run(["import", "algorithmia", greeter.name]) == 0
    ends = f"next:\n  cd {greeter.name}\n  algo serve\n  algo test\n"
    assert capfd.readouterr().out.endswith(ends)


def test_an_algo_toml_that_is_there_stays(greeter: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["import", "algorithmia", "--name", "acme/mine", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["name"] == "acme/mine"
    written = (greeter / "algo.toml").read_text()
    assert run(["import", "algorithmia", "."]) != 0
    assert (greeter / "algo.toml").read_text() == written
    assert run(["import", "algorithmia", "src"]) == 2
    assert "it has no algorithmia.conf" in capfd.readouterr().err


def test_a_project_that_cannot_be_taken_over_stays_as_it_was(
    greeter: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = (greeter / "TEST_CASES.json").read_text()
    cases = [{**json.loads(good)[0], "type": "LESS_OR_EQ"}]
    (greeter / "TEST_CASES.json").write_text(json.dumps(cases))
    capfd.readouterr()
    assert run(["import", "algorithmia"]) == 2
    assert "LESS_OR_EQ" in capfd.readouterr().err
    assert not (greeter / "algo.toml").exists()

    (greeter / "TEST_CASES.json").write_text(good)
    (greeter / "algo.toml").write_text("mine")
    assert run(["import", "algorithmia"]) == 1
    told = capfd.readouterr().err
    assert "algo.toml is already there" in told
    assert "hint: mv " in told
    assert "--dir" not in told
    assert (greeter / "algo.toml").read_text() == "mine"


def test_an_algorithm_that_is_nowhere_is_told_with_where_it_was_looked_for(
    sentiment: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = sentiment / "src" / "sentiment.py"
    source.write_text(source.read_text().replace("Word-Cleaner", "Word-Cleaners"))
    capfd.readouterr()
    assert run(["run", "-d", '{"text": "good"}']) == 1
    told = capfd.readouterr().err
    assert "no_such_algorithm" in told
    assert f"no folder in {sentiment.parent} holds a project called nlp/word-cleaners" in told
    assert "the nearest is nlp/word-cleaner in word-cleaner/" in told
    assert "hint: put its project into a folder beside this one" in told
