"""From the signature of an MLflow model to annotations, dtypes and inputs to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import field

from algo.importing import literals, tensors
from algo.values import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo.contract.values import Json
    from algo.importing.mlflow_model import MlModel, Spec

# A column's type: in Python, in pandas, and a value of it.
_COLUMNS: dict[str, tuple[str, str, Json]] = {
    "boolean": ("bool", "bool", True),
    "integer": ("int", "int32", 1),
    "long": ("int", "int64", 1),
    "float": ("float", "float32", 0.5),
    "double": ("float", "float64", 0.5),
    "string": ("str", "", "text"),
    "binary": ("bytes", "", "AAEC"),
    "datetime": ("datetime", "datetime64[ns]", "2026-01-02T03:04:05"),
    "array": ("list", "", []),
    "object": ("dict", "", {}),
    "map": ("dict", "", {}),
    "any": ("Any", "", None),
}
_UNKNOWN: tuple[str, str, Json] = ("Any", "", None)


class Form(Value, frozen=True):
    """What a model takes and answers, in the source of a project.

    Args:
        kind: `frame`, `array` or `json`.
        rows: The columns of a frame as a dictionary, else an annotation.
        inputs: The keys of an input, and the annotation of each.
        output: The annotation of what it predicts.
        dtypes: What the columns are in pandas, by name, as source.
        guesses: Inputs to try; empty where nothing is known.
        table: Rows for people.
        imports: What the annotations need of the standard library.
    """

    kind: str
    rows: str
    inputs: dict[str, str]
    output: str
    dtypes: dict[str, str] = field(default_factory=dict)
    guesses: tuple[Json, ...] = ()
    table: str = ""
    imports: str = ""


def form_of(model: MlModel) -> Form:
    """Return the form of `model`; without a signature its input example tells what it is."""
    specs = model.inputs
    about = model.saved_input_example_info
    if specs is None:
        kinds = {"ndarray": "array", "json_object": "json"}
        kind = kinds.get(about.type, "frame") if about else "frame"
        rows = {"array": "np.ndarray", "json": "Any"}.get(kind, "{}")
        return _form(model, kind, rows, {}, ())
    if any(one.tensor_spec for one in specs):
        dtypes = {one.name: one.tensor_spec.dtype for one in specs if one.name and one.tensor_spec}
        known = {name: literals.quoted(dtype) for name, dtype in dtypes.items()}
        return _form(model, "array", _tensors(specs), known, _tensor_guesses(specs))
    if all(one.name is None for one in specs):
        return _form(model, "json", _unnamed(specs), {}, _unnamed_guesses(specs))
    columns = {one.name or str(at): one for at, one in enumerate(specs)}
    dtypes = {name: _kind(one)[1] for name, one in columns.items()}
    wanted = {name: one for name, one in columns.items() if one.required}
    row = {name: _kind(one)[2] for name, one in wanted.items()}
    rows = literals.mapping({name: _kind(one)[0] for name, one in wanted.items()})
    known = {name: literals.quoted(dtype) for name, dtype in dtypes.items() if dtype}
    return _form(model, "frame", rows, known, ([row],) if _settled(wanted.values()) else ())


def _form(
    model: MlModel, kind: str, rows: str, dtypes: dict[str, str], guesses: Sequence[Json]
) -> Form:
    keys = ("dataframe_split", "dataframe_records") if kind == "frame" else ("inputs", "instances")
    inputs = dict.fromkeys(keys, "Rows")
    if model.params:
        inputs["params"] = "dict[str, Any]"
    output = _output(model.outputs)
    text = " ".join((rows, output, *inputs.values(), "Annotated" if kind == "frame" else ""))
    used = {name for name in ("Annotated", "Any") if name in text}
    dates = ["from datetime import datetime"] if "datetime" in rows + output else []
    return Form(
        kind,
        rows,
        inputs,
        output,
        dtypes,
        tuple({keys[-1 if kind == "frame" else 0]: guess} for guess in guesses),
        _table(model),
        "\n".join([*dates, f"from typing import {', '.join(sorted({'TypedDict', *used}))}"]),
    )


def _kind(spec: Spec) -> tuple[str, str, Json]:
    return _COLUMNS.get(spec.type, _UNKNOWN)


def _settled(specs: Any) -> bool:
    """Tell whether a value of each can be made up: a nested one has a form of its own."""
    return all(spec.type in _COLUMNS and spec.type not in _NESTED for spec in specs)


_NESTED = {"array", "object", "map", "any"}


def _unnamed(specs: Sequence[Spec]) -> str:
    return f"list[{_kind(specs[0])[0]}]" if len(specs) == 1 else "list"


def _unnamed_guesses(specs: Sequence[Spec]) -> tuple[Json, ...]:
    if len(specs) != 1 or not _settled(specs):
        return ()
    return ([_kind(specs[0])[2]],)


def _element(dtype: str) -> str:
    if dtype in {"object", "str", "string"} or dtype.startswith(("<U", "|S", "str")):
        return "string"
    return dtype


def _lengths(shape: Sequence[int]) -> tuple[int | None, ...]:
    return tuple(None if one < 0 else one for one in shape)


def _tensors(specs: Sequence[Spec]) -> str:
    """Return the annotation of one tensor, or of several by their names."""
    if len(specs) > 1 or specs[0].name is not None:
        return "dict[str, np.ndarray]"
    spec = specs[0].tensor_spec
    element = _element(spec.dtype) if spec else ""
    if spec is None or not tensors.has_array(element):
        return "np.ndarray"
    return tensors.annotation(element, _lengths(spec.shape))


def _tensor_guesses(specs: Sequence[Spec]) -> tuple[Json, ...]:
    shapes = {
        one.name or "": (_element(one.tensor_spec.dtype), _lengths(one.tensor_spec.shape))
        for one in specs
        if one.tensor_spec
    }
    if not all(tensors.has_array(element) for element, _ in shapes.values()):
        return ()
    guesses = tensors.guesses(shapes)
    return tuple(guess[""] if list(guess) == [""] else guess for guess in guesses)


def _output(specs: tuple[Spec, ...] | None) -> str:
    """Return what is answered: lists for tensors, records for named columns."""
    if not specs:
        return "Any"
    if specs[0].tensor_spec and len(specs) == 1 and specs[0].name is None:
        shape = specs[0].tensor_spec.shape
        inner = tensors.scalar(_element(specs[0].tensor_spec.dtype))
        for _ in shape:
            inner = f"list[{inner}]"
        return inner
    if len(specs) == 1 and specs[0].name is None and specs[0].type in _COLUMNS:
        return f"list[{_kind(specs[0])[0]}]"
    named = all(one.name and not one.tensor_spec for one in specs)
    return "list[dict[str, Any]]" if named else "Any"


def _table(model: MlModel) -> str:
    sides = (("input", model.inputs), ("parameter", model.params), ("output", model.outputs))
    rows = [
        f"| {side} | {one.name or ''} | {_told(one)} |"
        for side, specs in sides
        for one in specs or ()
    ]
    return "\n".join(rows or ["| input | | it has no signature |"])


def _told(spec: Spec) -> str:
    if spec.tensor_spec:
        return f"{spec.tensor_spec.dtype} {tensors.told(_lengths(spec.tensor_spec.shape))}"
    default = f", {spec.default!r} when it is left out" if spec.default is not None else ""
    return f"{spec.type}{'' if spec.required else ', may be left out'}{default}"
