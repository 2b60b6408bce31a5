"""What is read of an MLflow model, and which of them are refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from algo.importing import requirements
from algo.importing.errors import SourceInvalid, SourceUnsupported
from algo.importing.mlflow import MlflowSource

if TYPE_CHECKING:
    from pathlib import Path

    from algo.contract.values import Json
    from algo.errors import AlgoError
    from algo.importing.interface import Draft


def unasked(draft: Draft) -> Json:
    raise AssertionError("the signature says all of it")


def draft_of(path: Path, **options: Any) -> Draft:
    return MlflowSource(path, **options).draft(unasked)


def test_a_signature_of_columns_is_a_frame_with_its_own_example(mlflow_models: Path) -> None:
    draft = draft_of(mlflow_models / "iris")
    assert draft.parts == ("mlflow", "mlflow_frame")
    assert '    "sepal length (cm)": float,' in draft.words["rows"]
    assert '    "sepal length (cm)": "float64",' in draft.words["dtypes"]
    assert draft.words["outputs"] == '        "predictions": list[int],'
    assert draft.words["requirements"].splitlines()[0] == "mlflow-skinny==3.17.2"
    (example,) = draft.examples
    example_file = mlflow_models / "iris" / "serving_input_example.json"
    assert example.inputs == (json.loads(example_file.read_text()),)


def test_a_signature_of_a_tensor_is_an_array_of_its_dtype(mlflow_models: Path) -> None:
    draft = draft_of(mlflow_models / "arrays" / "MLmodel")
    assert draft.parts == ("mlflow", "mlflow_array")
    assert draft.words["rows"] == "Annotated[np.ndarray, np.float32, (None, 4)]"
    assert draft.words["names"] == "inputs or instances"


def test_parameters_and_types_that_json_lacks_are_kept(mlflow_models: Path) -> None:
    draft = draft_of(mlflow_models / "tones")
    assert draft.words["rows"] == '{\n    "text": str,\n    "when": datetime,\n}'
    assert '"weight": "float64"' in draft.words["dtypes"]
    assert '"params": dict[str, Any]' in draft.words["inputs"]
    assert draft.words["imports"].startswith("from datetime import datetime\n")
    assert "| parameter | times | long, 2 when it is left out |" in draft.words["table"]


def test_without_signature_and_example_it_says_what_is_not_known(mlflow_models: Path) -> None:
    draft = draft_of(mlflow_models / "bare")
    assert (draft.words["rows"], draft.examples) == ("{}", ())
    assert len([note for note in draft.notes if "it has no" in note]) == 2


def test_versions_are_loosened_and_mlflow_made_small_when_asked(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {loader_module: x}}\n")
    (tmp_path / "requirements.txt").write_text("mlflow==2.1.0 # pinned\nnumpy == 1.2.*\n")
    draft = draft_of(tmp_path, loosen=True, skinny=True, extra=("numpy>=2",))
    assert draft.words["requirements"].splitlines() == [
        "mlflow-skinny>=2.1.0",
        "numpy>=2",
        "pandas",
    ]
    plain = draft_of(tmp_path).words["requirements"]
    assert plain.splitlines() == ["mlflow==2.1.0", "numpy == 1.2.*"]


def test_requirements_are_taken_from_conda_where_there_are_no_others(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {}}\nmlflow_version: 2.9.2\n")
    (tmp_path / "conda.yaml").write_text("dependencies: [python=3.9, {pip: [xgboost==2.0]}]\n")
    assert draft_of(tmp_path).words["requirements"].splitlines() == [
        "mlflow==2.9.2",
        "xgboost==2.0",
    ]


@pytest.mark.parametrize(
    ("line", "loose"),
    [
        ("a==1.2", "a>=1.2"),
        ("a[x]==1.2; python_version > '3'", "a[x]>=1.2; python_version > '3'"),
        ("a===1.*", "a>=1"),
        ("a>=1,<2", "a>=1,<2"),
        ("a; python_version == '3.11'", "a; python_version == '3.11'"),
    ],
)
def test_only_pins_are_loosened(line: str, loose: str) -> None:
    assert requirements.loosened(line) == loose


def folder_with(path: Path, text: str) -> Path:
    (path / "MLmodel").write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "kind", "said", "hint"),
    [
        ("flavors: {spark: {}}", SourceUnsupported, "it has spark", "python_function"),
        ("flavors: {onnx: {data: m.onnx}}", SourceUnsupported, "it has onnx", "import onnx "),
        (
            "flavors: {python_function: {loader_module: mlflow.spark}}",
            SourceUnsupported,
            "flavour spark, which needs Spark",
            "ONNX",
        ),
        ("a: [", SourceInvalid, "MLmodel is no YAML", ""),
        ("run_id: x", SourceInvalid, "another form than it should", ""),
        (
            "flavors: {}\nsignature: {inputs: '[{]'}",
            SourceInvalid,
            "the signature in MLmodel cannot be read",
            "",
        ),
        (
            "flavors: {}\nsignature: {inputs: '[{\"name\": 1}]'}",
            SourceInvalid,
            "the signature in MLmodel cannot be read",
            "",
        ),
        ("x: " + "a" * (1 << 20), SourceInvalid, "larger than any", ""),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_reason(
    tmp_path: Path, text: str, kind: type[AlgoError], said: str, hint: str
) -> None:
    with pytest.raises(kind) as refused:
        draft_of(folder_with(tmp_path, text))
    assert said in refused.value.message
    assert hint in refused.value.hint


def test_a_class_that_was_pickled_with_its_code_is_refused(mlflow_models: Path) -> None:
    with pytest.raises(SourceUnsupported, match=r"python_model\.pkl holds classes") as refused:
        draft_of(mlflow_models / "plain")
    assert 'python_model="model.py"' in refused.value.hint


def test_a_folder_above_a_model_names_the_models_in_it(mlflow_models: Path) -> None:
    with pytest.raises(SourceInvalid, match="there are models in arrays, bare, iris") as refused:
        draft_of(mlflow_models)
    assert refused.value.hint == f"algo import mlflow {mlflow_models / 'arrays'}"
