"""An MLflow model becomes a project that serves it through MLflow's own `pyfunc`."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import msgspec

from algo.importing import literals, mlflow_model, mlflow_types, requirements, yaml_file
from algo.importing.errors import PickleDangerous, SourceInvalid, SourceUnsupported
from algo.importing.interface import Copied, Draft, Example
from algo.importing.pickles import NoPickle, look_into
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

    from algo.contract.values import Json
    from algo.importing.interface import Ask
    from algo.importing.mlflow_model import MlModel


class _Environment(msgspec.Struct, frozen=True):
    dependencies: list[Any] = []


_FUNCTION = "python_function"
_NEEDS_MORE = {
    "mlflow.spark": "Spark and a Java virtual machine",
    "mlflow.johnsnowlabs": "Spark and a Java virtual machine",
    "mlflow.h2o": "an H2O cluster",
}
_RESERVED = ("mlflow", "numpy", "pandas", "pytest", "sklearn", "scipy", "yaml", "cloudpickle")
_DEEP = 3


class MlflowSource(Value, frozen=True):
    """The folder of a model, which holds its `MLmodel` file.

    Args:
        path: The folder.
        loosen: Take newer versions than those that it was made with.
        skinny: Take `mlflow-skinny` in place of `mlflow`.
        extra: Further requirements.
    """

    path: Path
    loosen: bool = False
    skinny: bool = False
    extra: tuple[str, ...] = ()

    def draft(self, ask: Ask) -> Draft:
        """Read `MLmodel`, the requirements and the input example.

        Raises:
            SourceInvalid: It is no folder of a model.
            SourceUnsupported: It has no flavour that Python can run, or needs what is not here.
        """
        del ask  # the signature says all of it
        folder = _folder(self.path)
        model = mlflow_model.read(folder)
        _check_flavors(model, folder)
        unread = _check_pickles(folder)
        form = mlflow_types.form_of(model)
        again = f"algo import mlflow {shlex.quote(str(self.path))}"
        return Draft(
            parts=("mlflow", f"mlflow_{form.kind}"),
            name=_name(model, folder),
            models={"model": Copied(folder, "models/mlflow")},
            words={
                "requirements": "\n".join(self._requirements(model, folder)),
                "flavors": ", ".join(sorted(model.flavors)),
                "mlflow": model.mlflow_version,
                "rows": form.rows,
                "dtypes": literals.mapping(form.dtypes),
                "inputs": literals.entries(form.inputs, 8),
                "outputs": literals.entries({"predictions": form.output}, 8),
                "names": " or ".join(name for name in form.inputs if name != "params"),
                "imports": form.imports,
                "table": form.table,
            },
            reserved=_RESERVED,
            pickled=any(folder.rglob("*.pkl")),
            examples=_examples(model, folder, form),
            notes=tuple(_notes(model, folder, form, unread)),
            advice=f"{again} --with REQUIREMENT, for what it cannot import",
            loosen="" if self.loosen else f"{again} --loosen",
        )

    def _requirements(self, model: MlModel, folder: Path) -> list[str]:
        lines = _stated(folder)
        if not any(requirements.name_of(line).startswith("mlflow") for line in lines):
            lines.append(f"mlflow=={model.mlflow_version}" if model.mlflow_version else "mlflow")
        if self.skinny:
            lines = [re.sub(r"^mlflow(?=\W|$)", "mlflow-skinny", line) for line in lines]
            lines += [] if any("pandas" in line for line in lines) else ["pandas"]
        if self.loosen:
            lines = [requirements.loosened(line) for line in lines]
        return requirements.merged(lines, self.extra)


def _folder(path: Path) -> Path:
    if path.name == mlflow_model.FILE and path.is_file():
        return path.parent
    if (path / mlflow_model.FILE).is_file():
        return path
    if not path.is_dir():
        raise SourceInvalid(f"{path} is not the folder of a model", hint="give its folder")
    below = sorted(
        found.parent
        for depth in range(1, _DEEP + 1)
        for found in path.glob("/".join(["*"] * depth + [mlflow_model.FILE]))
    )
    hint = f"algo import mlflow {shlex.quote(str(below[0]))}" if below else None
    what = f"; there are models in {', '.join(one.name for one in below[:5])}" if below else ""
    raise SourceInvalid(
        f"{path} is no MLflow model: it has no {mlflow_model.FILE}{what}", hint=hint
    )


def _check_flavors(model: MlModel, folder: Path) -> None:
    function = model.flavors.get(_FUNCTION)
    names = ", ".join(sorted(model.flavors)) or "none"
    if function is None:
        onnx = model.flavors.get("onnx", {}).get("data")
        raise SourceUnsupported(
            f"{folder.name} has no flavour that Python can call: it has {names}",
            hint=f"algo import onnx {shlex.quote(str(folder / str(onnx)))}"
            if onnx
            else "log it again as a python_function: mlflow.pyfunc.log_model(…)",
        )
    loader = str(function.get("loader_module", ""))
    if loader in _NEEDS_MORE:
        raise SourceUnsupported(
            f"{folder.name} is of the flavour {loader.removeprefix('mlflow.')}, which needs "
            f"{_NEEDS_MORE[loader]}",
            hint="convert it to ONNX, then: algo import onnx FILE",
        )


def _check_pickles(folder: Path) -> list[str]:
    """Refuse pickles that hold dangerous calls, or code of another Python.

    Returns:
        Those that cannot be followed.
    """
    unread = []
    for path in sorted(folder.rglob("*.pkl")):
        name = path.relative_to(folder).as_posix()
        try:
            pickled = look_into(path)
        except NoPickle:
            unread.append(name)
            continue
        if pickled.dangerous:
            raise PickleDangerous(f"to read {name} calls {', '.join(pickled.dangerous[:5])}")
        if pickled.has_code:
            raise SourceUnsupported(
                f"{name} holds classes or functions as bytecode, which only the Python that "
                "wrote them can run, and images have their own",
                hint='log the model from code: mlflow.pyfunc.log_model(python_model="model.py")',
            )
    return unread


def _stated(folder: Path) -> list[str]:
    """Return the requirements of the model's own files.

    Raises:
        SourceInvalid: One of them cannot be read.
    """
    path = folder / "requirements.txt"
    if path.is_file():
        return requirements.lines_of(path.read_text(encoding="utf-8", errors="replace"))
    for name in ("conda.yaml", "python_env.yaml"):
        if (folder / name).is_file():
            found = yaml_file.read(folder / name, _Environment).dependencies
            pip = [one["pip"] for one in found if isinstance(one, dict) and "pip" in one]
            lines = [line for part in pip for line in part] if name == "conda.yaml" else found
            return requirements.lines_of("\n".join(map(str, lines)))
    return []


def _name(model: MlModel, folder: Path) -> str:
    # MLflow's own folders are called `model` and `artifacts`, which says nothing of it.
    names = [folder.name, *(parent.name for parent in folder.parents)]
    general = {"model", "artifacts", "models", model.run_id, ""}
    return next((name for name in names if name not in general), "model")


def _examples(model: MlModel, folder: Path, form: mlflow_types.Form) -> tuple[Example, ...]:
    about = model.saved_input_example_info
    if about is not None and about.serving_input_path:
        file = folder / about.serving_input_path
        if file.resolve().is_relative_to(folder.resolve()) and file.is_file():
            return (Example("its own input example", (_json(file),)),)
    return (Example("an input of the right form", form.guesses),) if form.guesses else ()


def _json(path: Path) -> Json:
    try:
        found: Json = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise SourceInvalid(f"{path.name} is no JSON: {error}") from error
    return found


def _notes(model: MlModel, folder: Path, form: mlflow_types.Form, unread: list[str]) -> list[str]:
    notes = [f"{name} could not be looked into for dangerous calls" for name in unread]
    if any(folder.rglob("*.pkl")):
        notes.append("it holds pickles: reading them runs their code, in the project's environment")
    if model.inputs is None:
        notes.append("it has no signature, so its input is not checked")
    if not form.guesses and model.saved_input_example_info is None:
        notes.append("it has no input example, so no case is recorded without --example FILE")
    return notes
