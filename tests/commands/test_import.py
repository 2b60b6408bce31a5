"""`algo import`: real models, through the command line, on the real engines."""

from __future__ import annotations

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


def test_an_onnx_model_passes_its_tests_on_both_engines(
    cwd: Path,
    onnx_models: Path,
    engine: Engine,
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
    assert passing(capsys, "--engine", "docker") == 3


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


def test_pins_without_wheels_for_the_image_are_told_with_a_way_out(
    cwd: Path, sklearn_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "sklearn", str(sklearn_models / "old.pkl"), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "import_pins_unmet"
    assert "scikit-learn==1.2.2" in error["details"]
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
