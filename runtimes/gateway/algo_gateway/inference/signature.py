"""Which tensors an algorithm takes and gives: as `algo.toml` declares them, else by its schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from algo_gateway.inference import datatypes

if TYPE_CHECKING:
    from collections.abc import Mapping

# What an input or a result that is no object is called.
INPUT, OUTPUT = "input", "output"
_OF_SCHEMA = {"integer": "INT64", "number": "FP64", "boolean": "BOOL", "string": "BYTES"}
_DECLARED = re.compile(r"([A-Z]+\d*)(?:\[([-\d, ]*)\])?")


@dataclass(frozen=True, slots=True)
class Spec:
    """One tensor: a size of -1 is any; a `scalar` has the shape [1] and is one value."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    scalar: bool = False


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
        schema: `input` and `output` in JSON Schema, as far as they are known.
        inputs: What is declared: from a name to `FP32[-1,64]`, or `INT64` for one value.
        outputs: The same of the result.

    Raises:
        ValueError: A declaration has another form.
    """
    taken, given = schema.get("input", {}), schema.get("output", {})
    return Signature(
        _declared(inputs, _side(taken, INPUT)), _declared(outputs, _side(given, OUTPUT))
    )


def _declared(tensors: Mapping[str, str], found: Side) -> Side:
    if not tensors:
        return found
    # A single tensor is the value itself, unless the schema has an object with a field of its name.
    names = {spec.name for spec in found.tensors} if found.named else set()
    named = len(tensors) > 1 or set(tensors) <= names
    specs = tuple(parse(name, text) for name, text in tensors.items())
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
    depth = 0
    while schema.get("type") == "array":
        depth += 1
        schema = _resolve(schema.get("items") or {}, root)
    datatype = _OF_SCHEMA.get(_type(schema))
    if datatype is None:
        return None
    if depth == 0:
        return Spec(name, datatype, (1,), scalar=True)
    return Spec(name, datatype, (-1,) * depth)


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
