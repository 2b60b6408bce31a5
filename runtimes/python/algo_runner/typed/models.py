"""pydantic models and msgspec structs: they validate themselves and have schemas of their own."""

from __future__ import annotations

import re
import sys
import typing
from typing import Any

from algo_runner.typed.kinds import EVERYTHING, Compiler, Kind, Schema
from algo_runner.typed.parts import Field, File
from algo_runner.typed.problems import Bad, expected, shown

_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|\[\.\.\.\]")


def make(compiler: Compiler, annotation: Any, metadata: tuple[Any, ...]) -> Kind | None:
    """Return the kind of a pydantic or msgspec type."""
    cls = typing.get_origin(annotation) or annotation
    if "pydantic" in sys.modules and (kind := _pydantic(compiler, annotation, cls, metadata)):
        return kind
    msgspec = sys.modules.get("msgspec")
    if msgspec is None or not isinstance(cls, type) or not issubclass(cls, msgspec.Struct):
        return None
    if metadata:
        return None  # the constraints' turn, which asks again without

    def fill(kind: Kind) -> Schema:
        return _struct(compiler, msgspec, annotation, kind)

    return compiler.named(annotation, cls.__name__, fill)


def _pydantic(
    compiler: Compiler, annotation: Any, cls: Any, metadata: tuple[Any, ...]
) -> Kind | None:
    pydantic = sys.modules["pydantic"]
    own = isinstance(cls, type) and (
        issubclass(cls, pydantic.BaseModel) or hasattr(cls, "__get_pydantic_core_schema__")
    )
    own = own or hasattr(cls, "__pydantic_validator__")
    marked = any(_is_pydantics(mark) for mark in metadata)
    if not own and not marked:
        return None
    whole = typing.Annotated[(annotation, *metadata)] if metadata else annotation
    adapter = pydantic.TypeAdapter(whole)
    strict = bool(getattr(cls, "model_config", {}).get("strict"))

    def fill(kind: Kind) -> Schema:
        kind.convert = _validator(pydantic, adapter, strict=strict)
        return _moved(compiler, _pydantic_schema(adapter, compiler), kind)

    if not own:
        kind = Kind()
        kind.schema = fill(kind)
        return kind
    kind = compiler.named(annotation, cls.__name__, fill)
    if issubclass(cls, pydantic.BaseModel) and not getattr(cls, "__pydantic_root_model__", False):
        kind.takes = frozenset({dict})
        hints = {name: field.annotation for name, field in cls.model_fields.items()}
        kind.fields = {name: _shallow(hint) for name, hint in hints.items()}
    return kind


def _is_pydantics(mark: Any) -> bool:
    """Tell whether only pydantic knows what a mark does: of a Field the bounds are enough."""
    own = type(mark).__module__.partition(".")[0] == "pydantic"
    return own and type(mark).__name__ not in {"FieldInfo", "PydanticGeneralMetadata"}


def _shallow(annotation: Any) -> Kind:
    """Tell only whether a field is a file."""
    return Kind(whole=lambda body, kind: body) if annotation in {bytes, bytearray} else Kind()


def _validator(pydantic: Any, adapter: Any, *, strict: bool) -> Any:
    def convert(value: Any) -> Any:
        try:
            if strict:  # strict models take a date from JSON's string, and from no Python string
                import json

                return adapter.validate_json(json.dumps(value))
            return adapter.validate_python(value)
        except pydantic.ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            raise Bad([(tuple(one["loc"]), _sentence(one)) for one in found]) from None

    return convert


def _sentence(error: dict[str, Any]) -> str:
    text = str(error["msg"])
    text = text[:1].lower() + text[1:]
    if error["type"] == "missing":
        return "is missing"
    if error["type"] in {"value_error", "assertion_error"}:
        return text.partition(", ")[2] or text
    return f"{text}, got {shown(error['input'])}"


def _pydantic_schema(adapter: Any, compiler: Compiler) -> Schema:
    mode = "serialization" if compiler.output else "validation"
    try:
        return adapter.json_schema(mode=mode, ref_template="#/$defs/{model}")
    except Exception:  # a type of the author's without a schema
        return {}


def _struct(compiler: Compiler, msgspec: Any, cls: Any, kind: Kind) -> Schema:
    def hook(wanted: Any, value: Any) -> Any:
        try:
            return compiler.kind(wanted).convert(value)
        except Bad as bad:
            raise _Hooked(bad) from None

    def convert(value: Any) -> Any:
        if type(value) not in EVERYTHING:
            raise expected("an object", value)
        try:
            return msgspec.convert(value, cls, dec_hook=hook)
        except msgspec.ValidationError as error:
            plain = _plain(value)
            if plain is None:
                raise _fault(error) from error.__cause__
            try:
                return msgspec.convert(plain, cls, strict=False, dec_hook=hook)
            except msgspec.ValidationError as last:
                raise _fault(last) from last.__cause__

    kind.convert = convert
    config = getattr(cls, "__struct_config__", None)
    kind.takes = frozenset({list if config is not None and config.array_like else dict})
    kind.fields = {one.encode_name: _shallow(one.type) for one in msgspec.structs.fields(cls)}
    (found,), components = msgspec.json.schema_components(
        (cls,), schema_hook=lambda t: compiler.kind(t).schema, ref_template="#/$defs/{name}"
    )
    return _moved(compiler, {**found, "$defs": components}, kind)


class _Hooked(ValueError):
    """Carries our fault through msgspec, which adds the path to it."""

    def __init__(self, bad: Bad) -> None:
        super().__init__("it is wrong")
        self.bad = bad


def _plain(value: Any) -> Any:
    """Return a form's object without our own classes, None when there are none in it."""
    if not isinstance(value, dict) or not any(
        isinstance(one, File | Field) for one in value.values()
    ):
        return None
    return {
        key: bytes(one) if isinstance(one, File) else str(one) if isinstance(one, Field) else one
        for key, one in value.items()
    }


def _fault(error: Exception) -> Bad:
    if isinstance(error.__cause__, _Hooked):
        inner = error.__cause__.bad.problems
    else:
        text = str(error).partition(" - at `")[0].replace("`", "")
        inner = [((), text[:1].lower() + text[1:])]
    steps = str(error).partition(" - at `$")[2].rstrip("`")
    path = [int(at) if at else name or "…" for name, at in _STEP.findall(steps)]
    for number, (below, text) in enumerate(inner):
        missing = re.fullmatch(r"object missing required field (\w+)", text)
        if missing:
            inner[number] = ((*below, missing[1]), "is missing")
    return Bad([((*path, *below), text) for below, text in inner])


def _moved(compiler: Compiler, schema: Schema, kind: Kind) -> Schema:
    """Return `schema` with its own definitions among the compiler's, under free names."""
    definitions = schema.pop("$defs", {})
    own: dict[str, str] = {}
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    if name in definitions and "$ref" in kind.schema:  # it is one of them
        schema = definitions.pop(name)
        own[name] = kind.schema["$ref"].removeprefix("#/$defs/")
    for name in definitions:
        shared = compiler.definitions.get(name)
        own[name] = name if shared == definitions[name] else compiler.reserve(name)
    for name, definition in definitions.items():
        compiler.definitions[own[name]] = _renamed(definition, own)
    return _renamed(schema, own)


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: _renamed(item, names) for key, item in value.items()}
    reference = value.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        name = reference.removeprefix("#/$defs/")
        found["$ref"] = f"#/$defs/{names.get(name, name)}"
    return found
