"""Between tensors and what `apply` takes and returns (docs/reference.md, "Tensors")."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec

from algo_gateway.calls.call import Failure
from algo_gateway.inference import datatypes, npy
from algo_gateway.inference.datatypes import BYTES, refused
from algo_gateway.inference.signature import INPUT, OUTPUT
from algo_gateway.inference.tensors import Tensor, measure, nest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from algo_gateway.calls.call import Result
    from algo_gateway.inference.signature import Side, Spec

JSON = "application/json"
# The parameter of a tensor of BYTES that says what its text is; MLServer's name for it.
CONTENT_TYPE = "content_type"
_INT64, _UINT64 = range(-(1 << 63), 1 << 63), range(1 << 64)


def body_of(tensors: Sequence[Tensor], side: Side) -> tuple[str, bytes]:
    """Return the content type and the body of the call that `tensors` make.

    Arrays go as they are to whoever reads them as .npy files, everything else as JSON.

    Raises:
        Failure: 400, they are not what the algorithm takes.
    """
    names = [tensor.name for tensor in tensors]
    _check(tensors, names, side)
    specs = [side.find(name) for name in names]
    if not is_object(names, side):
        kind, body = _content(tensors[0], specs[0])
    elif any(spec is not None and spec.array for spec in specs):
        pairs = zip(tensors, specs, strict=True)
        kind = npy.PARTS
        body = npy.write_parts((one.name, *_content(one, spec)) for one, spec in pairs)
    else:
        pairs = zip(tensors, specs, strict=True)
        kind, body = JSON, msgspec.json.encode({one.name: _value(one, spec) for one, spec in pairs})
    return kind + npy.RESULTS, body


def is_object(names: Sequence[str], side: Side) -> bool:
    """Tell whether tensors of these names are fields of an object, or one is the value itself."""
    return side.named or (not side.tensors and list(names) != [INPUT])


def decoded(result: Result) -> Any:
    """Return what `apply` returned, or yielded: the value of JSON, text, bytes or a tensor.

    Raises:
        Failure: 502, it is not what its content type says.
    """
    kind = result.content_type.partition(";")[0]
    if kind == JSON:
        return msgspec.json.decode(result.body)
    if kind in {npy.NPY, npy.PARTS}:
        try:
            return npy.read(result.body) if kind == npy.NPY else npy.read_parts(result.body)
        except ValueError as error:
            raise Failure(502, "bad_result", str(error)) from None
    return result.body.decode(errors="replace") if kind.startswith("text/") else result.body


def tensors_of(value: Any, side: Side, asked: Sequence[str] = ()) -> list[Tensor]:
    """Return the tensors of what `apply` returned.

    Args:
        value: As `decoded` returns it.
        side: What is known of the result.
        asked: The names of the tensors that the client wants; none for all.

    Raises:
        Failure: 400, one that was asked for is not there; 500, the result is none of the
            tensors that are declared.
    """
    named = _named(value, side, asked)
    if side.fixed:
        missing = [spec.name for spec in side.tensors if spec.name not in named]
        if missing:
            raise Failure(500, "result_lacks_tensor", f"the result has no {missing[0]!r}")
    names = list(asked) or ([one.name for one in side.tensors] if side.fixed else list(named))
    unknown = [name for name in names if name not in named]
    if unknown:
        there = ", ".join(named)
        raise Failure(400, "unknown_output", f"there is no output {unknown[0]!r}: there is {there}")
    return [_tensor(name, named[name], side) for name in names]


def _check(tensors: Sequence[Tensor], names: Sequence[str], side: Side) -> None:
    if not names:
        raise Failure(400, "bad_request", "the request has no inputs")
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise refused(double, "it comes twice")
    if len(names) > 1 and side.tensors and not side.named:
        raise refused(names[1], "the algorithm takes one tensor")
    if not side.fixed:
        return
    known = [spec.name for spec in side.tensors]
    for tensor in tensors:
        spec = side.find(tensor.name)
        if spec is None:
            raise refused(tensor.name, f"the algorithm takes {', '.join(known)}")
        if tensor.datatype != spec.datatype:
            raise refused(tensor.name, f"it is {tensor.datatype}, and {spec.datatype} is taken")
        if not spec.scalar and not _fits(tensor.shape, spec.shape):
            what = f"its shape is {tensor.shape}, and {list(spec.shape)} is taken"
            raise refused(tensor.name, what)
    if len(tensors) < len(known):
        missing = next(name for name in known if name not in names)
        raise refused(missing, "it is missing")


def _fits(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    return len(shape) == len(wanted) and all(
        size in {-1, given} for size, given in zip(wanted, shape, strict=True)
    )


def _content(tensor: Tensor, spec: Spec | None) -> tuple[str, bytes]:
    if spec is not None and spec.array and npy.is_numeric(tensor.datatype):
        return npy.NPY, npy.write(tensor)
    return JSON, msgspec.json.encode(_value(tensor, spec))


def _value(tensor: Tensor, spec: Spec | None) -> Any:
    values = tensor.values
    if tensor.datatype == BYTES and spec is not None and spec.binary:
        values = [base64.b64encode(value).decode() for value in values]
    elif tensor.datatype == BYTES:
        texts = datatypes.text(values)
        if texts is None:
            raise refused(tensor.name, "an element is not UTF-8")
        if tensor.parameters.get(CONTENT_TYPE) == JSON and tensor.count == 1:
            try:
                return msgspec.json.decode(texts[0])
            except msgspec.DecodeError as error:
                raise refused(tensor.name, f"it is no JSON: {error}") from None
        values = texts
    if spec is not None and spec.scalar:
        if len(values) != 1:
            raise refused(tensor.name, f"the algorithm takes one value, not {len(values)}")
        return values[0]
    return nest(values, tensor.shape)


def _named(value: Any, side: Side, asked: Sequence[str]) -> dict[str, Any]:
    alone = side.tensors[0].name if len(side.tensors) == 1 and not side.named else ""
    if isinstance(value, dict) and value and not (alone and side.fixed and alone not in value):
        return value
    # A result without a name takes the one that is asked for.
    return {alone or (asked[0] if len(asked) == 1 else OUTPUT): value}


def _tensor(name: str, value: Any, side: Side) -> Tensor:
    spec = side.find(name)
    if isinstance(value, Tensor):
        if not side.fixed or spec is None or value.datatype == spec.datatype:
            return Tensor(name, value.datatype, value.shape, data=value.data)
        if (tensor := _try(name, spec.datatype, value.shape, value.values)) is not None:
            return tensor
        value = nest(value.values, value.shape)
    measured = measure(value) if isinstance(value, list) else ([1], [value])
    if measured is not None:
        shape, values = measured
        if spec is not None and spec.binary:
            values = [_unwrapped(value) for value in values]
        datatype = spec.datatype if spec is not None else ""
        if datatype and (tensor := _try(name, datatype, shape, values)) is not None:
            return tensor
        if not side.fixed and (tensor := _try(name, _datatype(values), shape, values)) is not None:
            return tensor
    if side.fixed and spec is not None and spec.datatype != BYTES:
        what = f"the result {name!r} does not fit {spec.datatype}, which algo.toml declares"
        raise Failure(500, "result_not_tensor", what)
    text = msgspec.json.encode(value).decode()
    return Tensor(name, BYTES, [1], values=[text], parameters={CONTENT_TYPE: JSON})


def _unwrapped(value: Any) -> Any:
    """Return the bytes that JSON has as base64."""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else value
    except ValueError:
        return value


def _try(name: str, datatype: str, shape: list[int], values: list[Any]) -> Tensor | None:
    """Return the tensor of `values`, None when one of them is no element of `datatype`."""
    if not datatype:
        return None
    try:
        data = datatypes.pack(datatype, values)
    except ValueError:
        return None
    return Tensor(name, datatype, shape, data=data, values=values)


def _datatype(values: Sequence[Any]) -> str:
    """Return the datatype that has all `values`, empty when there is none."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int}:
        low, high = min(values), max(values)
        if low in _INT64 and high in _INT64:
            return "INT64"
        return "UINT64" if low >= 0 and high in _UINT64 else ""
    if kinds <= {int, float}:
        return "FP64"
    return BYTES if kinds <= {str, bytes} else ""
