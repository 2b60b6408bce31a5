"""An ONNX file becomes a project that serves it through onnxruntime."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from algo.importing import literals, tensors
from algo.importing.errors import SourceInvalid, SourceUnsupported
from algo.importing.interface import Copied, Draft, Example
from algo.importing.onnx_file import Map, Optional, Sequence, Tensor, read, read_tensor
from algo.importing.protobuf import Malformed
from algo.values import Value

if TYPE_CHECKING:
    from pathlib import Path

    from algo.importing.interface import Ask
    from algo.importing.onnx_file import Named, OnnxFile, ValueType

SUFFIX = ".onnx"
# Each file is a layer of the image, which has at most 127.
_MOST_FILES = 16
_ORT = b"ORTM"
_SHIPPED = "test_data_set"
_SAFE_OPSET = 21
_CONVERT = (
    'python -c "import onnx; from onnx.version_converter import convert_version as to; '
    "onnx.save(to(onnx.load('{file}'), {opset}), 'older.onnx')\""
)


class OnnxSource(Value, frozen=True):
    """An ONNX file, or a folder that holds one."""

    path: Path

    def draft(self, ask: Ask) -> Draft:
        """Read the file's inputs, outputs and the files beside it.

        Raises:
            SourceInvalid: There is no ONNX file, or there are several.
            SourceUnsupported: It has no inputs, or some that no array stands for.
        """
        del ask  # the file says all of it
        path = _file(self.path)
        model = _read(path)
        _check(model, path)
        external = [_beside(path, location) for location in model.external]
        if len(external) > _MOST_FILES:
            raise SourceUnsupported(
                f"the weights of {path.name} are in {len(external)} files",
                hint="save it with onnx.save_model(model, FILE, save_as_external_data=True), "
                "which makes one file of them",
            )
        files = [path, *external]
        names = ["model", "weights", *(f"weights-{at}" for at in range(2, len(files)))]
        places = [f"models/{file.relative_to(path.parent).as_posix()}" for file in files]
        return Draft(
            parts=("onnx",),
            name=path.stem,
            models={
                name: Copied(file, place)
                for name, file, place in zip(names, files, places, strict=False)
            },
            words={
                "file": path.name,
                "inputs": _entries(model.inputs),
                "outputs": _entries(model.outputs),
                "table": _table(model),
                "imports": _imports(model),
                "opset": str(model.opsets.get("", 0)),
            },
            reserved=("numpy", "onnxruntime", "pytest"),
            examples=_shipped(model, path) or _examples(model),
            notes=tuple(_notes(model)),
            advice=_CONVERT.format(file=path.name, opset=_SAFE_OPSET),
        )


def _file(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.exists():
        raise SourceInvalid(f"{path} is not there", hint="give an ONNX file: algo import onnx FILE")
    found = sorted(path.glob(f"*{SUFFIX}"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise SourceInvalid(f"{path} holds no {SUFFIX} file")
    raise SourceInvalid(
        f"{path} holds several models: {', '.join(one.name for one in found)}",
        hint=f"algo import onnx {shlex.quote(str(found[0]))}",
    )


def _read(path: Path) -> OnnxFile:
    with path.open("rb") as file:
        if file.read(8)[4:] == _ORT:
            raise SourceUnsupported(
                f"{path.name} is in the format of onnxruntime itself, made for one version of it",
                hint="import the ONNX file that it was made from",
            )
    try:
        return read(path)
    except Malformed as error:
        raise SourceInvalid(f"{path.name} is no ONNX file: {error}") from error


def _check(model: OnnxFile, path: Path) -> None:
    if not model.inputs:
        raise SourceUnsupported(
            f"{path.name} has no inputs: it answers the same always",
            hint="export it with its inputs",
        )
    for one in model.inputs:
        if not isinstance(one.type, Tensor):
            raise SourceUnsupported(
                f"the input {one.name!r} of {path.name} is {_words(one.type)}, no tensor",
                hint="export the model with tensors as its inputs",
            )
        if not tensors.has_array(one.type.element):
            raise SourceUnsupported(
                f"the input {one.name!r} of {path.name} is of {one.type.element}, "
                "which numpy does not have",
                hint="convert the input to float32 or float16 in the model",
            )


def _beside(path: Path, location: str) -> Path:
    """Return the file at `location`; one that is outside the model's folder is refused."""
    file = path.parent / location
    inside = not location.startswith("/") and ".." not in location.split("/")
    if not inside or not file.resolve().is_relative_to(path.parent.resolve()):
        raise SourceUnsupported(
            f"{path.name} has its weights in {location!r}, outside its folder",
            hint="save the model anew with its weights beside it",
        )
    if not file.is_file():
        raise SourceInvalid(
            f"{path.name} has its weights in {location!r}, which is not there",
            hint=f"copy it beside the model: cp {shlex.quote(location)} "
            f"{shlex.quote(str(path.parent))}/",
        )
    return file


