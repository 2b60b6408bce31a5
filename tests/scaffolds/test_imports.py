"""What `algo import` writes is clean, and nothing of a template is left in it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from algo.importing.cog import CogSource
from algo.importing.importing import lay_out
from algo.importing.mlflow import MlflowSource
from algo.importing.onnx import OnnxSource
from algo.importing.sklearn import SklearnSource
from algo.project.project import Project
from algo.resources import data_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from algo.contract.values import Json
    from algo.importing.interface import Draft, Source

FACTS: dict[str, dict[str, Any]] = {
    "iris": {"kind": "array", "features": 4, "labels": "int64", "classes": [0, 1, 2]},
    "churn": {"kind": "frame", "names": ["plan", 'the "bill"'], "texts": {"plan": ["gold"]}},
    "spam": {"kind": "text", "labels": "string"},
}
RUFF = [sys.executable, "-m", "ruff"]
OPTIONS = ["--isolated", "--no-cache", "--line-length=100", "--target-version=py311"]


def answering(facts: dict[str, Any]) -> Callable[[Draft], Json]:
    methods = ["predict", "predict_proba"]
    return lambda draft: {"estimator": "Net", "methods": methods, **facts}


def checked(source: Source, folder: Path, facts: dict[str, Any] | None = None) -> None:
    """Write the project of `source`, and hold its code and its manifest to our own rules."""
    folder.mkdir()
    lay_out(source.draft(answering(facts or {})), "acme/a-net", folder, data_folder("scaffolds"))
    project = Project.open(folder)
    project.check_files()
    for path in folder.rglob("*"):
        if path.suffix in {".py", ".md", ".toml", ".in", ".ini"}:
            assert not re.search(r"(?<!\$)\{\{", path.read_text()), path
    rules = ["--select=E,F,W,I,UP,B,SIM,PTH,RUF", "--ignore=UP007,UP013,PTH119,PTH123"]
    lint = [*RUFF, "check", *OPTIONS, *rules, "src", "tests"]
    for arguments in (lint, [*RUFF, "format", *OPTIONS, "--check", "src", "tests"]):
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["iris.onnx", "scaled.onnx", "texts.onnx", "stored"])
def test_of_an_onnx_file(onnx_models: Path, tmp_path: Path, name: str) -> None:
    checked(OnnxSource(onnx_models / name), tmp_path / "made")


@pytest.mark.parametrize("name", FACTS)
def test_of_an_estimator(sklearn_models: Path, tmp_path: Path, name: str) -> None:
    checked(SklearnSource(sklearn_models / f"{name}.pkl"), tmp_path / "made", FACTS[name])


@pytest.mark.parametrize("name", ["iris", "arrays", "tones", "bare"])
def test_of_an_mlflow_model(mlflow_models: Path, tmp_path: Path, name: str) -> None:
    checked(MlflowSource(mlflow_models / name), tmp_path / "made")


@pytest.mark.parametrize("how", ["def", "async def"])
def test_of_a_project_of_cog(tmp_path: Path, how: str) -> None:
    (tmp_path / "cog.yaml").write_text("run: run.py:Runner\n")
    (tmp_path / "run.py").write_text(f"class Runner:\n    {how} run(self, x: int) -> int: ...\n")
    (tmp_path / "theirs").mkdir()
    for name in ("cog.yaml", "run.py"):
        (tmp_path / name).rename(tmp_path / "theirs" / name)
    checked(CogSource(tmp_path / "theirs"), tmp_path / "made")
