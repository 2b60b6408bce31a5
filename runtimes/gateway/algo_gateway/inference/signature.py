"""Which tensors an algorithm takes and gives: as `algo.toml` declares them, else by its schema."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from algo_gateway.inference import datatypes
from algo_gateway.inference.npy import NPY
from algo_gateway.inference.tensors import MOST_DIMENSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

# What an input or a result that is no object is called.
INPUT, OUTPUT = "input", "output"
_OF_SCHEMA = {"integer": "INT64", "number": "FP64", "boolean": "BOOL", "string": "BYTES"}
_OF_BOUNDS: dict[tuple[Any, ...], str] = {
    ("number", -65504.0, 65504.0): "FP16",
    ("number", -3.4028234663852886e38, 3.4028234663852886e38): "FP32",
}
for _bits in (8, 16, 32, 64):
    _half = 1 << (_bits - 1)
    _OF_BOUNDS["integer", -_half, _half - 1] = f"INT{_bits}"
    _OF_BOUNDS["integer", 0, 2 * _half - 1] = f"UINT{_bits}"
_DECLARED = re.compile(r"([A-Z]+\d*)(?:\[([-\d, ]*)\])?")


@dataclass(frozen=True, slots=True)
class Spec:
    """One tensor: a size of -1 is any; a `scalar` has the shape [1] and is one value.

    `datatype` is empty where the schema does not tell it. An `array` is read from a .npy file,
    `binary` is bytes, which JSON has as base64.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    scalar: bool = False
    array: bool = False
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Side:
    """The tensors of the input, or of the result.

    `named`: they are the fields of an object. `fixed`: there are these and no others.
    """

    tensors: tuple[Spec, ...] = ()
    named: bool = False
    fixed: bool = False

    def find(self, name: str) -> Spec | None:
        """Return what is known of the tensor `name`; the value itself has any, if none is fixed."""
        if not self.named and not self.fixed and len(self.tensors) == 1:
            return self.tensors[0]
        return next((spec for spec in self.tensors if spec.name == name), None)


@dataclass(frozen=True, slots=True)
class Signature:
    """Both sides."""

    input: Side = Side()
    output: Side = Side()


def signature(
    schema: Mapping[str, Any], inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> Signature:
    """Return the tensors of an algorithm.

    Args:
        schema: What the runner said in `ready`: `input`, `output`, `accepts` and `files`.
        inputs: What is declared: from a name to `FP32[-1,64]`, or `INT64` for one value.
        outputs: The same of the result.

    Raises:
        ValueError: A declaration has another form.
    """
    arrays = set(schema.get("files", ()))
    if NPY in schema.get("accepts", ()):
        arrays.add(INPUT)
    taken, given = _side(schema.get("input", {}), INPUT), _side(schema.get("output", {}), OUTPUT)
    marked = tuple(replace(spec, array=_is_array(spec, arrays)) for spec in taken.tensors)
    taken = replace(taken, tensors=marked)
    return Signature(_declared(inputs, taken), _declared(outputs, given))


def _is_array(spec: Spec, arrays: set[str]) -> bool:
    """Tell whether a .npy file can be sent for `spec`; an image or a table is a file as well."""
    return not spec.scalar and spec.datatype != datatypes.BYTES and spec.name in arrays


def _declared(tensors: Mapping[str, str], found: Side) -> Side:
    if not tensors:
        return found
    # A single tensor is the value itself, unless the schema has an object with a field of its name.
    names = {spec.name for spec in found.tensors} if found.named else set()
    named = len(tensors) > 1 or set(tensors) <= names
    known = {spec.name: spec for spec in found.tensors}
    if not named and len(known) == 1:
        known = dict.fromkeys(tensors, *known.values())
    specs = tuple(
        replace(parse(name, text), array=known[name].array, binary=known[name].binary)
        if name in known
        else parse(name, text)
        for name, text in tensors.items()
    )
    return Side(specs, named=named, fixed=True)


def parse(name: str, text: str) -> Spec:
    """Return the tensor of a declaration.

    Raises:
        ValueError: It has another form, or there is no such datatype.
    """
    match = _DECLARED.fullmatch(text.strip())
    if match is None or not datatypes.known(match[1]):
        raise ValueError(f"the tensor {name} is {text!r}: write it as FP32[-1,64], or INT64")
    if match[2] is None:
        return Spec(name, match[1], (1,), scalar=True)
    sizes = tuple(int(size) for size in match[2].split(",") if size.strip())
    if any(size < -1 for size in sizes):
        raise ValueError(f"the tensor {name} is {text!r}: -1 is any size, less is none")
    return Spec(name, match[1], sizes)


def _side(schema: Mapping[str, Any], name: str) -> Side:
    root = schema
    schema = _resolve(schema, root)
    properties = schema.get("properties")
    if properties:
        found = [_spec(_resolve(one, root), key, root) for key, one in properties.items()]
        return Side(tuple(spec for spec in found if spec is not None), named=True)
    spec = _spec(schema, name, root)
    return Side((spec,)) if spec is not None else Side()


def _spec(schema: Mapping[str, Any], name: str, root: Mapping[str, Any]) -> Spec | None:
    """Return the tensor of a value or of nested lists, None where the schema has another form."""
    leaf = _any_depth(schema)
    if leaf is not None:
        return Spec(name, _datatype(_resolve(leaf, root)), (-1,))
    sizes: list[int] = []
    while schema.get("type") == "array" and len(sizes) < MOST_DIMENSIONS:
        least, most = schema.get("minItems"), schema.get("maxItems")
        sizes.append(least if isinstance(least, int) and least == most else -1)
        schema = _resolve(schema.get("items") or {}, root)
    datatype = _datatype(schema)
    binary = schema.get("contentEncoding") == "base64"
    if sizes:
        return Spec(name, datatype, tuple(sizes), binary=binary)
    return Spec(name, datatype, (1,), scalar=True, binary=binary) if datatype else None


def _any_depth(schema: Mapping[str, Any]) -> Any:
    """Return the leaf of an array of any shape, which is a leaf or a list of arrays; else None."""
    choices = schema.get("anyOf", ())
    if len(choices) == 2 and isinstance(choices[1], dict) and choices[1].get("type") == "array":
        below = choices[1].get("items")
        return choices[0] if isinstance(below, dict) and "$ref" in below else None
    return None


def _datatype(schema: Mapping[str, Any]) -> str:
    """Return the datatype of a leaf, empty where there is none; bounds are those of numpy's."""
    kind = _type(schema)
    bounds = (schema.get("minimum"), schema.get("maximum"))
    return _OF_BOUNDS.get((kind, *bounds)) or _OF_SCHEMA.get(kind, "")


def _type(schema: Mapping[str, Any]) -> str:
    values = schema["enum"] if "enum" in schema else [schema.get("const")]
    if all(isinstance(value, str) for value in values):
        return "string"
    kind = schema.get("type")
    return kind if isinstance(kind, str) else ""


def _resolve(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference into the same document; of a choice with null take the other."""
    for _ in range(8):
        if not isinstance(schema, dict):
            return {}
        choices = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
        place = schema.get("$ref")
        if isinstance(place, str) and place.startswith("#/"):
            schema = root
            for part in place[2:].split("/"):
                schema = schema.get(part, {}) if isinstance(schema, dict) else {}
        elif len(choices) == 1:
            schema = choices[0]
        else:
            return schema
    return {}