def _entries(values: tuple[Named, ...]) -> str:
    return literals.entries({one.name: _annotation(one.type) for one in values}, 8)


def _annotation(value: ValueType | None) -> str:
    """Return the annotation for what numpy and JSON make of `value`."""
    match value:
        case Tensor(element, shape) if tensors.has_array(element):
            return tensors.annotation(element, shape)
        case Sequence(of):
            return f"list[{_annotation(of)}]"
        case Map(key, Tensor(element, shape)) if not shape:
            return f"dict[{tensors.scalar(key)}, {tensors.scalar(element)}]"
        case Optional(of):
            return f"{_annotation(of)} | None"
    return "Any"


def _imports(model: OnnxFile) -> str:
    text = _entries((*model.inputs, *model.outputs))
    names = ["Annotated"] if "Annotated[" in text else []
    return ", ".join([*names, *(["Any"] if "Any" in text else []), "TypedDict"])


def _table(model: OnnxFile) -> str:
    rows = [
        f"| {side} | `{one.name}` | {_words(one.type)} | {one.about.replace('|', ' ')} |"
        for side, values in (("input", model.inputs), ("output", model.outputs))
        for one in values
    ]
    return "\n".join(rows)


def _words(value: ValueType | None) -> str:
    match value:
        case Tensor(element, None):
            return f"{element}, of any shape"
        case Tensor(element, ()):
            return f"a single {element}"
        case Tensor(element, tuple(shape)):
            return f"{element} {tensors.told(shape)}"
        case Sequence(of):
            return f"a list of: {_words(of)}"
        case Map(key, Tensor(element, None | ())):
            return f"an object of {element} by {key}"
        case Map(key, of):
            return f"an object by {key} of: {_words(of)}"
        case Optional(of):
            return f"{_words(of)}, or nothing"
    return "not said"


def _examples(model: OnnxFile) -> tuple[Example, ...]:
    types = {one.name: one.type for one in model.inputs if isinstance(one.type, Tensor)}
    tries = tensors.guesses({name: (one.element, one.shape) for name, one in types.items()})
    return (Example("an input of the right form", tries),) if tries else ()


def _shipped(model: OnnxFile, path: Path) -> tuple[Example, ...]:
    """Return the inputs in `test_data_set_N`, which models of the ONNX zoo are shipped with."""
    found = []
    for folder in sorted(path.parent.glob(f"{_SHIPPED}_*")):
        files = sorted(folder.glob("input_*.pb"), key=lambda file: (len(file.name), file.name))
        try:
            tensors_read = [read_tensor(file) for file in files]
        except Malformed:
            continue
        if len(files) != len(model.inputs) or None in tensors_read:
            continue
        values = [one[1] for one in tensors_read if one is not None]
        names = [one.name for one in model.inputs]
        found.append(Example(folder.name, (dict(zip(names, values, strict=True)),)))
    return tuple(found)


def _notes(model: OnnxFile) -> list[str]:
    custom = sorted(domain for domain in model.opsets if domain and domain not in _KNOWN)
    if not custom:
        return []
    return [f"it uses operators of {', '.join(custom)}, which onnxruntime may not have"]


_KNOWN = {"ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft"}
