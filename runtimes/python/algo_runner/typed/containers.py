"""Lists, sets, tuples and dictionaries."""

from __future__ import annotations

import collections
import collections.abc as abstract
import typing
from typing import Any

from algo_runner.typed.kinds import Compiler, Convert, Kind
from algo_runner.typed.parts import Field, File, again
from algo_runner.typed.problems import MOST, Bad, Problem, expected, place, shown
from algo_runner.typed.scalars import boolean, number, text

_LISTS = {
    list: list,
    abstract.Sequence: list,
    abstract.MutableSequence: list,
    abstract.Collection: list,
    abstract.Iterable: list,
    set: set,
    abstract.Set: set,
    abstract.MutableSet: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
}
_OBJECTS = {
    dict: None,
    abstract.Mapping: None,
    abstract.MutableMapping: None,
    collections.OrderedDict: collections.OrderedDict,
}
# Scalars whose list is returned as it is when all of its items have this very type.
_EXACT = {boolean: bool, number: float, text: str}
_ARRAYS = frozenset({list})
# What a schema can ask of a key.
_NAMES = {"enum", "const", "format", "pattern", "minLength", "maxLength"}


def make(compiler: Compiler, annotation: Any, metadata: tuple[Any, ...]) -> Kind | None:
    """Return the kind of a container of the standard library."""
    origin = typing.get_origin(annotation) or annotation
    arguments = typing.get_args(annotation)
    if origin is tuple:
        return _tuple(compiler, annotation, arguments)
    try:
        if origin in _LISTS:
            item = compiler.kind(item_of(annotation))
            return listed(item, _LISTS[origin], output=compiler.output)
        if origin in _OBJECTS:
            pair = arguments if len(arguments) == 2 else (Any, Any)
            key, item = compiler.kind(pair[0]), compiler.kind(pair[1])
            return mapping(key, item, _OBJECTS[origin], output=compiler.output)
    except TypeError:  # no hashable annotation
        return None
    return None


def item_of(annotation: Any) -> Any:
    """Return the annotation of the items of a list, set or tuple; `Any` of a bare one."""
    return (typing.get_args(annotation) or (Any,))[0]


def listed(item: Kind, into: type = list, *, output: bool = False) -> Kind:
    """Return the kind of an array of `item`s."""
    schema: dict[str, Any] = {"type": "array"}
    if not item.is_any:
        schema["items"] = item.schema
    if output and into in {set, frozenset}:
        schema["uniqueItems"] = True
    if item.is_any:
        convert: Convert = _bare
    else:
        exact = _EXACT.get(item.convert)
        convert = _items(item) if exact is None else _exact(exact, _items(item))
    return Kind(_into(into, convert), schema, _ARRAYS, fields={"": item})


def _bare(value: Any) -> list[Any]:
    if type(value) is list:
        return value
    if isinstance(value, File):
        return [value]
    raise expected("an array", value)


def _exact(kind: type, items: Convert) -> Convert:
    def convert(value: Any) -> list[Any]:
        if type(value) is list and set(map(type, value)) <= {kind}:
            return value
        return items(value)

    return convert


def _items(kind: Kind) -> Convert:
    def convert(value: Any) -> list[Any]:
        if type(value) is not list:
            if isinstance(value, File | Field):  # a form sends a list of one like this
                return _alone(kind, value)
            raise expected("an array", value)
        item = kind.convert
        found: list[Any] = []
        add = found.append
        try:
            for one in value:
                add(item(one))
        except Bad as bad:
            return _rest(item, value, found, bad)
        return found

    return convert


def _rest(item: Convert, value: list[Any], found: list[Any], bad: Bad) -> list[Any]:
    """Go on after the first item that was not converted, to tell of the others, too."""
    problems: list[Problem] = []
    first: Bad | None = bad
    for at in range(len(found), len(value)):
        try:
            if first is None:
                found.append(item(value[at]))
                continue
            error, first = first, None
            found.append(again(item, value[at], error))
        except Bad as error:
            try:
                found.append(again(item, value[at], error))
            except Bad as last:
                problems += last.under(at)
                if len(problems) >= MOST:
                    break
    if problems:
        raise Bad(problems)
    return found


