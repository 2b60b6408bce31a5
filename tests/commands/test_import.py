"""`algo import`: real models, through the command line, on the real engines."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from algo.main import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Engine


@pytest.fixture
def cwd(tmp_path: Path, algo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALGO_ENGINE", "virtualenv")
    monkeypatch.setenv("USER", "ada")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def passing(capsys: pytest.CaptureFixture[str], *options: str) -> int:
    """Run `algo test`; return how many passed, which must be all."""
    capsys.readouterr()
    assert run(["test", "--json", *options]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"]
    return int(document["passed"])


def test_an_onnx_model_passes_its_tests_at_once(
    cwd: Path,
    onnx_models: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(["import", "onnx", str(onnx_models / "iris.onnx")]) == 0
    assert capsys.readouterr().out == (
        "Created ada/iris from onnx: 13 files, 2 recorded cases\n"
        "next:\n  cd iris\n  algo serve\n  algo test\n"
    )
    monkeypatch.chdir(cwd / "iris")
    assert passing(capsys) == 3


@pytest.mark.slow
def test_an_onnx_model_is_run_in_a_container_where_there_is_an_engine(
    cwd: Path,
    onnx_models: Path,
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ALGO_ENGINE")
    assert run(["import", "onnx", str(onnx_models / "stored"), "net"]) == 0
    assert "Building" in (told := capsys.readouterr().err) or "Loading" in told
    monkeypatch.chdir(cwd / "net")
    assert passing(capsys, "--engine", "docker") == 3


@pytest.mark.slow
def test_an_estimator_of_a_frame_is_served_with_its_columns(
    cwd: Path,
    sklearn_models: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(["import", "sklearn", str(sklearn_models / "churn.pkl"), "--name", "acme/x"]) == 0
    told = capsys.readouterr()
    assert "Created acme/x from sklearn" in told.out
    assert "reading it runs its code, in the project's environment" in told.err
    monkeypatch.chdir(cwd / "x")
    assert passing(capsys) == 3
    assert run(["run", "-d", '[{"plan": "gold", "Monthly bill ($)": 30, "since": "x"}]']) == 1
    assert "[0].since: expected a number" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iris", "search", "spam", "own", "several", "reduced", "churn"])
def test_estimators_of_many_forms_pass_their_tests_on_both_engines(
    cwd: Path,
    sklearn_models: Path,
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    code = ["--code", str(sklearn_models / "features.py")]
    assert run(["import", "sklearn", str(sklearn_models / f"{name}.pkl"), *code]) == 0
    monkeypatch.chdir(cwd / name)
    assert passing(capsys) == 3
    assert passing(capsys, "--engine", "docker") == 3


@pytest.mark.slow
def test_an_mlflow_model_answers_as_mlflow_says_it_does(
    cwd: Path,
    mlflow_models: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(["import", "mlflow", str(mlflow_models / "tones")]) == 0
    assert "Created ada/tones from mlflow" in capsys.readouterr().out
    monkeypatch.chdir(cwd / "tones")
    recorded = json.loads((cwd / "tones" / "cases" / "recorded.json").read_text())
    # Two times the four letters of "text", as its parameter says, and its artifact's hundred.
    assert recorded[0]["expected"] == {"predictions": [{"letters": 108, "late": False}]}
    three = {"text": "abc", "when": "2026-01-02T13:00:00"}
    body = {"dataframe_records": [three], "params": {"times": 3}}
    assert run(["run", "-d", json.dumps(body), "--json"]) == 0
    assert '{"predictions":[{"letters":109,"late":true}]}' in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "passed"), [("iris", 5), ("arrays", 5), ("bare", 4), ("tones", 5)]
)
def test_mlflow_models_pass_their_tests_on_both_engines(
    cwd: Path,
    mlflow_models: Path,
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    passed: int,
) -> None:
    assert run(["import", "mlflow", str(mlflow_models / name)]) == 0
    monkeypatch.chdir(cwd / name)
    assert passing(capsys) == passed
    assert passing(capsys, "--engine", "docker") == passed


COG = """
build:
  python_version: "3.11"
  python_packages: ["six==1.17.0"]
  system_packages: [libgomp1]
predict: "predict.py:Predictor"
image: r8.im/acme/greeter
"""
PREDICTOR = """
from typing import List, Optional

import six
from cog import BaseModel, BasePredictor, Input, Path, Secret


class Output(BaseModel):
    text: str
    copy: Optional[Path]
    lines: List[int]


class Predictor(BasePredictor):
    def setup(self):
        with open("weights.txt") as file:
            self.word = file.read().strip()

    def predict(
        self,
        name: str = Input(description="Whom to greet", max_length=20),
        times: int = Input(ge=1, le=5, default=1),
        mood: str = Input(choices=["glad", "sad"], default="glad"),
        note: Optional[Path] = Input(default=None),
        key: Secret = Input(default="none"),
    ) -> Output:
        copy, lines = None, []
        if note is not None:
            lines = [len(line) for line in note.read_text().splitlines()]
            copy = Path("/tmp/copy.txt")
            copy.write_text(f"{note.suffix} {key} {key.get_secret_value()}")
        text = " ".join([f"{self.word} {six.text_type(name)}, {mood}"] * times)
        return Output(text=text, copy=copy, lines=lines)
"""
STREAM = """
from cog import AsyncConcatenateIterator, BaseRunner, Input, streaming


