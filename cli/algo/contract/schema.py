"""A small JSON Schema: inferred from values that were seen, or what annotations declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from algo.contract.values import kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from algo.contract.values import Json


class Schema(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The part of JSON Schema that is compared; encoded it is a JSON Schema.

    An empty `type` says nothing is known. `integer` is left out beside `number`, which
    includes it. `enum` and the bounds are declared, never inferred.
    """

    type: tuple[str, ...] = ()
    properties: dict[str, Schema] = {}
    required: tuple[str, ...] = ()
    items: Schema | None = None
    enum: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    pattern: str = ""

    @property
    def known(self) -> bool:
        """Whether anything was seen."""
        return bool(self.type)


def infer(values: Iterable[Json]) -> Schema:
    """Return the narrowest schema that all `values` fulfil; nothing known when there are none."""
    seen = list(values)
    types = {kind(value) for value in seen}
    if "number" in types:
        types.discard("integer")
    objects = [value for value in seen if isinstance(value, dict)]
    keys = sorted({key for value in objects for key in value})
    lists = [value for value in seen if isinstance(value, list)]
    items = infer(item for value in lists for item in value) if lists else None
    return Schema(
        type=tuple(sorted(types)),
        properties={key: infer(v[key] for v in objects if key in v) for key in keys},
        required=tuple(key for key in keys if all(key in value for value in objects)),
        items=items if items is not None and items.known else None,
    )