def _alone(kind: Kind, value: Any) -> list[Any]:
    if isinstance(value, Field):
        try:
            return again(_items(kind), str(value), expected("an array", value))
        except Bad:
            pass
    try:
        return [kind.convert(value)]
    except Bad as bad:
        return [again(kind.convert, value, bad)]


def _into(into: type, convert: Convert) -> Convert:
    if into is list:
        return convert

    def collected(value: Any) -> Any:
        try:
            return into(convert(value))
        except TypeError:
            raise Bad("the items of a set are no arrays or objects") from None

    return collected


def _tuple(compiler: Compiler, annotation: Any, arguments: tuple[Any, ...]) -> Kind:
    if not arguments and annotation in {tuple, typing.Tuple}:  # noqa: UP006
        return listed(Kind(), tuple)
    if len(arguments) == 2 and arguments[1] is ...:
        return listed(compiler.kind(item_of(annotation)), tuple)
    return fixed([compiler.kind(argument) for argument in arguments], tuple)


def fixed(kinds: list[Kind], into: Any, required: int | None = None) -> Kind:
    """Return the kind of an array that has an item of each of `kinds`.

    Args:
        kinds: Of the items, in their order.
        into: Takes the list of items.
        required: How many there must be; the others may be left out. None for all.
    """
    least, most = len(kinds) if required is None else required, len(kinds)
    count = f"{most}" if least == most else f"{least} to {most}"

    def convert(value: Any) -> Any:
        if type(value) is not list:
            raise expected(f"an array of {count}", value)
        if not least <= len(value) <= most:
            raise Bad(f"expected an array of {count}, got {len(value)} items")
        found, problems = [], []
        for at, (kind, item) in enumerate(zip(kinds, value, strict=False)):
            try:
                found.append(kind.convert(item))
            except Bad as bad:
                try:
                    found.append(again(kind.convert, item, bad))
                except Bad as last:
                    problems += last.under(at)
        if problems:
            raise Bad(problems)
        return into(found)

    schema: dict[str, Any] = {"type": "array", "minItems": least, "maxItems": most}
    if kinds:
        schema["prefixItems"] = [kind.schema for kind in kinds]
    return Kind(convert, schema, _ARRAYS)


def mapping(key: Kind, item: Kind, into: Any = None, *, output: bool = False) -> Kind:
    """Return the kind of an object of any keys, whose values are `item`s."""
    schema: dict[str, Any] = {"type": "object"}
    if not item.is_any:
        schema["additionalProperties"] = item.schema
    names = {name: value for name, value in key.schema.items() if name in _NAMES}
    if key.schema.get("type") == "integer":
        names = {"pattern": "^-?[0-9]+$"}
    if names and not output:
        schema["propertyNames"] = names
    plain = key.is_any or key.convert is text

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            raise expected("an object", value)
        if plain and item.is_any:
            return value if into is None else into(value)
        found: dict[Any, Any] = {}
        problems: list[Problem] = []
        for name, one in value.items():
            try:
                found[name if plain else _name(key, name)] = item.convert(one)
            except Bad as bad:
                try:
                    found[name if plain else _name(key, name)] = again(item.convert, one, bad)
                except Bad as last:
                    problems += last.under(name)
                    if len(problems) >= MOST:
                        break
        if problems:
            raise Bad(problems)
        return found if into is None else into(found)

    return Kind(convert, schema, frozenset({dict}), fields={})


def _name(key: Kind, name: str) -> Any:
    """Convert a key: JSON has only strings, so "3" is the integer 3 where that is asked for."""
    try:
        return again(key.convert, Field(name), expected("another key", name))
    except Bad:
        pass
    try:
        return key.convert(name)
    except Bad as bad:
        text = bad.problems[0][1]
        raise Bad(f"the key {place((name,))[6:] or shown(name)} is wrong: {text}") from None