class Runner(BaseRunner):
    async def setup(self):
        self.end = "."

    @streaming
    async def run(self, text: str = Input(min_length=3)) -> AsyncConcatenateIterator[str]:
        for word in text.split():
            yield word + self.end
"""


def test_a_predictor_of_cog_runs_as_it_is(
    cwd: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = cwd / "theirs"
    source.mkdir()
    (source / "cog.yaml").write_text(COG)
    (source / "predict.py").write_text(PREDICTOR)
    (source / "weights.txt").write_text("Hello\n")
    assert run(["import", "cog", "theirs"]) == 0
    assert "Created acme/greeter from cog" in capsys.readouterr().out
    monkeypatch.chdir(cwd / "greeter")
    assert (cwd / "greeter" / "predict.py").read_text() == PREDICTOR
    assert 'system-packages = ["libgomp1"]' in (cwd / "greeter" / "algo.toml").read_text()
    recorded = json.loads((cwd / "greeter" / "cases" / "recorded.json").read_text())
    assert recorded[0]["expected"] == {"text": "Hello a text, glad", "copy": None, "lines": []}
    assert passing(capsys) == 4
    note = "data:text/plain;base64,YWIKYw=="
    body = {"name": "Ada", "times": 2, "mood": "sad", "note": note, "key": "xyz"}
    assert run(["run", "-d", json.dumps(body)]) == 0
    answer = json.loads(capsys.readouterr().out)
    copy = "data:text/plain;base64," + base64.b64encode(b" ********** xyz").decode()
    assert answer == {"text": "Hello Ada, sad Hello Ada, sad", "copy": copy, "lines": [2, 1]}
    assert run(["run", "-d", '{"name": "A", "times": 9, "mood": "x", "noet": 1}']) == 1
    said = capsys.readouterr().err
    assert "times: expected at most 5" in said
    assert 'mood: expected one of "glad", "sad"' in said
    assert "did you mean note?" in said


def test_a_stream_of_cog_is_a_stream(cwd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cwd / "theirs" / "app").mkdir(parents=True)
    (cwd / "theirs" / "cog.yaml").write_text('run: "app/run.py:Runner"\nconcurrency: {max: 4}\n')
    (cwd / "theirs" / "app" / "run.py").write_text(STREAM)
    (cwd / "example.json").write_text('{"text": "one two"}')
    arguments = ["theirs", "made", "--name", "acme/words", "--example", "example.json"]
    assert run(["import", "cog", *arguments]) == 0
    assert "concurrency = 4" in (cwd / "made" / "algo.toml").read_text()
    recorded = json.loads((cwd / "made" / "cases" / "recorded.json").read_text())
    assert recorded[0]["expected"] == "one.two."
    assert recorded[1] == {
        "name": "what is missing is told", "input": {}, "error": "invalid_input"
    }  # fmt: skip


def test_what_needs_a_gpu_is_imported_without_running_it(
    cwd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cwd / "theirs").mkdir()
    (cwd / "theirs" / "cog.yaml").write_text(
        "build: {gpu: true}\n" + COG.partition("predict")[1] + COG.partition("predict")[2]
    )
    (cwd / "theirs" / "predict.py").write_text(PREDICTOR)
    assert run(["import", "cog", "theirs", "--no-run", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["cases"] == 0
    assert "gpu = true" in (cwd / "greeter" / "algo.toml").read_text()


@pytest.mark.slow
def test_a_predictor_of_cog_passes_its_tests_in_a_container(
    cwd: Path,
    engine: Engine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (cwd / "theirs").mkdir()
    (cwd / "theirs" / "cog.yaml").write_text(COG)
    (cwd / "theirs" / "predict.py").write_text(PREDICTOR)
    (cwd / "theirs" / "weights.txt").write_text("Hello\n")
    assert run(["import", "cog", "theirs", "--engine", "docker"]) == 0
    monkeypatch.chdir(cwd / "greeter")
    assert passing(capsys, "--engine", "docker") == 4


def test_without_an_engine_a_pickle_is_read_here_only_when_that_is_asked_for(
    cwd: Path,
    sklearn_models: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ALGO_ENGINE")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{cwd}/none.sock")
    assert run(["import", "sklearn", str(sklearn_models / "iris.pkl"), "--json"]) == 4
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "import_pickle_on_host"
    assert list(cwd.iterdir()) == []


@pytest.mark.slow  # it is tried to be built first
def test_pins_that_cannot_be_had_for_the_image_are_told_with_a_way_out(
    cwd: Path, sklearn_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "sklearn", str(sklearn_models / "old.pkl"), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "import_pins_unmet"
    assert "scikit-learn 1.2.2 could not be built" in error["details"]
    assert error["hint"] == f"algo import sklearn {sklearn_models / 'old.pkl'} --loosen"
    assert list(cwd.iterdir()) == []


def test_a_model_of_the_future_is_told_with_a_way_back(
    cwd: Path, onnx_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "onnx", str(onnx_models / "future.onnx"), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "import_model_unusable"
    assert "Unsupported model IR version: 99" in error["details"]
    assert "convert_version" in error["hint"]
    assert list(cwd.iterdir()) == []


def test_kinds_are_listed_and_a_wrong_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import"]) == 0
    assert "  onnx " in capsys.readouterr().out
    assert run(["import", "tensorflow", "x"]) == 2
    assert "tensorflow" in capsys.readouterr().err
